import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { checkConfig, parseConfig } from "./load.ts";
import { formatProblem } from "./problems/problem.ts";
import { NO_FILES, configOf, full, problemsOf, warningsOf } from "./load.fixture.ts";
import { plainConfig } from "./plain.ts";
import { readObject } from "./document/read-object.ts";
import { isVocabulary } from "./schema/foreign-keys.ts";

describe("the full form", () => {
  test("fills in every default, in milliseconds and bytes", () => {
    assert.deepEqual(configOf(full({})), { ...plainConfig(":8080", "http://a:1"), workers: "auto" });
  });

  test("an empty health_check has its own defaults", () => {
    assert.deepEqual(configOf(full({ upstream: "health_check: {}" })).upstreams["app"]?.health_check, {
      interval: 10_000,
      timeout: 5000,
      healthy_threshold: 2,
      unhealthy_threshold: 3,
      expected_statuses: ["200-399"],
    });
  });

  test("brings values into one shape", () => {
    const { upstreams, routes, logging } = configOf(`
listeners: [{ address: "[::1]:80", limits: { head_bytes: 4KiB, body_rate: 0 }, timeouts: { idle: 1m30s } }]
upstreams:
  app:
    endpoints: ["http://a:1/", { url: "https://b", weight: 3 }]
    health_check: { expected_statuses: [200, "301-302"] }
routes:
  - match: { host: a.test, path: [/x, /y/*], methods: get, headers: { X-Beta: "1" } }
    rate_limit: { requests_per_second: 5 }
    cors: { allowed_origins: [https://a.test], max_age: 3600 }
    max_body: 10MB
    upstream: app
logging: { level: WARNING }
`);
    assert.deepEqual(upstreams["app"]?.endpoints, [
      { url: "http://a:1", weight: 1 },
      { url: "https://b", weight: 3 },
    ]);
    assert.deepEqual(upstreams["app"]?.health_check?.expected_statuses, ["200", "301-302"]);
    assert.deepEqual(routes, [
      {
        match: { host: ["a.test"], path: ["/x", "/y/*"], methods: ["GET"], headers: { "X-Beta": "1" } },
        rate_limit: [
          {
            key: ["client_ip"],
            rate: { requests: 5, windowSeconds: 1, burst: 5 },
            roles: {},
            cost: 1,
            cost_header: undefined,
            announce: false,
            reputation_file: undefined,
            adapting: undefined,
            store: undefined,
            lease: undefined,
          },
        ],
        cors: {
          allowed_origins: ["https://a.test"],
          allowed_methods: ["GET", "HEAD", "POST"],
          allowed_headers: [],
          exposed_headers: [],
          allow_credentials: false,
          max_age: 3_600_000,
          debug: false,
        },
        max_body: 10_000_000,
        upstream: "app",
      },
    ]);
    assert.equal(logging.level, "warn");
  });

  test("the default of request_line is never above head_bytes", () => {
    assert.equal(configOf(full({ listener: "limits: { head_bytes: 4KiB }" })).listeners[0]?.limits.request_line, 4096);
  });

  test("JSON is YAML", () => {
    const config = configOf(
      '{"listeners":[{"address":":1"}],"upstreams":{"app":{"endpoints":["http://a"]}},"routes":[{"upstream":"app"}]}',
    );
    assert.equal(config.listeners[0]?.address, ":1");
  });

  test("anchors are replaced by their values", () => {
    const config = configOf(
      "listeners: [{ address: ':1' }]\nupstreams: { a: &a { endpoints: ['http://a'] }, b: *a }\nroutes: [{ match: { path: /b }, upstream: b }, { upstream: a }]\n",
    );
    assert.deepEqual(config.upstreams["a"], config.upstreams["b"]);
  });

  test("an upstream may be named like a property of every object", () => {
    const text = full({ rest: "" }).replace("app: {", "constructor: {").replace("upstream: app", "upstream: constructor");
    assert.deepEqual(Object.keys(configOf(text).upstreams), ["constructor"]);
    assert.match(
      problemsOf(full({}).replace("upstream: app", "upstream: toString")).join(),
      /routes\.#1\.upstream: no upstream has this name; known: app/,
    );
  });
});

