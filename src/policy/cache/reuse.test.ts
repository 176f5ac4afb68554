import assert from "node:assert/strict";
import { test } from "node:test";
import { readCacheControl } from "./directives.ts";
import { invalidates, sameOriginTarget } from "./invalidation.ts";
import { currentAgeMs, mayServeOnError, storedTimes, useOf } from "./reuse.ts";
import type { StoredTimes } from "./reuse.ts";
import { storedFields, updatedFields } from "./stored-fields.ts";
import { variantKey, variedBy } from "./variants.ts";

const NOW = 1_000_000;

/** A response with these directives that came `agoMs` ago and is fresh for a minute. */
function stored(
  directives: string,
  agoMs: number,
  own: { whileRevalidateMs: number; ifErrorMs: number } = { whileRevalidateMs: 0, ifErrorMs: 0 },
): StoredTimes {
  return storedTimes(readCacheControl([directives]), { receivedMs: NOW - agoMs, initialAgeMs: 5_000, lifetimeMs: 60_000 }, own);
}

test("fresh, stale, and what a request may ask of it", () => {
  const fresh = stored("", 10_000);
  assert.deepEqual(useOf(fresh, null, NOW), { kind: "hit", ageMs: 15_000, leftMs: 45_000 });
  const use = (asked: string, of: StoredTimes = fresh): string => {
    const found = useOf(of, readCacheControl([asked]), NOW);
    return found.kind === "validate" ? found.why : found.kind;
  };
  assert.deepEqual(
    ["no-cache", "max-age=14", "max-age=15", "min-fresh=46", "min-fresh=45", "max-stale"].map((asked) => use(asked)),
    ["request", "request", "hit", "request", "hit", "hit"],
  );
  const stale = stored("", 70_000);
  assert.deepEqual(
    ["", "max-stale", "max-stale=15", "max-stale=14"].map((asked) => use(asked, stale)),
    ["stale", "hit", "hit", "stale"],
  );
  assert.equal(use("max-stale", stored("must-revalidate", 70_000)), "stale");
  assert.equal(use("", stored("no-cache", 0)), "stale");
  assert.equal(currentAgeMs(fresh, NOW - 20_000), 5_000, "the clock was set back");
});

test("while it is refreshed, and on errors: what the response says, else what the configuration does, and never against the origin's word", () => {
  const own = { whileRevalidateMs: 20_000, ifErrorMs: 20_000 };
  const use = (directives: string, agoMs: number): string => useOf(stored(directives, agoMs, own), null, NOW).kind;
  assert.deepEqual([use("", 70_000), use("", 80_000)], ["stale-while-revalidate", "validate"]);
  assert.deepEqual(
    [use("stale-while-revalidate=1", 70_000), use("stale-while-revalidate=60", 80_000)],
    ["validate", "stale-while-revalidate"],
  );
  const onError = (directives: string, agoMs: number): boolean => mayServeOnError(stored(directives, agoMs, own), NOW);
  assert.deepEqual([onError("", 70_000), onError("", 80_000), onError("stale-if-error=60", 80_000)], [true, false, true]);
  for (const strict of ["must-revalidate", "proxy-revalidate", "s-maxage=60", "no-cache"])
    assert.deepEqual([use(strict, 70_000), onError(strict, 70_000)], ["validate", false], strict);
});

test("Vary: names in any order and case, each once; a star anywhere is anything", () => {
  assert.deepEqual(variedBy(["Accept-Encoding, x-B", "X-b,,"]), ["accept-encoding", "x-b"]);
  for (const value of ["*", "a, *", " * ", "accept, X-Forwarded-For", "Forwarded"]) assert.equal(variedBy([value]), "*");
});

test("variants: lines as one list, white space and the order of weighted members aside; a missing field is not an empty one", () => {
  const key = (name: string, ...values: readonly string[]): string => variantKey([name], () => values);
  assert.equal(key("x-a", "1, 2"), key("x-a", "1", "2"));
  assert.equal(key("x-a", "a ; q=1"), key("x-a", "a;q=1"));
  assert.notEqual(key("x-a", "1, 2"), key("x-a", "2, 1"));
  assert.notEqual(key("x-a"), key("x-a", ""));
  assert.equal(key("accept-encoding", "br, GZIP"), key("accept-encoding", "gzip,,br"));
});

test("what is of one hop, or listed, is not stored; a newer head replaces by name, and leaves what describes the content", () => {
  const fields = [
    ["Connection", "X-Hop, close"],
    ["x-hop", "1"],
    ["Age", "5"],
    ["Content-Length", "3"],
    ["X-A", "1"],
    ["Set-Cookie", "a"],
  ] as const;
  assert.deepEqual(storedFields(fields, ["set-cookie"]), [["X-A", "1"]]);
  assert.deepEqual(
    updatedFields(
      [
        ["X-A", "1"],
        ["x-a", "2"],
        ["Content-Type", "a"],
        ["X-B", "1"],
      ],
      [
        ["X-a", "3"],
        ["Content-type", "b"],
      ],
    ),
    [
      ["Content-Type", "a"],
      ["X-B", "1"],
      ["X-a", "3"],
    ],
  );
});

test("unsafe methods that succeed invalidate, of Location only what has the same origin", () => {
  assert.deepEqual(
    [
      invalidates("POST", 201),
      invalidates("M-SEARCH", 302),
      invalidates("POST", 404),
      invalidates("GET", 200),
      invalidates("OPTIONS", 204),
    ],
    [true, true, false, false, false],
  );
  const target = (reference: string): string | null => sameOriginTarget(reference, "http://a.test/x/y?z");
  assert.deepEqual(
    [target("w?q"), target("/v"), target("//a.test/v"), target("http://b.test/v"), target("https://a.test/v"), target("http://[")],
    ["/x/w?q", "/v", "/v", null, null, null],
  );
});
