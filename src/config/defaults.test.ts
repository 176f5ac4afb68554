import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf, problemsOf, warningsOf } from "./load.fixture.ts";

const LISTENERS = 'listeners: [{ address: ":8080" }]\n';
const APP = 'upstreams: { app: { endpoints: ["http://a:1"] } }\n';

/** A configuration with these routes and defaults, each from a line of its own. */
function text(routes: readonly string[], routeDefaults: string, upstreamDefaults: string = "{}", upstreams: string = APP): string {
  const list = routes.map((route) => `  - ${route}\n`).join("");
  return `${LISTENERS}${upstreams}routes:\n${list}defaults:\n  routes: ${routeDefaults}\n  upstreams: ${upstreamDefaults}\n`;
}

describe("defaults", () => {
  test("hold for the keys that a route does not state, each as a whole", () => {
    const config = configOf(
      text(
        ["{ match: { path: /a }, upstream: app }", "{ upstream: app, cors: { allowed_origins: [https://b.test] }, max_body: 0 }"],
        "{ cors: { allowed_origins: [https://a.test], max_age: 1h }, max_body: 1MiB }",
      ),
    );
    const [first, second] = config.routes;
    assert.deepEqual([first?.cors?.allowed_origins, first?.cors?.max_age, first?.max_body], [["https://a.test"], 3_600_000, 1024 ** 2]);
    assert.deepEqual([second?.cors?.allowed_origins, second?.max_body], [["https://b.test"], 0]);
    assert.notEqual(second?.cors?.max_age, 3_600_000, "nothing of a key that the route states");
    assert.ok(!("defaults" in config));
  });

  test("hold for upstreams, and go before the proxy's own", () => {
    const upstreams = 'upstreams: { app: { endpoints: ["http://a:1"] }, b: { endpoints: ["http://b:1"], timeouts: { idle: 1s } } }\n';
    const routes = ["{ match: { path: /b }, upstream: b }", "{ upstream: app }"];
    const config = configOf(text(routes, "{}", "{ timeouts: { connect: 1s }, retries: 0, health_check: { path: /up } }", upstreams));
    const { app, b } = config.upstreams;
    assert.deepEqual([app?.timeouts.connect, app?.timeouts.idle, app?.retries, app?.health_check?.path], [1000, 60_000, 0, "/up"]);
    assert.deepEqual([b?.timeouts.connect, b?.timeouts.idle, b?.retries, b?.health_check?.path], [5000, 1000, 0, "/up"]);
  });

  test("false takes out a key that has no value of its own, also where there is no default", () => {
    const upstreams = 'upstreams: { app: { endpoints: ["http://a:1"], health_check: false } }\n';
    const routes = ["{ match: { path: /a }, upstream: app, max_body: false, cors: false }", "{ upstream: app }"];
    const config = configOf(text(routes, "{ max_body: 1MiB }", "{ health_check: {} }", upstreams));
    assert.deepEqual(
      config.routes.map((route) => ["max_body" in route, "cors" in route]),
      [
        [false, false],
        [true, false],
      ],
    );
    assert.equal(config.upstreams["app"]?.health_check, undefined);
  });

  test("false stays what it is where it is a value, and where a key has a value in any case", () => {
    const config = configOf(
      text(["{ match: { path: /a }, upstream: app, rewrite_location: false }", "{ upstream: app }"], "{ rewrite_location: true }"),
    );
    assert.deepEqual(
      config.routes.map((route) => route.rewrite_location),
      [[false], [true]],
    );
    assert.deepEqual(problemsOf(text(["{ upstream: app, match: false }"], "{}", "{ timeouts: false }")), [
      "4:29: routes.#1.match: expected a mapping of keys or a list, found false",
      "7:26: defaults.upstreams.timeouts: expected a mapping of keys, found false",
    ]);
  });

  test("nothing in the place of a key is an error, because an empty section may have been meant to hold something", () => {
    assert.deepEqual(problemsOf(text(["{ upstream: app, authentication: }"], "{ authentication: { tokens: [a-token] } }")), [
      "4:38: routes.#1.authentication: expected a mapping of keys, found nothing",
    ]);
  });

  test("go before the values of the whole configuration only where a key does not add up", () => {
    const config = configOf(
      `${text(["{ upstream: app, request_headers: { set: { C: route } } }", "{ match: { path: /a }, upstream: app }"].toReversed(), "{ request_headers: { set: { B: default } } }")}request_headers: { set: { A: all } }\n`,
    );
    assert.deepEqual(
      config.routes.map((route) => route.request_headers?.map((each) => Object.keys(each.set ?? {}).join())),
      [
        ["A", "B"],
        ["A", "C"],
      ],
    );
  });

  test("bring middleware, secrets and variables", () => {
    const given = text(["{ upstream: app }"], '{ middleware: [{ use: ./a.ts }], authentication: { tokens: ["file:token", "${T}"] } }');
    const [route] = configOf(given, { T: "from the environment" }, (path) => `the text of ${path}`).routes;
    assert.deepEqual(route?.middleware, [{ use: "./a.ts" }]);
    assert.deepEqual(route?.authentication?.tokens, ["the text of token", "from the environment"]);
  });
});