describe("problems", () => {
  test("values that cannot be meant are refused", () => {
    assert.match(problemsOf(full({ route: 'match: { methods: "*" }' })).join(), /match\.methods: expected a method such as GET; without/);
    assert.match(problemsOf(full({ upstream: 'health_check: { path: "/a#b" }' })).join(), /health_check\.path: expected a path .* no #/);
    assert.match(problemsOf(full({ upstream: 'health_check: { host: "a:99999" }' })).join(), /health_check\.host: expected a host/);
    assert.match(problemsOf(full({ rest: "workers: two" })).join(), /workers: expected a whole number from 1 to 256 or auto, found "two"/);
    const inFlow = full({ upstream: "keep_alive: { max_idle: ${N:-3} }" });
    assert.match(
      problemsOf(inFlow).join("\n"),
      /^[^\n]*no valid YAML: [^\n]*between \[ \] or \{ \} a value with \$\{NAME\} stands in quotes[^\n]*$/,
    );
  });

  test("a server name that is an IP address is refused: SNI may not carry one", () => {
    const found = (name: string): string => problemsOf(full({ upstream: `tls: { server_name: "${name}" }` })).join();
    assert.match(found("10.0.0.5"), /tls\.server_name: expected a host name such as app\.internal, and no IP address, found "10\.0\.0\.5"/);
    assert.match(found("::1"), /tls\.server_name: expected a host name/);
    assert.equal(
      configOf(full({ upstream: "tls: { server_name: 10.0.0.5.example }" })).upstreams["app"]?.tls.server_name,
      "10.0.0.5.example",
    );
  });

  test("come all at once, in the order of the file, at the place of their cause", () => {
    const problems = problemsOf(`listeners:
  - adress: ":8080"
    timeouts: { idle: 30 }
workers: 0
upstreams:
  app: { endpoints: [] }
routes:
  - upstream: ap
  - match: { path: api }
    upstream: app
`);
    assert.deepEqual(
      problems.map((line) => /^\d+:\d+: (?:warning: )?[\w.#]+/.exec(line)?.[0]),
      [
        "2:5: listeners.#1.adress",
        "3:23: listeners.#1.timeouts.idle",
        "4:10: workers",
        "6:21: upstreams.app.endpoints",
        "8:15: routes.#1.upstream",
        "9:5: warning: routes.#2",
        "9:20: routes.#2.match.path",
      ],
    );
    assert.match(problems[0] ?? "", /unknown key; did you mean "address"\?$/);
    assert.match(problems[1] ?? "", /expected a duration with a unit, such as .* found 30$/);
    assert.match(problems[4] ?? "", /no upstream is named "ap"; did you mean "app"\?$/);
  });

  const cases: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
    [
      "a duration without unit",
      full({ listener: "timeouts: { idle: 5 }" }),
      /1:51: listeners\.#1\.timeouts\.idle: expected a duration .*found 5/,
    ],
    ["a duration of nothing", full({ listener: "timeouts: { idle: 0s }" }), /expected a duration from 1ms to 576h, found "0s"/],
    ["a duration beyond timers", full({ rest: "shutdown: { timeout: 1000h }" }), /shutdown\.timeout: expected a duration from 0s to 576h/],
    ["a unit of size that is none", full({ route: "max_body: 10M" }), /max_body: expected a size such as .*found "10M"/],
    ["a head limit too small to work", full({ listener: "limits: { head_bytes: 100 }" }), /expected a size from 512 to 1MiB, found 100/],
    [
      "a request line above the head",
      full({ listener: "limits: { request_line: 64KiB }" }),
      /limits\.request_line: it is above head_bytes/,
    ],
    ["a port out of range", full({}).replace(":8080", ":80800"), /listeners\.#1\.address: expected an address/],
    [
      "the same address twice",
      full({}).replace("]\nup", ", { address: ':8080' }]\nup"),
      /listeners\.#2\.address: listener #1 listens there already/,
    ],
    [
      "an endpoint with a path",
      full({}).replace("http://a:1", "http://a:1/x"),
      /endpoints\.#1: expected a URL of scheme, host and port only/,
    ],
    ["an endpoint with a query", full({}).replace("http://a:1", "http://a:1?x"), /endpoints\.#1: expected a URL/],
    ["an endpoint of another scheme", full({}).replace("http://a:1", "ftp://a:1"), /endpoints\.#1: expected a URL/],
    ["an endpoint of no kind", full({}).replace('"http://a:1"', "7"), /endpoints\.#1: expected a URL .* or a mapping of keys, found 7/],
    [
      "the same endpoint twice",
      full({}).replace('"http://a:1"', '"http://a:80", { url: "http://A/" }'),
      /endpoints\.#2: the endpoint stands there already, as #1/,
    ],
    [
      "a weight of nothing",
      full({}).replace('"http://a:1"', '{ url: "http://a", weight: 0 }'),
      /weight: expected a whole number from 1 to 1000, found 0/,
    ],
    [
      "a choice that is none",
      full({ upstream: "balance: roundrobin" }),
      /balance: expected round_robin, found "roundrobin"; did you mean "round_robin"/,
    ],
    [
      "a range that is none",
      full({ upstream: "health_check: { expected_statuses: [399-200] }" }),
      /expected a status such as 200 or a range/,
    ],
    ["an empty section", full({ upstream: "health_check: " }), /health_check: expected a mapping of keys, found nothing/],
    ["both rates", full({ route: "rate_limit: { requests_per_minute: 1, requests_per_second: 1 }" }), /requests_per_second, found both/],
    ["neither rate", full({ route: "rate_limit: {}" }), /rate_limit: expected requests_per_minute or requests_per_second, found neither/],
    [
      "an unknown rate key",
      full({ route: "rate_limit: { requests_per_minute: 1, key: ip }" }),
      /key: expected client_ip, user, api_key, path, route, header:NAME, cookie:NAME or claim:NAME, found "ip"/,
    ],
    ["a star inside a path", full({ route: "match: { path: /a/*/b }" }), /match\.path: expected a path such as/],
    ["a path without slash", full({ route: "match: { path: api }" }), /match\.path: expected a path/],
    ["a path that no request can have", full({ route: 'match: { path: "/a%00" }' }), /match\.path: expected a path/],
    ["a host with port", full({ route: 'match: { host: "a.test:80" }' }), /match\.host: expected a host name without port/],
    ["no token", full({ route: "authentication: { tokens: [] }" }), /tokens: expected at least one token, found an empty list/],
    ["an origin with path", full({ route: 'cors: { allowed_origins: ["https://a.test/x"] }' }), /allowed_origins\.#1: expected an origin/],
    [
      "a network that is none",
      full({ rest: "trusted_proxies: [10.0.0.0/33]" }),
      /trusted_proxies\.#1: expected an IP address or a CIDR block/,
    ],
    [
      "admin on a listener's address",
      full({ rest: 'admin: { address: ":8080" }' }),
      /admin\.address: a listener listens there already \(:8080\)/,
    ],
    [
      "admin where a listener is by another name",
      full({ rest: 'admin: { address: "127.0.0.1:8080" }' }),
      /admin\.address: a listener listens/,
    ],
    ["admin on a descriptor", full({ rest: "admin: { address: 'fd:3' }" }), /admin\.address: expected host:port/],
    [
      "an admin token that is empty",
      full({ rest: "admin: { address: ':9', token: '' }" }),
      /admin\.token: expected a token that is not empty/,
    ],
    ["an admin host with a port", full({ rest: "admin: { address: ':9', hosts: ['a:80'] }" }), /admin\.hosts\.#1: expected a host name/],
    [
      "an address as an admin host",
      full({ rest: "admin: { address: ':9', hosts: [10.0.0.1] }" }),
      /admin\.hosts\.#1: expected a host name/,
    ],
    [
      "a socket with a relative path",
      full({}).replace(/":\d+"/, '"unix:run/a.sock"'),
      /listeners\.#1\.address: expected an address: .*; the path of a socket is absolute, it begins with \/, found a text \(not shown\)/,
    ],
    ["admin on a socket", full({ rest: "admin: { address: 'unix:/run/x' }" }), /admin\.address: expected host:port/],
    [
      "a level that is none",
      full({ rest: "logging: { level: loud }" }),
      /logging\.level: expected debug, info, warn or error, found a text \(not shown\)/,
    ],
    ["a name that is none", full({}).replace("app: {", '"a b": {'), /upstreams\.\(key #1\): expected a name/],
    ["two routes of one name", full({ route: "name: x }, { upstream: app, name: x" }), /routes\.#2\.name: route #1 has this name already/],
    ["a key of the short form", full({ rest: "server: {}" }), /server: unknown key: it belongs to the short form/],
    ["status_path, which is no key", full({ rest: "status_path: /x" }), /status_path: unknown key/],
  ];
  for (const [what, text, expected] of cases) {
    test(what, () => {
      assert.match(
        problemsOf(text)
          .filter((line) => !line.includes("warning:"))
          .join("\n"),
        expected,
      );
    });
  }

  test("a path with parameters or a regular expression, as other routers have them, is warned about", () => {
    const warned = (path: string): string => warningsOf(full({ route: `match: { path: ${path} }` })).join();
    for (const path of ["'/users/{id}'", "'/users/:id/posts'", "'/a/[0-9]+'", "'/x.(js|css)$'", "[/ok, '/a/{b}/*']"])
      assert.match(warned(path), /match\.path(?:\.#2)?: it is compared as it stands, without parameters/, path);
    for (const path of ["'/users/*'", "'/a:b/c(d)'", "'/~u/$x/@y'", "'/sh/a:'"]) assert.equal(warned(path), "", path);
  });

  test("a configuration with warnings alone is accepted", () => {
    assert.match(
      warningsOf(full({ route: "}, { match: { path: /x }, upstream: app" })).join(),
      /^3:\d+: warning: routes\.#2: it is never reached: route #1/,
    );
    assert.match(
      warningsOf(full({ rest: "admin: { address: ':9', token: 'a b' }" })).join(),
      /admin\.token: it holds spaces: many clients cannot send it as a Bearer token/,
    );
    assert.match(
      warningsOf(full({ rest: "admin: { address: ':9' }" })).join(),
      /4:19: warning: admin\.address: other machines can reach it, and it asks for no token: set admin\.token/,
    );
    for (const address of ["0.0.0.0:9", "[::]:9", "10.0.0.1:9", "*:9"])
      assert.match(warningsOf(full({ rest: `admin: { address: "${address}" }` })).join(), /other machines can reach it/, address);
    for (const address of ["127.1.2.3:9", "[::1]:9", "[::ffff:127.0.0.1]:9", "LOCALHOST:9"])
      assert.deepEqual(warningsOf(full({ rest: `admin: { address: "${address}" }` })), [], address);
    assert.deepEqual(warningsOf(full({ rest: "admin: { address: ':9', token: t0k3n }" })), []);
    assert.match(
      warningsOf(full({ rest: "admin: { address: 'ops.internal:9', token: t }" })).join(),
      /admin\.address: whoever asks by this name gets 403, as from any name: add hosts: \[ops\.internal\]/,
    );
    assert.deepEqual(warningsOf(full({ rest: "admin: { address: 'Ops.internal:9', token: t, hosts: [ops.INTERNAL] }" })), []);
    assert.deepEqual(warningsOf(full({ rest: "admin: { address: 'localhost:9' }" })), []);
    assert.match(warningsOf(full({ upstream: "tls: { verify: false }" })).join(), /warning: upstreams\.app\.tls\.verify: it is off/);
    assert.match(warningsOf(full({ rest: "trusted_proxies: [0.0.0.0/0]" })).join(), /warning: trusted_proxies\.#1: it trusts everybody/);
    assert.match(
      warningsOf(full({ listener: "proxy_protocol: { from: [10.0.0.1, '::/0'] }" })).join(),
      /warning: listeners\.#1\.proxy_protocol\.from\.#2: everybody may send the header/,
    );
    const unused = full({}).replace("} }\nroutes", "}, b: { endpoints: ['http://b'] } }\nroutes");
    assert.match(warningsOf(unused).join(), /upstreams\.b: no route leads/);
    assert.deepEqual(warningsOf(`${unused}\nmiddleware: [{ use: ./asks-b.ts }]`), [], "middleware may ask it");
  });

  test("an exception without conditions excludes every request, and is warned about", () => {
    for (const [match, place] of [
      ["{ not: {} }", "not"],
      ["{ path: /a, not: [{ path: /b }, {}] }", "not.#2"],
    ] as const)
      assert.ok(
        warningsOf(full({ route: `match: ${match}` })).some((line) =>
          line.endsWith(`warning: routes.#1.match.${place}: it has no conditions and excludes every request`),
        ),
        match,
      );
    assert.doesNotMatch(warningsOf(full({ route: "match: { path: /a, not: { path: /a/b } }" })).join(), /excludes every/);
  });

  test("credentials never go with the origin *", () => {
    const text = full({ route: 'cors: { allowed_origins: ["*"], allow_credentials: true }' });
    assert.match(warningsOf(text).join(), /cors\.allow_credentials: it has no effect together with the origin "\*"/);
    assert.equal(configOf(text).routes[0]?.cors?.allow_credentials, false);
    const exposed = full({ route: 'cors: { allowed_origins: ["https://a.test"], allow_credentials: true, exposed_headers: [A, "*"] }' });
    assert.match(warningsOf(exposed).join(), /cors\.exposed_headers\.#2: with credentials browsers take it for the name of a field/);
    const listed = full({ route: 'cors: { allowed_origins: ["https://a.test"], allow_credentials: true }' });
    assert.equal(configOf(listed).routes[0]?.cors?.allow_credentials, true);
  });
});

describe("text that is no configuration", () => {
  const cases: readonly (readonly [what: string, text: string, expected: RegExp])[] = [
    ["empty", "", /^1:1: the file is empty/],
    ["only comments", "# nothing\n", /^1:1: the file is empty/],
    ["a list", "- a\n", /^1:1: expected a mapping with keys .* found a list/],
    ["a word", "hello", /^1:1: expected a mapping .* found a single value/],
    ["broken YAML", "listeners: [\n  { address: x\n", /^\d+:\d+: no valid YAML: /],
    ["a key twice", "workers: 1\nworkers: 2\n", /^2:1: no valid YAML: the same key stands above/m],
    ["two documents", "workers: 1\n---\nworkers: 2\n", /^2:1: a second document begins here/],
    ["an unknown tag", "workers: !secret x\n", /^1:10: no valid YAML: tags \(!name\) are not understood/m],
    ["an unknown anchor", "workers: *x\n", /^1:10: \* begins the name of an anchor, and none of that name stands before it/m],
    ["an anchor inside itself", "workers: &a [*a]\n", /nested more than 64 levels/],
    ["a key that objects have of themselves", "routes: [{ match: { headers: { __proto__: x } } }]\n", /^1:32: __proto__ is no key/m],
    ["a key that is a list", "? [a]\n: 1\n", /a key must be a single word/],
    ["ten thousand levels", "[".repeat(10_000), /nested too deeply|no valid YAML|levels deep/],
  ];
  for (const [what, text, expected] of cases) {
    test(what, () => assert.match(problemsOf(text).join("\n"), expected));
  }

  test("anchors inside anchors cannot fill the memory", () => {
    const levels = Array.from({ length: 30 }, (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}, *a${level}]`);
    assert.match(problemsOf(`a0: &a0 x\n${levels.join("\n")}\n`).join("\n"), /more than 200 uses of anchors/);
  });

  test("no text throws, and every problem has a place in it", () => {
    const words = [
      "listeners",
      "routes",
      "backends",
      "server",
      ":",
      " ",
      "\n",
      "- ",
      "{",
      "}",
      "[",
      "]",
      "${X}",
      "${",
      "&a ",
      "*a",
      '"',
      "'",
      "!t ",
      "|",
      "#",
      "1",
      "null",
      "\t",
      "upstreams",
      "__proto__",
      "authentication",
    ];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 20 }), (parts) => {
        const text = parts.join("");
        const result = parseConfig(text, "f", { X: "1" }, NO_FILES);
        if (!("problems" in result)) return;
        assert.ok(result.problems.length > 0);
        for (const { line, column } of result.problems) assert.ok(line >= 1 && line <= text.split("\n").length + 1 && column >= 1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("what a module exports", () => {
  const check = (value: unknown) => {
    const result = checkConfig(readObject(value, isVocabulary), "millrace.config.ts", { PORT: "8080" }, NO_FILES);
    return "config" in result ? result.config : result.problems.map(formatProblem).join("\n");
  };

  test("is checked by the same schema, and undefined counts as absent", () => {
    const value = {
      listeners: [{ address: ":${PORT}", limits: undefined }],
      upstreams: { app: { endpoints: ["http://a"] } },
      routes: [{ upstream: "app", cors: undefined }],
    };
    const config = check(value);
    assert.ok(typeof config === "object");
    assert.equal(config.listeners[0]?.address, ":8080");
    assert.deepEqual(config.routes, [{ match: {}, upstream: "app" }]);
    assert.equal(value.listeners[0]?.address, ":${PORT}", "the module's own object stays as it is");
  });

  test("has its problems at 1:1", () => {
    assert.match(String(check({ listener: [] })), /^millrace\.config\.ts:1:1: listener: unknown key; did you mean "listeners"\?$/m);
    assert.match(String(check(null)), /^millrace\.config\.ts:1:1: expected an object/);
    assert.match(String(check(() => ({}))), /the default export is a function; expected plain data/);
    assert.match(String(check({ workers: 1n })), /workers is a bigint; expected plain data/);
    const circle: Record<string, unknown> = {};
    circle["routes"] = circle;
    assert.match(String(check(circle)), /nested more than 64 levels deep/);
  });
});
