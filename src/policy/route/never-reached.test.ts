import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { compilePositions } from "./match.ts";
import type { MatchableRoute, MatchedRequest, RouteConditions } from "./conditions.ts";
import { neverReached } from "./never-reached.ts";

/** The result as text: `2<0` when route 0 covers route 2; `3<0+1 preflights` when routes 0 and 1 cover route 3 except for preflights. */
function verdicts(...routes: readonly (MatchableRoute | RouteConditions | null)[]): string {
  const matchable = routes.map((route) => (route === null || "match" in route ? route : { match: route }));
  return neverReached(matchable)
    .map(({ index, takers, left }) => [`${index}<${takers.join("+")}`, ...left].join(" "))
    .join(", ");
}

test("paths", () => {
  assert.equal(verdicts({ path: ["/api/*"] }, { path: ["/api/admin/*"] }), "1<0");
  assert.equal(verdicts({ path: ["/api/admin/*"] }, { path: ["/api/*"] }), "");
  for (const path of ["/api", "/api/", "/api/x", "/api//x/y", "/%61pi/x", "/x/../api/*", "/api;v=1/*"]) {
    assert.equal(verdicts({ path: ["/api/*"] }, { path: [path] }), "1<0", path);
  }
  for (const path of ["/", "/apis", "/API/x", "/x/api/*", "/*"]) assert.equal(verdicts({ path: ["/api/*"] }, { path: [path] }), "", path);
  assert.equal(verdicts({ path: ["/x"] }, { path: ["/x"] }), "1<0");
  assert.equal(verdicts({ path: ["/x"] }, { path: ["/x/"] }), "");
  assert.equal(verdicts({ path: ["/*"] }, { path: ["/x/*", "/"] }), "1<0");
  assert.equal(verdicts({}, { path: ["/x"] }, {}), "1<0, 2<0");
  assert.equal(verdicts({ path: ["/a/*", "/b/*"] }, { path: ["/a/x", "/b/y/*"] }, { path: ["/a/x", "/c"] }), "1<0");
});

test("OPTIONS * is no path", () => {
  assert.equal(verdicts({ path: ["/*"] }, {}), "1<0 options_star");
  assert.equal(verdicts({ path: ["/*"] }, { methods: ["OPTIONS"] }), "1<0 options_star");
  assert.equal(verdicts({ path: ["/*"] }, { methods: ["GET", "POST"] }), "1<0");
  assert.equal(verdicts({ path: ["/*"] }, { methods: ["OPTIONS"] }, {}), "1<0 options_star, 2<0+1");
  assert.equal(verdicts({ path: ["/*"] }, { match: { methods: ["GET"] }, cors: {} }), "1<0 options_star");
});

test("hosts", () => {
  assert.equal(verdicts({ host: ["*.example.com"] }, { host: ["a.example.com"] }), "1<0");
  assert.equal(verdicts({ host: ["*.example.com"] }, { host: ["*.b.example.com", "x.y.z.EXAMPLE.com."] }), "1<0");
  assert.equal(verdicts({ host: ["*.example.com"] }, { host: ["example.com"] }, { host: ["aexample.com"] }, { host: ["*.com"] }), "");
  assert.equal(verdicts({ host: ["a.test", "b.test"] }, { host: ["b.test"] }), "1<0");
  assert.equal(verdicts({ host: ["b.test"] }, { host: ["a.test", "b.test"] }), "");
  assert.equal(verdicts({ host: ["*"] }, { host: ["a.test"] }), "1<0");
  assert.equal(verdicts({ host: ["a.test"] }, { host: ["*"] }, {}), "2<1");
});

test("methods", () => {
  assert.equal(verdicts({ methods: ["GET", "POST"] }, { methods: ["POST"] }), "1<0");
  assert.equal(verdicts({ methods: ["GET"] }, { methods: ["HEAD"] }), "1<0");
  assert.equal(verdicts({ methods: ["HEAD"] }, { methods: ["GET"] }), "");
  assert.equal(verdicts({ methods: ["GET"] }, { methods: ["POST"] }, { methods: ["GET", "POST"] }), "2<0+1");
  assert.equal(verdicts({ methods: ["GET"] }, { methods: ["POST"] }, {}), "");
  assert.equal(verdicts({ methods: ["GET"] }, { path: ["/*"] }, { methods: ["GET", "POST"] }), "2<1", "one that is enough");
});

