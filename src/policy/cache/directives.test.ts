import assert from "node:assert/strict";
import { test } from "node:test";
import { directivesFor, readCacheControl } from "./directives.ts";
import type { Directives } from "./directives.ts";

/** What differs from a message without directives. */
function said(...values: readonly string[]): Partial<Directives> {
  return differing(readCacheControl(values));
}

function differing(directives: Directives): Partial<Directives> {
  const none = readCacheControl([]);
  return Object.fromEntries(Object.entries(directives).filter(([name, value]) => String(value) !== String(none[name as keyof Directives])));
}

test("directives: in any case, over lines, with quotes, beside what is unknown", () => {
  assert.deepEqual(said("MaX-aGe=60, No-StOrE", "public"), { maxAge: 60, noStore: true, isPublic: true });
  assert.deepEqual(said('max-age="60"'), { maxAge: 60 });
  assert.deepEqual(said('extension="max-age=3600, no-store", max-age=1'), { maxAge: 1 });
  assert.deepEqual(said("foobar, =, ,, max-age=0060, a=b=c"), { maxAge: 60 });
  assert.deepEqual(said("max-stale, only-if-cached, min-fresh=5"), { maxStale: Infinity, onlyIfCached: true, minFresh: 5 });
});

test("of two the stricter one counts, what is no number counts as 0, and more than fits as the most", () => {
  assert.deepEqual(said("max-age=60, max-age=1"), { maxAge: 1 });
  assert.deepEqual(said("max-age=60", "max-age=x"), { maxAge: 0 });
  for (const wrong of ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age='60'", "max-age=1a"])
    assert.ok(["{}", '{"maxAge":0}'].includes(JSON.stringify(said(wrong))), wrong);
  assert.deepEqual(said("max-age=99999999999999999999"), { maxAge: 2_147_483_648 });
  assert.deepEqual(said("max-age =60"), {}, "a space before the sign makes it another thing");
});

test("fields of no-cache and private are named; without names they stand for everything", () => {
  assert.deepEqual(said('no-cache="Set-Cookie, X-A", private=x-b'), { noCacheFields: ["set-cookie", "x-a"], privateFields: ["x-b"] });
  assert.deepEqual(said('no-cache="", private'), { noCache: true, isPrivate: true });
  assert.deepEqual(said('no-cache="a\\"b'), {}, "an open quote takes the rest");
});

test("a targeted field takes the place of Cache-Control when it is a structured field", () => {
  const chosen = (targeted: readonly string[], plain: string): unknown => {
    const values = (name: string): readonly string[] => (name === "cdn-cache-control" ? targeted : [plain]);
    const { directives, isTargeted } = directivesFor(values, ["cdn-cache-control"]);
    return [isTargeted, differing(directives)];
  };
  assert.deepEqual(chosen(["max-age=60"], "no-store"), [true, { maxAge: 60 }]);
  assert.deepEqual(
    chosen(["max-age=60", "must-revalidate, x=(1 2);a"], "no-store"),
    [false, { noStore: true }],
    "a list inside is no directive",
  );
  assert.deepEqual(chosen(['max-age=60;a="b", must-revalidate=?1, public=?0, no-cache="x", y=1.5'], ""), [
    true,
    { maxAge: 60, mustRevalidate: true, noCacheFields: ["x"] },
  ]);
  for (const wrong of [
    'max-age="60"',
    "max-age=60, &&&",
    "max-age",
    "MaX-age=60",
    "max-age= 60",
    "max-age =60",
    "max-age=60,",
    "max-age=60.5",
    "",
  ])
    assert.deepEqual(chosen([wrong], "no-store"), [false, { noStore: true }], wrong);
  assert.deepEqual(chosen([], "max-age=1"), [false, { maxAge: 1 }]);
});
