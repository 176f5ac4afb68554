import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { explainRoutes } from "./explain.ts";
import { AMBIGUOUS, compilePositions } from "./match.ts";
import type { MatchableRoute, MatchedRequest, RouteConditions } from "./conditions.ts";
import type { Ordered, RouteTable } from "./match.ts";
import { normalizePath } from "./normalize-path.ts";

/** @param target the path, perhaps with a query */
function request(host: string, target: string, method: string = "GET", headers: Readonly<Record<string, string>> = {}): MatchedRequest {
  return { method, host, path: target.replace(/\?.*/s, ""), forwardTarget: target, get: (name) => headers[name] };
}

const CLIENT = "192.0.2.1";

const NO_ROUTE = -1;
const labelOf = (index: number): string => `#${index + 1}`;
const PREFLIGHTS = ["", "x-a"].map((names) => ({
  origin: "https://page.test",
  "access-control-request-method": "POST",
  "access-control-request-headers": names,
}));

function positionIn(
  table: RouteTable<Ordered>,
  asked: MatchedRequest,
  canonical: string,
  client: string = CLIENT,
): number | typeof AMBIGUOUS {
  const found = table.find(asked, canonical, client);
  return found === AMBIGUOUS ? found : (found?.index ?? NO_ROUTE);
}

function find(
  routes: readonly (RouteConditions & Pick<MatchableRoute, "guards">)[],
  host: string,
  path: string,
  method?: string,
  headers?: Readonly<Record<string, string>>,
): number | typeof AMBIGUOUS {
  const canonical = normalizePath(path.replace(/\?.*/s, ""));
  assert.ok(canonical !== null);
  return positionIn(
    compilePositions(routes.map(({ guards = [], ...match }) => ({ match, guards }))),
    request(host, path, method, headers),
    canonical,
  );
}

test("the first route in the file wins, whatever is more specific", () => {
  assert.equal(find([{ path: ["/*"] }, { path: ["/api/*"] }], "a.test", "/api/x"), 0);
  assert.equal(find([{ path: ["/api/*"] }, { path: ["/*"] }], "a.test", "/api/x"), 0);
  assert.equal(find([{ path: ["/api/*"] }, {}], "a.test", "/other"), 1);
  assert.equal(find([{ host: ["*.a.test"] }, { host: ["b.a.test"] }], "b.a.test", "/"), 0);
  assert.equal(find([{ path: ["/x"] }, {}, { host: ["a.test"] }], "a.test", "/"), 1);
  assert.equal(find([], "a.test", "/"), NO_ROUTE);
});

test("hosts", () => {
  const routes = [{ host: ["A.Test.", "b.test"] }, { host: ["*.example.com"] }];
  assert.equal(find(routes, "a.test", "/"), 0);
  assert.equal(find(routes, "b.test", "/"), 0);
  assert.equal(find(routes, "x.a.test", "/"), NO_ROUTE);
  assert.equal(find(routes, "x.example.com", "/"), 1);
  assert.equal(find(routes, "x.y.z.example.com", "/"), 1);
  for (const other of ["example.com", ".example.com", "evilexample.com", "example.com.evil.test", ""])
    assert.equal(find(routes, other, "/"), NO_ROUTE, other);
  assert.equal(find([{ host: ["[::1]"] }], "[::1]", "/"), 0);
  assert.equal(find([{ host: ["*"] }], "any.test", "/"), 0);
});