test("headers", () => {
  const one = { headers: { "x-a": "1" } };
  const any = { headers: { "X-A": "*" } };
  assert.equal(verdicts(any, one), "1<0");
  assert.equal(verdicts(one, any), "");
  assert.equal(verdicts(one, { headers: { "X-a": "1", "x-b": "*" } }), "1<0");
  assert.equal(verdicts({ headers: { "x-a": "1", "x-b": "*" } }, one), "");
  assert.equal(verdicts(one, { headers: { "x-a": "2" } }, {}), "");
  assert.equal(verdicts({}, one), "1<0");
  assert.equal(verdicts({ headers: { "x-a": "1", "X-A": "2" } }, {}), "0<", "no request has both");
});

test("all conditions together", () => {
  const wide = { host: ["*.a.test"], path: ["/api/*"], methods: ["GET", "PUT"], headers: { "x-v": "*" } };
  const narrow = { host: ["b.a.test"], path: ["/api/x"], methods: ["PUT"], headers: { "x-v": "2" } };
  assert.equal(verdicts(wide, narrow), "1<0");
  assert.equal(verdicts(narrow, wide), "");
  for (const [key, other] of Object.entries({ host: ["a.test"], path: ["/x"], methods: ["POST"], headers: { "x-w": "2" } })) {
    assert.equal(verdicts(wide, { ...narrow, [key]: other }), "", key);
  }
  // Each of the four pairs of a host and a path must be taken.
  const [a, b] = [
    { host: ["a.test"], path: ["/x", "/y"] },
    { host: ["b.test"], path: ["/y"] },
  ];
  const both = { host: ["a.test", "b.test"], path: ["/x", "/y"] };
  assert.equal(verdicts(a, b, both), "");
  assert.equal(verdicts(a, b, { host: ["b.test"], path: ["/x"], methods: ["GET"] }, { ...both, methods: ["GET"] }), "3<0+1+2");
});

test("preflights", () => {
  const plain: MatchableRoute = { match: { path: ["/x"], methods: ["GET"] } };
  const open: MatchableRoute = { ...plain, cors: {} };
  assert.equal(verdicts(plain, open), "1<0 preflights");
  assert.equal(verdicts(open, plain), "1<0");
  assert.equal(verdicts(open, open), "1<0");
  assert.equal(verdicts({ path: ["/x"] }, open), "1<0");
  assert.equal(verdicts({ path: ["/x"], methods: ["GET", "OPTIONS"] }, open), "1<0");
  const keyed: MatchableRoute = { match: { path: ["/x"], headers: { "x-a": "1" } }, cors: {} };
  assert.equal(verdicts({ path: ["/x"], headers: { "x-a": "*" } }, keyed), "1<0 preflights", "the header is only announced");
  assert.equal(verdicts({ ...keyed, match: { path: ["/x"], headers: { "x-a": "*" } } }, keyed), "1<0");
});

test("a route with unknown conditions covers nothing, and is covered only by routes that take everything", () => {
  assert.equal(verdicts(null, { path: ["/x"] }), "");
  assert.equal(verdicts({ path: ["/*"] }, null), "1<0 options_star");
  assert.equal(verdicts({ methods: ["GET"] }, null), "");
  assert.equal(verdicts({}, null), "1<0");
  assert.equal(verdicts({ path: ["/a%00"] }, { path: ["/a"] }), "");
});

/** The values that the generated routes name, and for each condition some that none of them names. */
const HOSTS = ["a.test", "b.a.test", "fresh.b.a.test", "fresh.a.test", "fresh.test", "fresh"];
const PATHS = ["/a", "/a/b", "/a/fresh", "/a/b/fresh", "/fresh", "*"];
const METHODS = ["GET", "HEAD", "POST", "OPTIONS", "FRESH"];
const FIELDS: readonly Readonly<Record<string, string>>[] = [undefined, "1", "2", "fresh"].flatMap((a) =>
  [undefined, "fresh"].map((b) => ({ ...(a === undefined ? {} : { "x-a": a }), ...(b === undefined ? {} : { "x-b": b }) })),
);
const ASKED = METHODS.flatMap((method) =>
  ["", "x-a", "x-b", "x-a, x-b"].flatMap((names) =>
    [{}, { "x-a": "1" }].map((fields) => ({
      ...fields,
      origin: "https://page.test",
      "access-control-request-method": method,
      "access-control-request-headers": names,
    })),
  ),
);
/** Requests of every kind that the generated routes can tell apart. */
const REQUESTS: readonly MatchedRequest[] = HOSTS.flatMap((host) =>
  PATHS.flatMap((path) =>
    METHODS.filter((method) => path !== "*" || method === "OPTIONS").flatMap((method) =>
      [...FIELDS, ...(method === "OPTIONS" ? ASKED : [])].map((fields: Readonly<Record<string, string>>) => ({
        method,
        host,
        path,
        forwardTarget: path,
        get: (name: string) => fields[name],
      })),
    ),
  ),
);

