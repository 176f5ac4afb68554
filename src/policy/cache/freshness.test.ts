/** Lifetimes and storability, beside the library http-cache-semantics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import CachePolicy from "http-cache-semantics";
import fc from "fast-check";
import { httpDate } from "../../http/http-date.ts";
import { readCacheControl } from "./directives.ts";
import { correctedInitialAgeMs, lifetimeMs } from "./freshness.ts";
import type { TimeFields } from "./freshness.ts";
import { whyNotStored } from "./storable.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY_S = 86_400;

type Headers = Readonly<Record<string, string>>;

function fieldsOf(headers: Headers): TimeFields {
  const values = (name: string): readonly string[] => (headers[name] === undefined ? [] : [headers[name]]);
  return { age: values("age"), date: values("date"), expires: values("expires"), lastModified: values("last-modified") };
}

const TIMES = { requestedMs: NOW, receivedMs: NOW };
const NOTHING_OWN = { defaultMs: null, byStatus: new Map<number, number>() };

function lifetimeOf(headers: Headers, status: number = 200): number | null {
  const directives = readCacheControl(headers["cache-control"] === undefined ? [] : [headers["cache-control"]]);
  return lifetimeMs(status, fieldsOf(headers), { directives, isTargeted: false }, TIMES, NOTHING_OWN);
}

const seconds = fc.constantFrom(-7200, -10, 0, 1, 60, 3600, 7 * DAY_S);
const optional = <T>(given: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(given, { nil: undefined });
const date = (at: number): string => httpDate(NOW + at * 1000);
const directive = fc.oneof(
  fc.constantFrom("public", "private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate", "x=y"),
  fc.tuple(fc.constantFrom("max-age", "s-maxage"), fc.constantFrom("0", "1", "60", "3600")).map((pair) => pair.join("=")),
);
const headers = fc
  .record({
    "cache-control": optional(
      fc.uniqueArray(directive, { maxLength: 3, selector: (each) => each.split("=")[0] }).map((all) => all.join(", ")),
    ),
    expires: optional(fc.oneof(seconds.map(date), fc.constantFrom("0", "tomorrow"))),
    date: fc.constantFrom(0, -5, -3600).map(date),
    age: optional(fc.constantFrom("0", "30", "9999")),
    "last-modified": optional(fc.constantFrom(-10_000, -DAY_S, -3 * DAY_S).map(date)),
    etag: optional(fc.constant('"x"')),
  })
  .map((all): Headers => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== "")) as Headers);

test("lifetimes and ages are those of http-cache-semantics", () => {
  fc.assert(
    fc.property(headers, fc.constantFrom(200, 301, 404), (given, status) => {
      const judge = new CachePolicy(
        { method: "GET", url: "/", headers: {} },
        { status, headers: given },
        { shared: true, ignoreCargoCult: false },
      );
      Reflect.set(judge, "now", () => NOW);
      Reflect.set(judge, "_responseTime", NOW);
      const directives = readCacheControl([given["cache-control"] ?? ""]);
      const own = lifetimeOf(given, status) ?? 0;
      // The library gives 0 where a response may not be used without validation, and its heuristic has no upper bound.
      const isUsed = judge.storable() && !directives.noCache && !directives.isPrivate;
      if (isUsed && !directives.proxyRevalidate && own < DAY_S * 1000 - 1) {
        // It rounds to whole seconds.
        const theirs = maxAgeOf(judge);
        assert.ok(Math.abs(theirs * 1000 - own) <= 1000, `${JSON.stringify(given)}: ${theirs} ${own}`);
      }
      const age = correctedInitialAgeMs(fieldsOf(given), TIMES) / 1000;
      // It does not look at Date, where Age is said (section 4.2.3 takes the larger one).
      assert.ok(age >= Number(given["age"] ?? 0));
    }),
    { numRuns: 2000 },
  );
});

/** In seconds. The library's types leave this method out. */
function maxAgeOf(policy: CachePolicy): number {
  return (Reflect.get(policy, "maxAge") as () => number).call(policy);
}

