import assert from "node:assert/strict";
import { test } from "node:test";
import { readApiKeys } from "../features/authentication/read-api-keys.ts";
import { newKeyCommand } from "./new-key.ts";

test("the key goes to stdout alone, and what is printed beside it is an entry that lets it in", () => {
  const keys = new Set<string>();
  for (const roles of [[], ["deploy", "a b"]]) {
    for (const expires of ["", "2027-01-31"]) {
      let [key, entry] = ["", ""];
      const code = newKeyCommand(
        { id: "ci: #1", roles, expires },
        (text) => (key += text),
        (text) => (entry += text),
        undefined,
        Date.UTC(2026, 0, 1),
      );
      assert.equal(code, 0);
      assert.match(key, /^mr_[0-9a-f]{8}_[\w-]{43}\n$/);
      assert.ok(!entry.includes(key.trim()));
      const read = readApiKeys(`keys:\n${entry}`);
      assert.ok("text" in read, JSON.stringify(read));
      const [kept] = JSON.parse(read.text) as readonly Record<string, unknown>[];
      assert.deepEqual(
        [kept?.["id"], kept?.["prefix"], kept?.["roles"], kept?.["expiresMs"]],
        ["ci: #1", key.slice(0, 11), roles, expires === "" ? null : Date.UTC(2027, 0, 31)],
      );
      keys.add(key);
    }
  }
  assert.equal(keys.size, 4);
});

test("no key is made that has ended already: a date is its beginning in UTC", () => {
  for (const [expires, code] of [
    ["2027-01-31", 1],
    ["2027-01-31T12:00:00Z", 1],
    ["2027-01-31T12:00:01Z", 0],
    ["2027-02-01", 0],
  ] as const) {
    let [key, said] = ["", ""];
    const found = newKeyCommand(
      { id: "ci", roles: [], expires },
      (text) => (key += text),
      (text) => (said += text),
      undefined,
      Date.UTC(2027, 0, 31, 12),
    );
    assert.deepEqual([found, key === "", said.includes("is over already")], [code, code === 1, code === 1], expires);
  }
});
