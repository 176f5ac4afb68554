import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rateLimitSchema } from "../../features/rate-limit/schema.ts";
import { PREDECESSOR, configOf, problemsOf, warningsOf } from "../load.fixture.ts";

const short = (rest: string): string => `backends: ["http://a:1"]\n${rest}`;

describe("the short form", () => {
  test("reads the predecessor's file unchanged", () => {
    assert.deepEqual(configOf(PREDECESSOR), {
      listeners: [
        {
          address: ":8080",
          unsafe_field_names: "drop",
          forwarded_path_fields: "drop",
          redirect_to_https: false,
          timeouts: { request_head: 10_000, idle: 10_000, keep_alive: 120_000, half_closed: 5000, handshake: 10_000, proxy_protocol: 5000 },
          limits: {
            head_bytes: 1_048_576,
            headers: 128,
            request_line: 8192,
            connections: 100_000,
            connections_per_client: 4096,
            requests_per_connection: 100_000,
            pipelined_requests: 100,
            handshakes: 4096,
            body_rate: 240,
            response_rate: 240,
          },
        },
      ],
      workers: "auto",
      trusted_proxies: [],
      client_address_from: "x_forwarded_for",
      limits: { buffered_bytes: 64 * 1024 * 1024 },
      middleware: [],
      secrets: {},
      stores: {},
      upstreams: {
        default: {
          endpoints: [
            { url: "http://localhost:60408", weight: 1 },
            { url: "http://localhost:60409", weight: 1 },
          ],
          balance: "round_robin",
          health_check: {
            path: "/health",
            interval: 10_000,
            timeout: 5000,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            expected_statuses: ["200-399"],
          },
          timeouts: { connect: 5000, response_head: 30_000, idle: 60_000, tunnel_idle: 3_600_000, processing: 3_600_000 },
          keep_alive: { idle: 60_000, max_idle: 1024, max_age: 600_000 },
          retries: 2,
          tls: { verify: true, min_version: "1.2" },
          via: true,
          x_forwarded: true,
        },
      },
      routes: [
        {
          match: {},
          upstream: "default",
          rate_limit: rateLimitSchema.parse({ requests_per_minute: 100, burst: 10 }),
          cors: {
            allowed_origins: ["*"],
            allowed_methods: ["GET", "POST", "OPTIONS"],
            allowed_headers: ["Content-Type", "Authorization"],
            exposed_headers: ["X-Request-Id"],
            allow_credentials: false,
            max_age: 3_600_000,
            debug: true,
          },
          authentication: { tokens: ["some secret token"], optional: false },
        },
      ],
      logging: { level: "info", output: "stdout", access: true },
      startup: { require_healthy: true, wait: 10_000 },
      shutdown: { timeout: 30_000, delay: 0 },
      status_path: "/status",
    });
    const warnings = warningsOf(PREDECESSOR);
    assert.equal(warnings.length, 2);
    assert.match(warnings[0] ?? "", /^18:22: warning: cors\.allow_credentials: it has no effect/);
    assert.match(warnings[1] ?? "", /^23:19: warning: authentication\.required_token: it holds spaces/);
  });

  test("needs no more than backends", () => {
    const config = configOf(short(""));
    assert.equal(config.listeners[0]?.address, ":8080");
    assert.deepEqual(config.routes, [{ match: {}, upstream: "default" }]);
    assert.equal(config.upstreams["default"]?.health_check?.path, undefined);
    assert.equal(config.upstreams["default"]?.health_check?.interval, 10_000);
    assert.equal(config.startup.require_healthy, true);
  });

  test("0 is the default, never without limit", () => {
    const { listeners, upstreams } = configOf(
      short("server: { read_timeout: 0, write_timeout: 0s, idle_timeout: 0, max_header_bytes: 0 }"),
    );
    assert.deepEqual(listeners[0]?.timeouts, {
      request_head: 30_000,
      idle: 60_000,
      keep_alive: 75_000,
      half_closed: 5000,
      handshake: 10_000,
      proxy_protocol: 5000,
    });
    assert.equal(listeners[0].limits.head_bytes, 32_768);
    assert.equal(upstreams["default"]?.timeouts.response_head, 60_000);
  });

  test("the request line stays within a small head", () => {
    assert.equal(configOf(short("server: { max_header_bytes: 4096 }")).listeners[0]?.limits.request_line, 4096);
  });

  test("bare numbers are seconds, and interval may be called frequency", () => {
    const check = configOf(short("health_check: { frequency: 3, timeout: 1.5 }")).upstreams["default"]?.health_check;
    assert.deepEqual([check?.interval, check?.timeout], [3000, 1500]);
    assert.equal(configOf(short("health_check: { interval: 7s }")).upstreams["default"]?.health_check?.interval, 7000);
  });

  test("takes the keys about the process, and weights", () => {
    const config = configOf(
      'backends: [{ url: "http://a", weight: 5 }]\nworkers: 2\nadmin: { address: "127.0.0.1:9" }\nstartup: { require_healthy: false }\n',
    );
    assert.equal(config.workers, 2);
    assert.equal(config.admin?.address, "127.0.0.1:9");
    assert.equal(config.startup.require_healthy, false);
    assert.equal(config.upstreams["default"]?.endpoints[0]?.weight, 5);
  });

  test("authentication is on only when enabled says so", () => {
    const off = short("authentication: { required_token: abc }");
    assert.equal(configOf(off).routes[0]?.authentication, undefined);
    assert.match(warningsOf(off).join(), /^2:19: warning: authentication\.required_token: it is not asked for: enabled is not true/);
    assert.deepEqual(warningsOf(short("authentication: { enabled: false }")), []);
    assert.match(
      problemsOf(short("authentication: { enabled: true }")).join(),
      /^2:28: authentication\.enabled: it is true, but there is no required_token/,
    );
    assert.match(problemsOf(short('authentication: { enabled: true, required_token: "" }')).join(), /expected a token that is not empty/);
  });

  test("a token with spaces inside is kept as it is and warned about", () => {
    const text = short('authentication: { enabled: true, required_token: "some secret  token" }');
    assert.deepEqual(configOf(text).routes[0]?.authentication?.tokens, ["some secret  token"]);
    assert.match(
      warningsOf(text).join("\n"),
      /^2:\d+: warning: authentication\.required_token: it holds spaces: many clients cannot send it as a Bearer token[^\n]*$/,
    );
    assert.ok(!warningsOf(text).join().includes("secret"));
    // The token is not asked for, so the warning about its spaces is left out.
    assert.equal(warningsOf(short('authentication: { required_token: "a b" }')).length, 1);
    assert.deepEqual(warningsOf(short('authentication: { enabled: true, required_token: "abc" }')), []);
  });

  test("an empty section counts as absent", () => {
    const text = short("cors:\nauthentication:\nhealth_check:\n");
    assert.deepEqual(configOf(text).routes, [{ match: {}, upstream: "default" }]);
    assert.match(warningsOf(text).join("\n"), /^2:1: warning: cors: it is empty and counts as absent\n3:1: warning: authentication: /);
  });

  test("problems name the short form's own lines", () => {
    assert.deepEqual(
      problemsOf(`server: { adress: ":1" }
backends: ["http://a/x", "http://b", "http://b"]
rate_limit: { requests_per_minute: 0 }
health_check: { frequency: 1s, interval: 1s, pth: /x }
compress: true
`).map((line) => line.replace(/(unknown key.*?|expected|it is another|the endpoint).*/, "$1")),
      [
        "1:11: server.adress: unknown key",
        "2:12: backends.#1: expected",
        "2:38: backends.#3: the endpoint",
        "3:36: rate_limit.requests_per_minute: expected",
        "4:17: health_check.frequency: it is another",
        "4:46: health_check.pth: unknown key",
        "5:1: compress: unknown key",
      ],
    );
    assert.match(problemsOf("backends: []\n").join(), /^1:11: backends: expected at least one endpoint/);
    assert.match(problemsOf("server: { address: ':1' }\n").join(), /^1:1: backends: is missing: expected a list/);
  });

  test("both forms in one file are refused in one line, each key named", () => {
    const problems = problemsOf(short("listeners: []\nroutes: []\n"));
    assert.deepEqual(
      problems.map((line) => line.split(": ").slice(0, 2).join(": ")),
      ["2:1: listeners"],
    );
    assert.match(
      problems[0] ?? "",
      /"backends" makes this the short form, which has no listeners, no routes: write one form or the other$/,
    );
  });
});