test("what may be stored is what http-cache-semantics stores", () => {
  fc.assert(
    fc.property(headers, fc.constantFrom(200, 201, 302, 404, 500), fc.boolean(), fc.boolean(), (given, status, authorized, noStore) => {
      const request = {
        method: "GET",
        url: "/",
        headers: { ...(authorized ? { authorization: "x" } : {}), ...(noStore ? { "cache-control": "no-store" } : {}) },
      };
      const judge = new CachePolicy(request, { status, headers: given }, { shared: true });
      const directives = readCacheControl([given["cache-control"] ?? ""]);
      const why = whyNotStored({
        method: "GET",
        status,
        asked: { noStore },
        directives,
        hasExpires: given["expires"] !== undefined,
        isPersonal: authorized,
        variesByUser: false,
        isConfigured: false,
        setsCookie: false,
        mayStoreCookies: false,
        variesByAnything: false,
        lifetimeMs: lifetimeOf(given, status),
        hasValidator: given["etag"] !== undefined || given["last-modified"] !== undefined,
        methods: new Set(["GET"]),
      });
      // What is of no use is not stored here, though it may be; nor does the library store statuses that it does not know.
      if (why === null && [200, 302, 404].includes(status)) assert.ok(judge.storable(), JSON.stringify({ given, status, authorized }));
      if (why !== null && why !== "no-lifetime") assert.ok(!judge.storable(), `${why} ${JSON.stringify({ given, status, authorized })}`);
    }),
    { numRuns: 2000 },
  );
});

test("dates: three forms in any case; two, or one that cannot be read, are in the past", () => {
  const of = (...expires: readonly string[]): number | null =>
    lifetimeMs(
      200,
      { age: [], date: [date(0)], expires, lastModified: [] },
      { directives: readCacheControl([]), isTargeted: false },
      TIMES,
      NOTHING_OWN,
    );
  for (const each of [
    "Thu, 01 Jan 2026 01:00:00 GMT",
    "Thursday, 01-Jan-26 01:00:00 GMT",
    "Thu Jan  1 01:00:00 2026",
    "THU, 01 jan 2026 01:00:00 gmt",
  ])
    assert.equal(of(each), 3_600_000, each);
  for (const each of ["Thu, 01 Jan 2026 01:00:00 UTC", "0", "", "Thu, 1 Jan 2026 01:00:00 GMT"]) assert.equal(of(each), 0, each);
  assert.equal(of(date(3600), date(3600)), 0);
});

test("Age: the first member of the first line, if it is a number", () => {
  const of = (...age: readonly string[]): number =>
    correctedInitialAgeMs({ age, date: [date(0)], expires: [], lastModified: [] }, TIMES) / 1000;
  assert.deepEqual(
    [of("7"), of("7, 0"), of("0", "7"), of("x"), of("-7"), of("7.0"), of("7;a=1"), of("99999999999")],
    [7, 7, 0, 0, 0, 0, 0, 2_147_483_648],
  );
  assert.equal(
    correctedInitialAgeMs({ age: ["5"], date: [], expires: [], lastModified: [] }, { requestedMs: NOW - 3000, receivedMs: NOW }),
    8000,
  );
});

test("a configuration's lifetimes stand in for the heuristic, and for nothing that is said", () => {
  const own = { defaultMs: 60_000, byStatus: new Map([[404, 10_000]]) };
  const of = (given: Headers, status: number): number | null =>
    lifetimeMs(status, fieldsOf(given), { directives: readCacheControl([given["cache-control"] ?? ""]), isTargeted: false }, TIMES, own);
  assert.deepEqual([of({}, 200), of({}, 404), of({}, 302), of({ "last-modified": date(-DAY_S) }, 200)], [60_000, 10_000, null, 60_000]);
  assert.equal(of({ "cache-control": "max-age=0" }, 404), 0);
});