test("paths", () => {
  const routes = [{ path: ["/api/*", "/exact", "/slash/"] }];
  for (const path of ["/api", "/api/", "/api/x", "/api/x/y/", "/exact", "/slash/", "/api//x", "/%61pi", "/api/x/../y", "/api;v=1/x"]) {
    assert.equal(find(routes, "a.test", path), 0, path);
  }
  for (const path of ["/", "/apix", "/ap", "/API", "/exact/", "/exact/x", "/slash", "/slash/x", "*", "/x/../y"]) {
    assert.equal(find(routes, "a.test", path), NO_ROUTE, path);
  }
  assert.equal(find([{ path: ["/"] }], "a.test", "/"), 0);
  assert.equal(find([{ path: ["/"] }], "a.test", "/x"), NO_ROUTE);
  assert.equal(find([{ path: ["/*"] }], "a.test", "/x/y"), 0);
  assert.equal(find([{ path: ["/*"] }], "a.test", "*", "OPTIONS"), NO_ROUTE);
  assert.equal(find([{ path: ["/*"] }, {}], "a.test", "*", "OPTIONS"), 1);
  assert.equal(find([{ path: ["/caf\u00e9/*"] }], "a.test", "/caf%c3%a9/x"), 0);
  assert.equal(find([{ path: ["/a/b/../*"] }], "a.test", "/a/c"), 0);
  for (const pattern of ["api", "*", "/a%00"]) assert.throws(() => compilePositions([{ match: { path: [pattern] } }]), RangeError);
});

test("no spelling of a path gets past the route for it", () => {
  const routes = [{ path: ["/admin/*"], guards: ["authentication"] }, { path: ["/static/*"] }, {}];
  for (const path of [
    "/%61dmin",
    "/admin;x=1/",
    "/admin/",
    "/admin//x",
    "//admin",
    "///admin/x",
    "/;x/admin",
    "/admin/a/../b",
    "/admin/./a%2Fb",
    "/%61dmin/%2541",
  ]) {
    assert.equal(find(routes, "a.test", path), 0, path);
  }
  // The readings of these paths lead to different routes, so no route takes them.
  for (const path of [
    "/static/../admin",
    "/admin/../static",
    "/admin/../x",
    "/./admin",
    "//x/admin",
    "//static/admin",
    "///static//admin/x",
    "/\\x/admin",
    "///x\\admin",
    "//x\\y/admin",
    "//x%5cy/admin",
    "/admin\\x",
    "/admin%2fx",
    "/admin%5cx",
    "/%2fadmin",
    "/admin%252fx",
    "/%2561dmin",
    "/admin%3bx",
    "/admin%3fx",
    "/admin%253fx%2f",
  ]) {
    assert.equal(find(routes, "a.test", path), AMBIGUOUS, path);
  }
  // All readings of these paths lead to the same route, which takes them.
  assert.equal(find(routes, "a.test", "/static/a%2Fb"), 1);
  assert.equal(find(routes, "a.test", "/static/./c/../a\\b/100%25/x%3By"), 1);
  assert.equal(find(routes, "a.test", "/projects/group%2Fname"), 2);
  assert.equal(find(routes, "a.test", "//projects/x"), 2);
  assert.equal(find([{ path: ["/a/*"] }], "a.test", "/b%2Fc"), NO_ROUTE);
  // Where the first route takes everything, no reading leads to another one.
  assert.equal(find([{}, { path: ["/admin/*"] }], "a.test", "//x/admin"), 0);
  assert.equal(find([{}], "a.test", "/admin/../x%2Fy"), 0);
});