describe("problems of defaults", () => {
  test("are told once, in their place, whether routes take them or not", () => {
    const routeDefaults = '{ max_body: 1x, rate_limit: { burst: 3 }, cors: { allowed_orgins: [] }, authentication: { tokens: ["${N}"] } }';
    const expected = [
      "LINE:23: defaults.routes.max_body: expected a size such as 64KiB, 10MiB, 10MB or a number of bytes, found a text (not shown)",
      "LINE:27: defaults.routes.rate_limit: expected requests_per_minute or requests_per_second, found neither",
      'LINE:61: defaults.routes.cors.allowed_orgins: unknown key; did you mean "allowed_origins"?',
      "LINE:110: defaults.routes.authentication.tokens.#1: the environment variable N is not set; ${N:-default} would give it a default",
    ];
    const taking = ["{ match: { path: /a }, upstream: app }", "{ upstream: app }"];
    const refusing = ["{ upstream: app, max_body: 1, rate_limit: false, cors: false, authentication: false }"];
    for (const routes of [taking, refusing]) {
      const lines = problemsOf(text(routes, routeDefaults)).filter((line) => !line.includes("warning"));
      assert.deepEqual(
        lines,
        expected.map((line) => line.replace("LINE", `${routes.length + 5}`)),
      );
    }
  });

  test("are told of keys that only a route or an upstream itself can state", () => {
    const given = text(
      ["{ upstream: app }"],
      "{ upstream: app, match: { host: a }, name: x, redirect: { to: / }, zzzz: 1 }",
      "{ endpoints: [] }",
    );
    assert.deepEqual(
      problemsOf(given).map((line) => line.replace(/(unknown key).*/, "$1")),
      [
        "6:13: defaults.routes.upstream: unknown key",
        "6:28: defaults.routes.match: unknown key",
        "6:48: defaults.routes.name: unknown key",
        "6:57: defaults.routes.redirect: unknown key",
        "6:78: defaults.routes.(key #5): unknown key",
        "7:16: defaults.upstreams.endpoints: unknown key",
      ],
    );
  });

  test("that concern one route only are no problems of the others' default", () => {
    const routes = ["{ match: { path: /a }, redirect: { to: /b } }", "{ upstream: app }"];
    assert.deepEqual(warningsOf(text(routes, "{ rewrite_location: true }")), []);
    const [idle = ""] = warningsOf(text(["{ redirect: { to: /b } }"], "{ rewrite_location: true }")).filter((line) =>
      line.includes("defaults"),
    );
    assert.match(idle, /^6:13: warning: defaults\.routes\.rewrite_location: the route answers by itself/);
    const [own = ""] = warningsOf(
      text(["{ match: { path: /a }, redirect: { to: /b }, rewrite_location: true }", "{ upstream: app }"], "{}"),
    );
    assert.match(own, /^4:50: warning: routes\.#1\.rewrite_location: the route answers by itself/);
  });

  test("have no secret in their messages", () => {
    const given = text(["{ upstream: app }"], '{ authentication: { tokens: [hunter2, ""] }, max_body: hunter2, hunter2: 1 }');
    assert.doesNotMatch(problemsOf(given).join("\n"), /hunter2/);
  });
});
