import assert from "node:assert/strict";
import { test } from "node:test";
import { RememberedTokens } from "./remembered-tokens.ts";
import type { VerifiedToken } from "./remembered-tokens.ts";

function token(user: string, characters: number = 1, untilMs: number = 10): VerifiedToken {
  return { identity: { method: "jwt", user, roles: [], scopes: [], claims: {} }, untilMs, characters };
}

function usersOf(remembered: RememberedTokens, ...digests: readonly string[]): readonly (string | null)[] {
  return digests.map((digest) => remembered.find(digest, 0)?.user ?? null);
}

test("a token is remembered until its end", () => {
  const remembered = new RememberedTokens();
  remembered.add("1", token("a"));
  assert.deepEqual(
    [remembered.find("1", 9)?.user, remembered.find("2", 9), remembered.find("1", 10), remembered.size],
    ["a", null, null, 0],
  );
});

test("of too many the oldest go", () => {
  const remembered = new RememberedTokens({ tokensMax: 2 });
  for (const digest of ["1", "2", "1", "3"]) remembered.add(digest, token(digest));
  assert.deepEqual(usersOf(remembered, "1", "2", "3"), ["1", null, "3"]);
});

test("long tokens take the place of several, however often they come or end", () => {
  const remembered = new RememberedTokens({ charactersMax: 100 });
  for (let round = 0; round < 3; round++) {
    for (const digest of ["1", "2", "3"]) remembered.add(digest, token(digest, 30));
    remembered.add("3", token("3", 40));
    assert.deepEqual(usersOf(remembered, "1", "2", "3"), ["1", "2", "3"]);
    remembered.add("4", token("4", 60));
    assert.deepEqual(usersOf(remembered, "1", "2", "3", "4"), [null, null, "3", "4"]);
    remembered.add("5", token("5", 101));
    assert.equal(remembered.size, 0, "one that is too long for all of it");
    remembered.add("6", token("6", 90, 1));
    assert.equal(remembered.find("6", 1), null);
    remembered.add("7", token("7", 100));
    assert.deepEqual(usersOf(remembered, "7"), ["7"]);
    remembered.add("8", token("8", 101));
    assert.equal(remembered.size, 0);
  }
});