test("the route for /api/* takes //api/users if it has the guards of the route for /users", () => {
  const taker = (path: string, ...guards: readonly (readonly string[])[]): number | typeof AMBIGUOUS =>
    find(
      [
        { path: ["/api/*"], guards: guards[0] ?? [] },
        { path: ["/users/*"], guards: guards[1] ?? [] },
      ],
      "a.test",
      path,
    );
  for (const path of ["//api/users", "///api/users/1", "//api//users", "//api", "//api/", "//%61pi/users", "//api;v=1/users"]) {
    assert.equal(taker(path), 0, path);
    assert.equal(taker(path, ["a"]), 0, path);
    assert.equal(taker(path, ["a", "b"], ["a"]), 0, path);
  }
  for (const path of ["//api/users", "///api/users/1", "//api//users", "//api/%75sers/x"]) {
    assert.equal(taker(path, ["a"], ["a"]), 0, path);
    assert.equal(taker(path, [], ["a"]), AMBIGUOUS, path);
    assert.equal(taker(path, ["a"], ["b"]), AMBIGUOUS, path);
    assert.equal(taker(path, ["a"], ["a", "b"]), AMBIGUOUS, path);
  }
  assert.equal(taker("//api/others", [], ["a"]), 0);
  assert.equal(taker("//users/api", ["a"], []), AMBIGUOUS);
  // Where the path with merged slashes leads to no route, no route takes it.
  assert.equal(taker("//x@y:80/users", [], ["a"]), NO_ROUTE);
  assert.equal(taker("//", ["a"], ["b"]), NO_ROUTE);
  // Paths with further readings stay ambiguous.
  for (const path of ["//../api/x", "/%2fapi/x", "//api%2fusers", "/./api/x", "//./api/x"]) {
    const found = normalizePath(path) === null ? AMBIGUOUS : taker(path);
    assert.equal(found, AMBIGUOUS, path);
  }
});

test("methods", () => {
  const routes = [{ methods: ["GET", "POST"] }, { methods: ["HEAD"] }];
  assert.equal(find(routes, "a.test", "/", "GET"), 0);
  assert.equal(find(routes, "a.test", "/", "HEAD"), 0);
  assert.equal(find(routes, "a.test", "/", "get"), NO_ROUTE);
  assert.equal(find(routes, "a.test", "/", "PUT"), NO_ROUTE);
  assert.equal(find([{ methods: ["HEAD"] }], "a.test", "/", "GET"), NO_ROUTE);
});

test("headers", () => {
  const routes = [{ headers: { "X-Beta": "1", "x-any": "*" } }];
  assert.equal(find(routes, "a.test", "/", "GET", { "x-beta": "1", "x-any": "" }), 0);
  assert.equal(find(routes, "a.test", "/", "GET", { "x-beta": "1" }), NO_ROUTE);
  assert.equal(find(routes, "a.test", "/", "GET", { "x-beta": "2", "x-any": "y" }), NO_ROUTE);
});

test("a preflight is taken by the route with CORS that would take the request it asks for", () => {
  const routes: MatchableRoute[] = [
    { match: { path: ["/plain"], methods: ["POST"] } },
    { match: { path: ["/*"], methods: ["POST"], headers: { "X-Tenant": "blue" } }, cors: {} },
    { match: { path: ["/*"], methods: ["GET", "POST"] }, cors: {} },
    { match: {} },
  ];
  const taker = (path: string, headers: Readonly<Record<string, string>>): number | typeof AMBIGUOUS =>
    positionIn(compilePositions(routes), request("a.test", path, "OPTIONS", headers), path);
  const asks = (method: string, headers: string = "Content-Type"): Readonly<Record<string, string>> => ({
    origin: "https://page.test",
    "access-control-request-method": method,
    "access-control-request-headers": headers,
  });
  assert.equal(taker("/x", asks("POST")), 2);
  assert.equal(taker("/x", asks("HEAD")), 2);
  assert.equal(taker("/x", asks("PUT")), 3);
  assert.equal(taker("/x", asks("POST", "content-type, x-tenant")), 1);
  assert.equal(taker("/plain", asks("POST")), 2);
  assert.equal(taker("/x", { origin: "https://page.test" }), 3);
  assert.equal(taker("/x", { "access-control-request-method": "POST" }), 3);
  assert.equal(positionIn(compilePositions(routes), request("a.test", "/x", "PUT", asks("POST")), "/x"), 3);
});

