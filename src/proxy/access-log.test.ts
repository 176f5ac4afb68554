import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteConfig } from "../config/schema/route-schema.ts";
import { linesOfLog } from "../explain/explained-log.ts";
import { script, testProxy } from "../testing/test-proxy.ts";
import type { LogEntry, TestConfig, TestProxy, TestProxyOptions } from "../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Origins = NonNullable<TestProxyOptions["upstreams"]>;
type Access = NonNullable<Full["logging"]>["access"];

function proxyOf(access: Access, routes: Full["routes"] = [{ upstream: "app" }], more: Origins = {}): Promise<TestProxy> {
  return testProxy(
    { logging: { access }, routes },
    {
      environment: { NODE_NAME: "n1" },
      upstreams: {
        app: ({ url }) =>
          url.endsWith("/fails")
            ? new Response("no", { status: 503 })
            : new Response("here", { headers: { ETag: '"v1"', "X-Two": "1, 2", Server: "origin" } }),
        ...more,
      },
    },
  );
}

const linesOf = ({ log }: TestProxy): LogEntry[] => log.filter(({ event }) => event === "access");

test("fields of heads: what the client sent, and what it got", async (t) => {
  const proxy = await proxyOf({ request_headers: ["X-Tenant", "X-None"], response_headers: ["ETag", "Server", "X-Set", "X-Two"] }, [
    { match: { path: "/own" }, respond: { status: 404, headers: { ETag: '"own"' } } },
    { upstream: "app", response_headers: { remove: ["Server"], set: { "X-Set": "{method}" }, add: { "X-Two": "3" } } },
  ]);
  t.after(() => proxy.close());
  await proxy.fetch("http://a.test/", {
    headers: [
      ["X-Tenant", "alpha"],
      ["X-Tenant", "beta"],
    ],
  });
  await proxy.fetch("http://a.test/own");
  const [origins, own] = linesOf(proxy);
  assert.deepEqual(origins?.["request_headers"], { "x-tenant": "alpha, beta" });
  assert.deepEqual(origins?.["response_headers"], { etag: '"v1"', "x-set": "GET", "x-two": "1, 2, 3" });
  assert.deepEqual([own?.["request_headers"], own?.["response_headers"]], [undefined, { etag: '"own"' }]);
});

test("false on a route is silent, true beside a log that is off is not, and a route says only what differs", async (t) => {
  const proxy = await proxyOf({ omit: ["worker"], request_headers: ["X-A"] }, [
    { match: { path: "/silent" }, upstream: "app", access_log: false },
    { match: { path: "/less" }, upstream: "app", access_log: { omit: ["worker", "route"] } },
    { upstream: "app" },
  ]);
  t.after(() => proxy.close());
  for (const path of ["/silent", "/less", "/other"]) await proxy.fetch(`http://a.test${path}`, { headers: { "X-A": "a" } });
  const [less, other, none] = linesOf(proxy);
  assert.deepEqual(
    [none, less?.["path"], less?.["route"], less?.["worker"], less?.["request_headers"]],
    [undefined, "/less", undefined, undefined, { "x-a": "a" }],
  );
  assert.deepEqual([other?.["path"], other?.["route"], other?.["worker"]], ["/other", "#3", undefined]);
  assert.equal(proxy.metrics.value("millrace_requests_total", { route: "#1" }), 1, "what is not logged is counted");

  const off = await proxyOf(false, [{ match: { path: "/loud" }, upstream: "app", access_log: true }, { upstream: "app" }]);
  t.after(() => off.close());
  for (const path of ["/loud", "/other"]) await off.fetch(`http://a.test${path}`);
  assert.deepEqual(
    linesOf(off).map(({ path }) => path),
    ["/loud"],
  );
});

test("the upstream is in lines that ask for it, of a split the side that was chosen", async (t) => {
  const routes: Full["routes"] = [
    { match: { path: "/side" }, split: [{ upstream: "next", weight: 0 }, { upstream: "app" }] },
    { match: { path: "/own" }, respond: { body: "x" } },
    { match: { path: "/plain" }, upstream: "app" },
  ];
  const proxy = await proxyOf({ fields: ["path", "upstream"] }, routes, { next: () => new Response("next") });
  t.after(() => proxy.close());
  for (const path of ["/side", "/own", "/plain", "/none"]) await proxy.fetch(`http://a.test${path}`);
  proxy.connect().send("GET / HTTP/1.1\r\n\r\n");
  await proxy.advance("1s");
  assert.deepEqual(
    linesOf(proxy).map(({ path, upstream }) => [path, upstream]),
    [
      ["/side", "app"],
      ["/own", undefined],
      ["/plain", "app"],
      ["/none", undefined],
      ["/", undefined],
    ],
  );
});

