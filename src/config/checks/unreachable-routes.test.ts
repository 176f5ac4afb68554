import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../load.ts";
import { formatProblem } from "../problems/problem.ts";
import { unreachableRoutes } from "./unreachable-routes.ts";

/** The warnings for routes, each given in YAML's flow style without its `upstream`. */
function warningsFor(...routes: readonly string[]): string[] {
  const listed = routes.map((route) => `  - { ${route}${route === "" ? "" : ", "}upstream: app }\n`).join("");
  const text = `listeners: [{ address: ":8080" }]\nupstreams: { app: { endpoints: ["http://a:1"] } }\nroutes:\n${listed}`;
  const result = parseConfig(text, "f", {}, () => "");
  return ("config" in result ? result.warnings : result.problems).map((problem) => formatProblem(problem).replace(/^f:/, ""));
}

test("a token check on a route that an earlier one covers is named in the warning, with its line", () => {
  assert.deepEqual(warningsFor('match: { path: "/api/*" }', 'match: { path: "/api/admin/*" }, authentication: { tokens: [t0k3n] }'), [
    "5:5: warning: routes.#2: it is never reached: route #1 stands before it and takes every request that it would take; its authentication does not apply to them",
  ]);
  assert.deepEqual(warningsFor('match: { path: "/*" }', "authentication: { tokens: [t0k3n] }, rate_limit: { requests_per_minute: 1 }"), [
    '5:5: warning: routes.#2: nothing but "OPTIONS *" can reach it: route #1 stands before it and takes all others; its authentication and rate_limit do not apply to them',
  ]);
});

test("routes are called by their names, as in logs and by `check` and `explain`", () => {
  assert.deepEqual(warningsFor('name: api, match: { path: "/api/*" }', 'match: { path: "/api/x" }'), [
    "5:5: warning: routes.#2: it is never reached: route api stands before it and takes every request that it would take",
  ]);
  const [together] = warningsFor("name: read, match: { methods: GET }", "match: { methods: POST }", "match: { methods: [get, post] }");
  assert.match(together ?? "", /routes\.#3: it is never reached: routes read and #2 stand before it and take every request that it would/);
  const many = ["GET", "PUT", "POST", "PATCH", "DELETE"];
  const five = warningsFor(...many.map((method) => `match: { methods: ${method} }`), `match: { methods: [${many.join()}] }`);
  assert.match(five.join("\n"), /^\S+ warning: routes\.#6: it is never reached: routes #1, #2, #3 and 2 more stand before it/);
});

test("preflights and conditions that exclude each other", () => {
  assert.match(
    warningsFor("match: { path: /x, methods: GET }", 'match: { path: /x, methods: GET }, cors: { allowed_origins: ["*"] }').join("\n"),
    /^\S+ warning: routes\.#2: nothing but CORS preflights can reach it: route #1 stands before it and takes all others$/,
  );
  assert.match(
    warningsFor('match: { headers: { x-a: "1", X-A: "2" } }', "").join("\n"),
    /^\S+ warning: routes\.#1: it is never reached: its conditions on headers exclude each other$/,
  );
});

test("no warning for a route that some request reaches", () => {
  assert.deepEqual(warningsFor('match: { path: "/api/admin/*" }', 'match: { path: "/api/*" }', 'match: { host: "*.a.test" }', ""), []);
  assert.deepEqual(warningsFor('match: { path: "/api/*", methods: GET }', 'match: { path: "/api/*" }', ""), []);
});

test("a route with invalid conditions covers nothing", () => {
  const covered = { match: { path: "/x" } };
  for (const broken of [
    7,
    null,
    [],
    { match: 7 },
    { match: [] },
    { match: { path: 7 } },
    { match: { path: [] } },
    { match: { paths: "/x" } },
  ]) {
    assert.deepEqual(unreachableRoutes([broken, covered]), [], JSON.stringify(broken));
  }
  for (const broken of [{ match: { headers: { "x-a": 1 } } }, { match: { headers: ["x-a"] } }, { match: { path: "/%00" } }]) {
    assert.deepEqual(unreachableRoutes([broken, covered]), [], JSON.stringify(broken));
    assert.equal(unreachableRoutes([{}, broken]).length, 1);
  }
  for (const everything of [
    {},
    { match: {} },
    { match: { host: "*" } },
    { match: { host: ["a.test", "*"] } },
    { match: { headers: {} } },
  ]) {
    assert.equal(unreachableRoutes([everything, covered]).length, 1, JSON.stringify(everything));
  }
});
