/**
 * Messages about a configuration say what to do: about keys and files of other programs, quotes and merge keys; one line per problem, all
 * at once.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { foreignFormat } from "./foreign-format.ts";
import { CALLED_HERE, foreignKey } from "../schema/foreign-keys.ts";
import { fullFormJsonSchema, placesOf } from "../schema/json-schema.ts";
import { configOf, full, problemsOf, warningsOf } from "../load.fixture.ts";
import { parseConfig } from "../load.ts";
import { error } from "../../values/finding.ts";
import { formatProblem } from "./problem.ts";

const cases = (list: readonly (readonly [text: string, expected: RegExp])[]): void => {
  for (const [text, expected] of list) {
    test(text.trim().split("\n").slice(0, 3).join(" | "), () => assert.match(problemsOf(text).join("\n"), expected));
  }
};

describe("a key of another proxy", () => {
  const inUpstream = (key: string): string => full({ upstream: `${key}: 1` });
  const inRoute = (key: string): string => full({ route: `${key}: 1` });
  cases([
    [
      full({}).replace("endpoints:", "servers:"),
      /^2:21: upstreams\.app\.servers: unknown key: Millrace calls it `upstreams\.NAME\.endpoints`$/,
    ],
    [full({}).replace("endpoints:", "proxyPass:"), /^2:21: [^\n]*calls it `upstreams\.NAME\.endpoints`$/],
    [inUpstream("load_balancer"), /app\.load_balancer: unknown key: Millrace calls it `upstreams\.NAME\.balance`$/],
    [inUpstream("least_conn"), /app\.least_conn: unknown key: Millrace does not have this yet$/],
    [full({ upstream: "balance: least_conn" }), /balance: expected round_robin, found "least_conn"; Millrace does not have this yet$/],
    [full({ upstream: "balance: roundrobin" }), /found "roundrobin"; did you mean "round_robin"\?$/],
    [
      inUpstream("weight"),
      /app\.weight: unknown key here: it belongs to `upstreams\.NAME\.endpoints\[\]\.weight` or `routes\[\]\.split\[\]\.weight`$/,
    ],
    [full({ route: "auth_basic: x" }), /auth_basic: unknown key: Millrace calls it `routes\[\]\.authentication\.basic`$/],
    [full({ route: "auth: { tokens: [a] }" }), /auth: unknown key: Millrace calls it `routes\[\]\.authentication`$/],
    [
      full({ route: "authentication: { basic: { file: users } }" }),
      /basic\.file: unknown key: Millrace calls it `routes\[\]\.authentication\.basic\.users_file`$/,
    ],
    [full({ route: "authentication: { users: u }" }), /calls it `routes\[\]\.authentication\.basic\.users_file`$/],
    [full({ route: "authentication: { oidc: { ttl: 1h } }" }), /calls it `routes\[\]\.authentication\.oidc\.session\.max_age`$/],
    [
      full({ route: "authentication: { internal_jwt: { strategy: a } }" }),
      /internal_jwt\.strategy: unknown key; known here: header, key_file/,
    ],
    [
      full({ route: "authentication: { forward: { trust_forward_header: true } }" }),
      /trust_forward_header: unknown key: Millrace calls it `trusted_proxies`$/,
    ],
    [inUpstream("max_fails"), /does not have this yet$/],
    [inRoute("strip_prefix"), /routes\.#1\.strip_prefix: unknown key here: it belongs to `routes\[\]\.rewrite\.strip_prefix`$/],
    [inRoute("stripPrefix"), /calls it `routes\[\]\.rewrite\.strip_prefix`$/],
    [inRoute("changeOrigin"), /calls it `routes\[\]\.rewrite\.host`$/],
    [inRoute("target"), /calls it `upstreams\.NAME\.endpoints`$/],
    [inRoute("pathRewrite"), /calls it `routes\[\]\.rewrite`$/],
    [full({ route: "timeouts: { response: 1s }" }), /timeouts.response: unknown key/],
    [inRoute("http_redirect"), /calls it `routes\[\]\.redirect`$/],
    [inRoute("client_max_body_size"), /calls it `routes\[\]\.max_body`$/],
    [
      inRoute("websocket"),
      /Millrace has no such key: WebSocket upgrades are forwarded without a key; .*`routes\[\]\.upgrade` admits other protocols, or none$/,
    ],
    [inRoute("path"), /unknown key here: it belongs to `routes\[\]\.match\.path`/],
    [inRoute("health_check"), /it belongs to `upstreams\.NAME\.health_check`$/],
    [inRoute("token"), /calls it `routes\[\]\.authentication\.tokens`$/],
    [full({ listener: "ssl: true" }), /listeners\.#1\.ssl: unknown key: Millrace calls it `listeners\[\]\.tls`$/],
    [
      full({ listener: "tls: { certificates: [{ ssl_certificate: a.pem }] }" }),
      /ssl_certificate: unknown key: Millrace calls it `listeners\[\]\.tls\.certificates\[\]\.cert_file`$/,
    ],
    [inUpstream("ssl"), /calls it `upstreams\.NAME\.tls`$/],
    [inUpstream("proxy_read_timeout"), /calls it `upstreams\.NAME\.timeouts\.response_head`$/],
    [full({ rest: "worker_processes: 4" }), /worker_processes: unknown key: Millrace calls it `workers`$/],
    [full({ rest: "x-common: &c { path: /health }" }), /\(key #4\): unknown key: an anchor has no key of its own, it stands where/],
    [full({ rest: "frobnicate: 4" }), /\(key #4\): unknown key; known here: listeners, /],
    [full({ rest: "cors: {}" }), /cors: unknown key: it belongs to the short form, .*; here it is `routes\[\]\.cors`$/],
    ["backends: ['http://a']\nmax_body: 1\n", /max_body: unknown key: in the other form it is `routes\[\]\.max_body`$/],
    [full({ listener: "timeouts: { idle:30s }" }), /unknown key: after the colon of `idle` a space is missing$/],
    ["server: { location: / }\nbackends: ['http://a']\n", /server\.location: unknown key: Millrace calls it `routes`$/],
    [
      "listeners: [{ address: ':80' }]\nroutes: [{ redirect: { location: / } }]\n",
      /location: unknown key: Millrace calls it `routes\[\]\.redirect\.to`$/,
    ],
    [
      "listeners: [{ address: ':80' }]\nroutes: [{ redirect: /b }]\n",
      /redirect: expected a mapping of keys, found .*; it is written \{ to: \.\.\. \}, and its keys are to, status$/,
    ],
    [full({ rest: "error_pages: { 404: 7 }" }), /error_pages\.404: expected /],
    [full({ route: "cors: true" }), /cors: expected a mapping of keys, found true; it is written \{ allowed_origins: /],
    [
      full({ route: "match: /api" }),
      /match: expected a mapping of keys or a list, found .*; it is written \{ host: .*, and its keys are host, path, /,
    ],
    [
      full({ rest: "request_id: X-Request-Id" }),
      /request_id: expected true or false or a mapping of keys, found .*; it is written \{ header: /,
    ],
    [full({ route: "split_by: cookie" }), /split_by: expected client_ip, [^;]* found "cookie"$/],
    ["", /the file is empty; `millrace init` writes one/],
  ]);

  test("is answered with keys that exist here", () => {
    const places = new Set(placesOf(fullFormJsonSchema()));
    assert.deepEqual(
      Object.keys(CALLED_HERE).filter((place) => !places.has(place)),
      [],
    );
  });

  test("is known in each spelling", () => {
    for (const key of ["proxy_pass", "proxyPass", "proxy-pass", "ProxyPass"])
      assert.equal(foreignKey(key)?.place, "upstreams.NAME.endpoints");
    for (const [key, place] of [
      ["proxy_set_header", "request_headers"],
      ["header_up", "request_headers"],
      ["add_header", "response_headers"],
      ["headerDown", "response_headers"],
      ["proxy_redirect", "rewrite_location"],
      ["autoRewrite", "rewrite_location"],
      ["proxy_cookie_path", "rewrite_cookies.path"],
      ["cookieDomainRewrite", "rewrite_cookies.domain"],
      ["hsts", "security_headers"],
    ] as const)
      assert.equal(foreignKey(key)?.place, `routes[].${place}`);
  });
});

describe("the file of another program is named in one line", () => {
  const files: readonly (readonly [name: string, text: string])[] = [
    [
      "an nginx configuration",
      "events {}\nhttp {\n  upstream app { server 10.0.0.1:80; }\n  server {\n    listen 80;\n    location / { proxy_pass http://app; }\n  }\n}\n",
    ],
    ["an nginx configuration", "server {\n    listen 80;\n    location / {\n        proxy_pass http://127.0.0.1:3000;\n    }\n}\n"],
    ["an nginx configuration", "upstream backend {\n  least_conn;\n  server 10.0.0.1:80;\n}\n"],
    ["a Caddyfile", "example.com {\n\treverse_proxy localhost:3000\n}\n"],
    ["a Caddyfile", ":8080\n\nreverse_proxy localhost:3000\n"],
    [
      "a Caddyfile",
      "{\n\temail a@example.com\n}\n\nexample.com, www.example.com {\n\tencode gzip\n\treverse_proxy /api/* 127.0.0.1:9000\n}\n",
    ],
    ["a Caddy configuration", '{"apps":{"http":{"servers":{"srv0":{"listen":[":80"]}}}}}'],
    ["a Traefik configuration", "entryPoints:\n  web:\n    address: ':80'\nproviders:\n  docker: {}\n"],
    ["a Traefik configuration", "http:\n  routers:\n    app:\n      rule: Host(`a.test`)\n      service: app\n  services:\n    app: {}\n"],
    ["a Traefik configuration", '[entryPoints]\n  [entryPoints.web]\n    address = ":80"\n'],
    [
      "an HAProxy configuration",
      "global\n    daemon\ndefaults\n    mode http\n    timeout client 10s\nfrontend in\n    bind *:80\n    default_backend app\nbackend app\n    server a 127.0.0.1:3000 check\n",
    ],
    ["an Envoy configuration", "static_resources:\n  listeners: []\n  clusters: []\n"],
    ["a docker compose file", "services:\n  web:\n    image: nginx\n    ports: ['80:80']\n"],
    ["a Kubernetes manifest", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: a }\n"],
    ["an Apache configuration", "<VirtualHost *:80>\n  ProxyPass / http://127.0.0.1:3000/\n</VirtualHost>\n"],
  ];
  for (const [name, text] of files) {
    test(`${name}: ${text.slice(0, 20).replaceAll("\n", " ")}`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.ok(problems[0]?.startsWith(`1:1: this is ${name}, which Millrace does not read`), problems.join());
    });
  }

  test("a large file that is of no known program is looked through quickly", () => {
    for (const part of ["location x ", "upstream ", "frontend a", "  respond ", "<Proxy ", "{ ", "a{ \n"]) {
      const text = `location ${" ".repeat(100_000)}${part.repeat(100_000)}`;
      const before = performance.now();
      foreignFormat(text, undefined);
      assert.ok(performance.now() - before < 2000, part);
    }
  });

  test("a Millrace configuration with a mistake is not taken for another program's", () => {
    for (const text of ["upstreams: {\n", `${full({})}services: {}\nproviders: {}\n`, "listeners: [\n # location / {\n  }\n;\n"]) {
      assert.doesNotMatch(problemsOf(text).join("\n"), /this is an? /);
    }
  });
});

describe("a message about invalid YAML says what to do", () => {
  const after = (text: string): string => `${full({})}\n${text}`;
  cases([
    [
      full({ route: "match: { host: *.example.com }" }),
      /^3:42: \* begins the name of an anchor, [^\n]*stands in quotes, such as "\*\.example\.com"$/,
    ],
    [full({ route: "match: { host: [a.test, *.example.com] }" }), /^3:51: [^\n]*quotes, such as "\*\.example\.com"$/],
    ["host: *\n", /^1:7: no valid YAML: a text that begins with \* stands in quotes/],
    [after("admin: @x\n"), /^5:8: no valid YAML: a text that begins with @ stands in quotes$/m],
    [after("admin:\n\taddress: x\n"), /no valid YAML: lines are indented with spaces, and here stands a tab$/],
    [after("a: b: c\n"), /a text with ": " in it stands in quotes$/],
    [after('a: "x\n'), /a text that begins with a quote is not closed by one$/],
    [after("a: [1\nb: 2\n"), /a bracket that was opened before is not closed here$/],
    [after("address: [::1]:8080\n"), /an address with brackets stands in quotes$/],
    [after("key: - a\n"), /a list begins in a line of its own$/],
    [after("a: 1\nb\n"), /expected a key with a colon and a space after it$/],
  ]);

  test("each mistake gets one line, and the rest of the file is checked where it can be read", () => {
    const lines = problemsOf("- a\nb: 1\n");
    assert.equal(lines.length, 1, lines.join("\n"));
    const text = `${full({ route: "match: { host: *.a.test }, max_body: 10M" })}workers: 1\nworkers: 2\nadmim: {}\n`;
    assert.deepEqual(
      problemsOf(text).map((line) => line.split(" ")[0]),
      ["3:42:", "3:64:", "5:1:", "6:1:"],
    );
  });

  test("a problem in an anchor that is used twice is reported once", () => {
    const text =
      "listeners: [{ address: ':1' }]\nupstreams: { a: &a { endpoints: ['ftp://a'] }, b: *a }\nroutes: [{ upstream: a }, { match: { path: /b }, upstream: b }]\n";
    assert.equal(problemsOf(text).filter((line) => !line.includes("warning")).length, 1);
  });
});

describe("a message about a value that is nearly right says what is missing, or too much", () => {
  const endpoint = (url: string): string => full({}).replace('"http://a:1"', url);
  cases([
    [endpoint("a:1"), /endpoints\.#1: [^\n]*; http:\/\/ or https:\/\/ is missing before the host, found a text \(not shown\)$/],
    [endpoint("http://a/x"), /; no path and no query stand after the host, they are the request's, found "http:\/\/\.\.\."$/],
    [endpoint("http://a:99999"), /; a port is a number from 1 to 65535, found "http:\/\/\.\.\."$/],
    [endpoint("https://a.test:0"), /; a port is a number from 1 to 65535, found "https:\/\/\.\.\."$/],
    [endpoint("http://u:p@a"), /; no user and no password stand in it, found "http:\/\/\.\.\."$/],
    [
      full({}).replace('["http://a:1"]', "http://a:1"),
      /expected a list, found "http:\/\/\.\.\."; a list is written \[one, two\], or one to a line/,
    ],
    [full({}).replace('{ address: ":8080" }', 'address:":80"'), /listeners\.#1: [^\n]*; after the colon of `address` a space is missing$/],
  ]);

  test("a mistyped rate is one problem", () => {
    assert.deepEqual(problemsOf(full({ route: "rate_limit: { request_per_minute: 1 }" })), [
      '3:41: routes.#1.rate_limit.request_per_minute: unknown key; did you mean "requests_per_minute"?',
    ]);
  });
});

describe("merge keys", () => {
  const base =
    "listeners: [{ address: ':1' }]\nroutes: [{ match: { path: /b }, upstream: b }, { upstream: a }]\nupstreams:\n  a: &a { endpoints: ['http://a'], retries: 1 }\n";
  test("add the keys that the mapping does not have itself", () => {
    const { upstreams } = configOf(`${base}  b: { <<: *a, retries: 5 }\n`);
    assert.equal(upstreams["b"]?.retries, 5);
    assert.deepEqual(upstreams["b"]?.endpoints, upstreams["a"]?.endpoints);
  });
  test("with several mappings: the first wins", () => {
    const text = `${base}  c: &c { retries: 7, balance: round_robin, endpoints: ['http://c'] }\n  b:\n    retries: 3\n    <<: [*c, *a]\n`;
    const { upstreams } = configOf(text.replace("{ upstream: a }", "{ match: { path: /c }, upstream: c }, { upstream: a }"));
    assert.deepEqual(upstreams["b"]?.endpoints, [{ url: "http://c", weight: 1 }]);
    assert.equal(upstreams["b"]?.retries, 3);
  });
  cases([
    [`${base}  b: { <<: 1, endpoints: ['http://b'] }\n`, /^5:12: << takes a mapping, or a list of them: <<: \*name$/],
    [`${base}  b: { <<: *a, <<: *a }\n`, /<< stands here twice; it takes a list/],
    [`${base}  b: { "<<": *a, endpoints: ['http://b'] }\n`, /upstreams\.b\.\(key #1\): unknown key/],
  ]);
});

describe("a value that is no text because it has no quotes", () => {
  cases([
    [
      full({ route: "match: { headers: { x-beta: 1 } }" }),
      /^3:55: [^\n]*expected a text[^\n]*found 1; put it in quotes, where it is a text: "1"$/,
    ],
    [full({ route: "match: { headers: { x-beta: true } }" }), /put it in quotes, where it is a text: "true"$/],
    [full({ route: "name: 5" }), /put it in quotes, where it is a text: "5"$/],
    [full({ route: "match: { host: [a.test, 5] }" }), /put it in quotes, where it is a text: "5"$/],
    [full({ route: "authentication: { tokens: [true] }" }), /found a boolean \(not shown\); put it in quotes, where it is a text$/],
    [full({}).replace('":8080"', "8080"), /address: expected an address: [^\n]*found 8080; a port alone is ":8080"$/],
    [full({ route: "match: { path: 5 }" }), /found 5$/],
  ]);
});

describe("an endpoint that is the proxy's own address", () => {
  const own = (listener: string, endpoint: string, rest: string = ""): string =>
    warningsOf(full({ rest }).replace(":8080", listener).replace("http://a:1", endpoint)).join("\n");
  for (const [listener, endpoint] of [
    [":8080", "http://localhost:8080"],
    [":8080", "http://127.0.0.1:8080"],
    [":8080", "http://127.5.0.1:8080"],
    [":8080", "http://[::1]:8080"],
    [":8080", "http://0.0.0.0:8080"],
    ["0.0.0.0:8080", "http://LOCALHOST:8080"],
    ["[::]:8080", "http://127.0.0.1:8080"],
    ["localhost:8080", "http://[::1]:8080"],
    ["127.0.0.1:8080", "http://localhost:8080"],
    ["proxy.test:80", "http://proxy.test"],
    ["10.0.0.1:443", "https://10.0.0.1"],
  ] as const) {
    test(`${listener} and ${endpoint}`, () => {
      assert.match(own(listener, endpoint), /^2:\d+: warning: upstreams\.app\.endpoints\.#1: a listener of this proxy listens there: /);
    });
  }
  for (const [listener, endpoint] of [
    [":8080", "http://127.0.0.1:8081"],
    [":8080", "http://a.test:8080"],
    ["127.0.0.1:8080", "http://[::1]:8080"],
    ["0.0.0.0:8080", "http://[::1]:8080"],
    ["127.0.0.1:0", "http://127.0.0.1:8080"],
    ["fd:3", "http://127.0.0.1:8080"],
  ] as const) {
    test(`${listener} is not ${endpoint}`, () => assert.equal(own(listener, endpoint), ""));
  }
  test("the admin address, the short form, and a mapping", () => {
    const admin = own(":8080", "http://localhost:9901", "admin: { address: '127.0.0.1:9901' }");
    assert.match(admin, /this proxy's admin address is there: clients would reach what is for operators$/);
    assert.match(
      warningsOf("backends: [{ url: 'http://localhost:8080' }]\n").join(),
      /^1:19: warning: backends\.#1\.url: a listener of this proxy listens there/,
    );
  });
});

describe("all problems at once, one line each", () => {
  test("a file without the keys that it needs", () => {
    const lines = problemsOf("workers: 2\n");
    assert.deepEqual(lines, ["1:1: expected listeners, upstreams and routes, or backends in the short form; found none of them"]);
  });

  test("a mistyped key is one problem: it is not reported as missing too, nor are names in it reported as unknown", () => {
    assert.deepEqual(problemsOf(full({}).replace("upstreams:", "upsteams:")), ['2:1: upsteams: unknown key; did you mean "upstreams"?']);
  });

  test("missing files are reported at the lines that name them, together with all other problems", () => {
    const text = full({
      upstream: "tls: { ca_file: gone.pem }",
      route: 'authentication: { tokens: ["file:gone", "file:/run/empty"] }, max_body: 10M',
      rest: "workers: 0",
    });
    const readSecret = (path: string): string => {
      if (path === "/run/empty") return "\n";
      throw new Error(`/etc/${path} does not exist`);
    };
    const result = parseConfig(text, "f", {}, readSecret, {
      tlsFindings: ({ upstreams }) =>
        upstreams.map(({ path, tls }) => error([...path, "ca_file"], `/etc/${String(tls.ca_file)} does not exist`)),
    });
    assert.ok("problems" in result);
    assert.deepEqual(result.problems.map(formatProblem), [
      "f:2:64: upstreams.app.tls.ca_file: /etc/gone.pem does not exist",
      "f:3:54: routes.#1.authentication.tokens.#1: cannot read the secret: /etc/gone does not exist",
      "f:3:67: routes.#1.authentication.tokens.#2: the first line of the file /run/empty is empty",
      'f:3:99: routes.#1.max_body: expected a size such as 64KiB, 10MiB, 10MB or a number of bytes, found "10M"',
      "f:4:10: workers: expected a whole number from 1 to 256, found 0",
    ]);
  });

  test("ports that this user may not listen on are a warning", () => {
    const asked = { portProblem: (port: number): string | null => (port < 1024 ? `no ${port}` : null) };
    const result = parseConfig(full({ rest: "admin: { address: '127.0.0.1:99' }" }).replace(":8080", ":80"), "f", {}, () => "", asked);
    assert.ok("config" in result);
    assert.deepEqual(result.warnings.map(formatProblem), [
      "f:1:24: warning: listeners.#1.address: no 80",
      "f:4:19: warning: admin.address: no 99",
    ]);
  });
});