test("a sample of none logs what failed, and only that", async (t) => {
  const routes: Full["routes"] = [{ match: { path: "/cut" }, upstream: "cut" }, { upstream: "app" }];
  const cuts = { cut: script.resetAfter(150, () => new Response("x".repeat(500))) };
  const proxy = await proxyOf({ sample: { share: "0%", errors: true } }, routes, cuts);
  t.after(() => proxy.close());
  for (const path of ["/fine", "/fails", "/missing"]) await proxy.fetch(`http://a.test${path}`);
  const cut = await proxy.fetch("http://a.test/cut");
  await assert.rejects(cut.text());
  assert.deepEqual(
    linesOf(proxy).map(({ path, status, outcome }) => [path, status, outcome]),
    [
      ["/fails", 503, "completed"],
      ["/cut", 200, "connection_terminated"],
    ],
  );
  // The test kit's random number is always 0.5.
  for (const [sample, lines] of [
    ["50%", 0],
    ["51%", 1],
    ["100%", 1],
    ["0%", 0],
  ] as const) {
    const sampled = await proxyOf({ sample });
    t.after(() => sampled.close());
    await sampled.fetch("http://a.test/fails");
    assert.equal(linesOf(sampled).length, lines, sample);
  }
});

test("a template: values of the request, the response and the environment, also for what was refused", async (t) => {
  const template =
    '{env.NODE_NAME} {client_ip} "{method} {uri}" {status} {header.X-A} {response_header.ETag} {query.page} {match.id} {request_id}';
  const proxy = await proxyOf({ template }, [{ match: { path_regex: "^/u/(?<id>[0-9]+)" }, upstream: "app" }]);
  t.after(() => proxy.close());
  await proxy.fetch("http://a.test/u/7?page=2", { headers: { "X-A": 'a "b"' } });
  await proxy.fetch("http://a.test/nowhere");
  const client = proxy.connect();
  client.send("GET /bad HTTP/1.1\r\nHost: a.test\r\nX A: b\r\n\r\n");
  await client.untilEnded();
  const [found, nowhere, refused] = linesOf(proxy).map(({ line }) => String(line));
  assert.match(found ?? "", /^n1 192\.0\.2\.1 "GET \/u\/7\?page=2" 200 a\\x20\\x22b\\x22 \\x22v1\\x22 2 7 [0-9a-f-]{36}$/);
  assert.match(nowhere ?? "", /^n1 192\.0\.2\.1 "GET \/nowhere" 404 - - - - [0-9a-f-]{36}$/);
  assert.match(refused ?? "", /^(?:n1|-) 192\.0\.2\.1 "(?:GET|-) (?:\/bad|-)" 400 - - - - -$/);
});

test("what a configuration may not say", async () => {
  await assert.rejects(
    proxyOf({ request_headers: ["Cookie"] }),
    /logging\.access\.request_headers\.#1: the field Cookie is not for the log: it carries credentials/,
  );
  await assert.rejects(
    proxyOf(true, [{ upstream: "app", access_log: { template: "{header.Authorization}" } }]),
    /routes\.#1\.access_log\.template: \{header\. \.\.\.\}: it carries credentials/,
  );
  await assert.rejects(
    testProxy({ logging: { format: "json", access: { template: "common" } }, routes: [{ respond: {} }] }),
    /logging\.access\.template: logging\.format is json: a template is for text/,
  );
});

test("user agent, referer and trace are in every line; traceparent passes as it came, and is logged only when it is well-formed", async (t) => {
  const proxy = await proxyOf(true);
  t.after(() => proxy.close());
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  for (const traceparent of [`00-${trace}-00f067aa0ba902b7-01`, `00-${trace}-00f067aa0ba902b7-01-more`, "00-\x80\u{ff}"]) {
    await proxy.fetch("http://a.test/", {
      headers: { "User-Agent": "curl/8", Referer: "https://u:hunter2@b.test/page?hunter2", traceparent, tracestate: "a=b" },
    });
    const { head } = proxy.requests("app").at(-1) ?? assert.fail("the origin saw nothing");
    assert.ok(head.includes(`traceparent: ${traceparent}\r\n`) && head.includes("tracestate: a=b\r\n"), head);
  }
  const lines = linesOf(proxy);
  assert.deepEqual(
    lines.map(({ trace_id: id }) => id),
    [trace, undefined, undefined],
  );
  for (const line of lines) assert.deepEqual([line["user_agent"], line["referer"]], ["curl/8", "https://b.test/page"]);
  assert.ok(!JSON.stringify(lines).includes("hunter2"));
});

test("explain says which exchanges of a route get a line", () => {
  const saidOf = (access_log: RouteConfig["access_log"]): string[] => linesOfLog({ match: {}, access_log });
  assert.deepEqual(saidOf(undefined), []);
  assert.deepEqual(saidOf(false), ["access log: no line"]);
  assert.deepEqual(saidOf(true), ["access log: a line for each exchange"]);
  assert.deepEqual(saidOf({ sample: { share: 0.07, errors: true } }), [
    "access log: a line for 7 % of the exchanges, and for all that fail",
  ]);
});