test("the index finds the same route as checking all conditions one by one", () => {
  const host = fc.constantFrom("a.test", "b.a.test", "c.b.a.test", "*.a.test", "*.test", "other");
  const pattern = fc.constantFrom("/", "/*", "/a", "/a/", "/a/*", "/a/b", "/a/b/*", "/b/*", "/a/../b");
  const methods = fc.array(fc.constantFrom("GET", "POST", "HEAD"), { minLength: 1, maxLength: 2 });
  const headers = fc.constantFrom({ "x-a": "1" }, { "X-A": "*" }, {});
  const single = {
    host: fc.array(host, { minLength: 1, maxLength: 2 }),
    path: fc.array(pattern, { minLength: 1, maxLength: 3 }),
    methods,
    headers,
    query: fc.constantFrom({ q: "1" }, { q: "*" }, {}),
    client_ip: fc.constantFrom(["192.0.2.0/24"], ["198.51.100.1", "2001:db8::/32"]),
  };
  const exception = fc.record(single, { requiredKeys: [] });
  const entry = fc.record(
    { ...single, not: fc.oneof(exception, fc.array(exception, { minLength: 1, maxLength: 2 })) },
    { requiredKeys: [] },
  );
  const conditions = fc.oneof(entry, entry, fc.array(entry, { minLength: 1, maxLength: 3 }));
  const requestPath = fc
    .array(fc.constantFrom("a", "b", "", ".", "..", "%61", "b%2f", "a%2Fb", "a\\b", "%2561", "a;b", "a%3b"), { maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`)
    .filter((path) => normalizePath(path) !== null);
  fc.assert(
    fc.property(
      fc.array(conditions, { maxLength: 8 }),
      host.filter((name) => !name.startsWith("*")),
      requestPath,
      fc.constantFrom("GET", "HEAD", "PUT", "OPTIONS"),
      fc.constantFrom({}, { "x-a": "1" }, { "x-a": "2" }, ...PREFLIGHTS),
      fc.nat(255),
      fc.infiniteStream(fc.subarray(["a", "b"])),
      fc.constantFrom("", "?q=1", "?%71=2&q=%31", "?x"),
      fc.constantFrom("192.0.2.1", "198.51.100.1", "2001:db8::1", ""),
      (matches, hostName, path, method, headers, cors, guards, query, client) => {
        const routes: MatchableRoute[] = matches.map((match, index) => ({
          match,
          ...((cors >> index) % 2 === 1 ? { cors: {} } : {}),
          guards: guards.next().value,
        }));
        const canonical = normalizePath(path);
        assert.ok(canonical !== null);
        const asked = request(hostName, `${path}${query}`, method, headers);
        const explained = explainRoutes(routes, asked, canonical, client, labelOf);
        assert.equal(explained.length, routes.length);
        const found = positionIn(compilePositions(routes), asked, canonical, client);
        assert.equal(
          found === AMBIGUOUS ? NO_ROUTE : found,
          explained.findIndex((line) => line.matched),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test("conditions on the query are compared in decoded form, and one of several values is enough", () => {
  const routes = [{ query: { debug: "1" } }, { query: { "a b": "é" } }, { query: { flag: "" } }, { query: { any: "*" } }];
  for (const [target, expected] of [
    ["/?debug=1", 0],
    ["/?%64ebug=%31", 0],
    ["/?debug=0&debug=1", 0],
    ["/?x&debug=1#", NO_ROUTE],
    ["/?Debug=1", NO_ROUTE],
    ["/?debug=10", NO_ROUTE],
    ["/?a+b=%C3%A9", 1],
    ["/?a%20b=%c3%a9", 1],
    ["/?a b=%e9", NO_ROUTE],
    ["/?flag", 2],
    ["/?flag=", 2],
    ["/?any", 3],
    ["/?any=%zz", 3],
    ["/debug=1", NO_ROUTE],
    ["/", NO_ROUTE],
  ] as const) {
    assert.equal(find(routes, "a.test", target), expected, target);
  }
});

test("a long query is read once for all conditions", () => {
  const routes = Array.from({ length: 1000 }, (_, index): RouteConditions => ({ query: { [`k${index}`]: "1" } }));
  const target = `/?${"a+&".repeat(2700)}`;
  const before = performance.now();
  assert.equal(find(routes, "a.test", target), NO_ROUTE);
  assert.equal(find([{ not: routes.map(({ query }) => ({ query })) }], "a.test", target), 0);
  assert.equal(find(routes, "a.test", `${target}k%39%39%39=1`), 999);
  assert.ok(performance.now() - before < 500);
});

test("conditions on the client's address, and exceptions by it; neither admits a client without an address", () => {
  const table = compilePositions([
    { match: { client_ip: ["10.0.0.0/8", "2001:db8::/32"] } },
    { match: { not: { client_ip: ["192.0.2.0/24"] } } },
  ]);
  const at = (client: string): number | typeof AMBIGUOUS => positionIn(table, request("a.test", "/"), "/", client);
  assert.deepEqual(["10.1.2.3", "2001:db8::1", "198.51.100.7", "192.0.2.7", ""].map(at), [0, 0, 1, NO_ROUTE, NO_ROUTE]);
});

test("an exception holds if all of its conditions do; of a list of exceptions, one is enough", () => {
  const routes = [
    { path: ["/api/*"], not: { path: ["/api/public/*"], methods: ["GET"] } },
    { not: [{ host: ["*.b.test"] }, { headers: { "x-a": "1" } }, { query: { q: "*" } }] },
  ];
  assert.equal(find(routes, "a.test", "/api/public/x"), 1);
  assert.equal(find(routes, "a.test", "/api/public/x", "HEAD"), 1);
  assert.equal(find(routes, "a.test", "/api/public/x", "POST"), 0);
  assert.equal(find(routes, "a.test", "/api/%70ublic/x"), 1);
  assert.equal(find(routes, "c.b.test", "/x"), NO_ROUTE);
  assert.equal(find(routes, "a.test", "/x", "GET", { "x-a": "1" }), NO_ROUTE);
  assert.equal(find(routes, "a.test", "/x?q"), NO_ROUTE);
  assert.equal(find(routes, "a.test", "/x", "GET", { "x-a": "2" }), 1);
});

test("of several entries of conditions one is enough, and the order of the routes decides all the same", () => {
  const table = compilePositions([
    { match: [{ host: ["a.test"], path: ["/x"] }, { host: ["b.test"] }] },
    { match: {} },
    { match: [{ path: ["/never"] }] },
  ]);
  for (const [host, path, expected] of [
    ["a.test", "/x", 0],
    ["b.test", "/y", 0],
    ["a.test", "/y", 1],
    ["c.test", "/never", 1],
  ] as const) {
    assert.equal(positionIn(table, request(host, path), path), expected, `${host}${path}`);
  }
});

test("a preflight is judged by the method that it asks for, in exceptions too", () => {
  const table = compilePositions([{ match: { not: { methods: ["DELETE"] } }, cors: {} }]);
  const asks = (method: string): Readonly<Record<string, string>> => ({
    origin: "https://page.test",
    "access-control-request-method": method,
  });
  const at = (method: string): number | typeof AMBIGUOUS => positionIn(table, request("a.test", "/", "OPTIONS", asks(method)), "/");
  assert.equal(at("POST"), 0);
  assert.equal(at("DELETE"), NO_ROUTE);
});

test("explainRoutes says why each route takes a request or not", () => {
  const routes: MatchableRoute[] = [
    { match: { host: ["x.test"] } },
    { match: { path: ["/api/*", "/v1"] } },
    { match: { methods: ["POST"] } },
    { match: { headers: { "x-beta": "1" } } },
    { match: { path: ["/*"] } },
    { match: {} },
  ];
  assert.deepEqual(
    explainRoutes(routes, request("a.test", "/other"), "/other", CLIENT, labelOf).map(
      (line) => `${line.index} ${line.matched} ${line.why}`,
    ),
    [
      '0 false the host "a.test" is not x.test',
      '1 false the path "/other" is not one of /api/*, /v1',
      '2 false the method "GET" is not POST',
      "3 false the header x-beta is missing",
      "4 true its conditions hold (path)",
      "5 false it would take it, but route #5 stands before it",
    ],
  );
  const ambiguous = explainRoutes(
    [{ match: { path: ["/admin/*"] } }, { match: {} }],
    request("a.test", "/admin%2fx"),
    "/admin%2Fx",
    CLIENT,
    labelOf,
  );
  assert.match(ambiguous[1]?.why ?? "", /may read the path as "\/admin\/x", which leads to route #1/);
  const guarded: MatchableRoute[] = [{ match: { path: ["/admin/*"] }, guards: ["rate_limit=1", 'authentication="s3cret"'] }, { match: {} }];
  const [, around] = explainRoutes(guarded, request("a.test", "//x/admin"), "/x/admin", CLIENT, labelOf);
  assert.equal(
    around?.why,
    'an origin may read the path as "/admin", which leads to route #1, whose rate_limit this one lacks: nobody takes it',
  );
});

test("ten thousand routes are found in microseconds", () => {
  const hosts: MatchableRoute[] = Array.from({ length: 10_000 }, (_, index) => ({ match: { host: [`h${index}.test`], path: ["/api/*"] } }));
  const wildcards: MatchableRoute[] = Array.from({ length: 10_000 }, (_, index) => ({ match: { host: [`*.h${index}.test`] } }));
  const paths: MatchableRoute[] = Array.from({ length: 10_000 }, (_, index) => ({ match: { path: [`/tenant/${index}/*`] } }));
  for (const [routes, host, path] of [
    [hosts, "h9999.test", "/api/users/1"],
    [wildcards, "www.h9999.test", "/api/users/1"],
    [paths, "a.test", "/tenant/9999/x"],
  ] as const) {
    const table = compilePositions(routes);
    const asked = request(host, path);
    const started = performance.now();
    for (let round = 0; round < 20_000; round++) assert.equal(positionIn(table, asked, path), 9_999);
    const perLookupUs = ((performance.now() - started) * 1000) / 20_000;
    assert.ok(perLookupUs < 20, `${perLookupUs} us`);
  }
});

test("guards that differ now are equal to each other where their texts are, and to none of the others", () => {
  const routes: readonly MatchableRoute[] = [
    { match: { path: ["/api/*"] }, guards: ["authentication=1", "limit=1"] },
    { match: { path: ["/users"] }, guards: ["authentication=1"] },
    { match: { path: ["/limited"] }, guards: ["limit=1"] },
  ];
  const table = compilePositions(routes);
  const isRenewed = (guard: string): boolean => guard.startsWith("authentication=");
  const [first, second] = [0, 1].map((index) => ({ index }));
  assert.ok(first !== undefined && second !== undefined);
  const found = (in_: RouteTable<Ordered>, path: string): number | typeof AMBIGUOUS =>
    positionIn(in_, request("a.test", path), normalizePath(path) ?? assert.fail());
  assert.equal(found(table, "//api/users"), 0);
  const one = table.withGuards([{ taker: first, guards: ["authentication=2", "limit=1"], isRenewed }]);
  assert.equal(found(one, "//api/users"), AMBIGUOUS, "it has another guard now than the route that a server may take");
  assert.equal(found(one, "//api/limited"), 0, "the others stay as they were");
  assert.equal(found(table, "//api/users"), 0, "the table of before does not change");
  const both = table.withGuards([
    { taker: first, guards: ["authentication=2", "limit=1"], isRenewed },
    { taker: second, guards: ["authentication=2"], isRenewed },
  ]);
  assert.equal(found(both, "//api/users"), 0);
  const later = one.withGuards([{ taker: second, guards: ["authentication=3"], isRenewed }]);
  assert.equal(found(later, "//api/users"), AMBIGUOUS);
});