const listOf = (...values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const conditions = fc.record(
  {
    host: listOf("a.test", "b.a.test", "*.a.test", "*.b.a.test", "*.test", "*"),
    path: listOf("/*", "/a", "/a/*", "/a/b", "/a/b/*"),
    methods: listOf("GET", "HEAD", "POST", "OPTIONS"),
    headers: fc.constantFrom({}, { "x-a": "1" }, { "X-A": "2" }, { "x-a": "*" }, { "x-b": "*" }, { "x-a": "1", "x-b": "*" }),
  },
  { requiredKeys: [] },
);
const routeSets = fc.array(fc.record({ match: conditions, cors: fc.constantFrom(undefined, undefined, {}) }), {
  minLength: 3,
  maxLength: 7,
});

test("a route is called unreached exactly when the matcher chooses it for no request", () => {
  const seen = { reached: 0, unreached: 0, remainders: 0, several: 0 };
  fc.assert(
    fc.property(routeSets, (routes) => {
      const table = compilePositions(routes);
      const kinds = routes.map(() => new Set<string>());
      for (const request of REQUESTS) {
        const found = table.find(request, request.path, "192.0.2.1");
        assert.ok(typeof found !== "symbol");
        if (found === null) continue;
        const isPreflight = request.get("access-control-request-method") !== undefined;
        kinds[found.index]?.add(request.path === "*" ? "options_star" : isPreflight ? "preflights" : "requests");
      }
      // A preflight may announce a header or carry it.
      const isDecided = routes.every(({ match, cors }) => cors === undefined || Object.keys(match.headers ?? {}).length === 0);
      const verdictOf = new Map(neverReached(routes).map((verdict) => [verdict.index, verdict]));
      for (const [index, chosenFor] of kinds.entries()) {
        const verdict = verdictOf.get(index);
        if (verdict === undefined) {
          assert.ok(chosenFor.has("requests"), `route ${index} is never chosen`);
          seen.reached++;
          continue;
        }
        assert.deepEqual(
          [...chosenFor].filter((kind) => !verdict.left.some((remainder) => remainder === kind)),
          [],
          `route ${index} is chosen`,
        );
        if (isDecided) assert.equal(chosenFor.size, verdict.left.length, `route ${index}`);
        assert.ok(verdict.takers.length > 0 && verdict.takers.every((taker) => taker < index));
        seen[verdict.left.length > 0 ? "remainders" : "unreached"]++;
        if (verdict.takers.length > 1) seen.several++;
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(seen.reached > 100 && seen.unreached > 20 && seen.remainders > 5 && seen.several > 0, JSON.stringify(seen));
});

test("ten thousand routes are looked at in a moment", () => {
  const all = (conditionsOf: (index: number) => RouteConditions): MatchableRoute[] =>
    Array.from({ length: 10_000 }, (_, index) => ({ match: conditionsOf(index) }));
  for (const [routes, expected] of [
    [all((index) => ({ path: [`/tenant/${index}/*`] })), 0],
    [all((index) => ({ host: [`h${index}.test`, `*.w${index}.test`], path: ["/api/*", "/x"] })), 0],
    [all((index) => ({ path: ["/api/*"], headers: { "x-tenant": `${index}` } })), 0],
    [all((index) => ({ path: ["/api/*"], methods: [`M${index}`] })), 0],
    [all((index) => ({ path: [`/api/${index % 5000}/*`] })), 5000],
    [all(() => ({ path: ["/api/*"] })), 9999],
  ] as const) {
    const started = process.cpuUsage();
    assert.ok(neverReached(routes).length >= expected);
    const tookMs = process.cpuUsage(started).user / 1000;
    assert.ok(tookMs < 2000, `${tookMs} ms of the processor`);
  }
});
