import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Route = Full["routes"][number];
type Edits = NonNullable<Route["response_headers"]>;

function withRoute(route: Route, response: () => Response, environment: Readonly<Record<string, string>> = {}): Promise<TestProxy> {
  return testProxy({ routes: [{ name: "shop", upstream: "app", ...route }] }, { upstreams: { app: response }, environment });
}

/** The lines of the response to a request with these lines. */
async function linesOf(proxy: TestProxy, ...lines: string[]): Promise<string[]> {
  const client = proxy.connect();
  client.send(["GET /a HTTP/1.1", "Host: a.test", "Connection: close", ...lines, "", ""].join("\r\n"));
  const text = await client.untilEnded();
  client.close();
  return text.slice(0, text.indexOf("\r\n\r\n")).split("\r\n").slice(1);
}

const origin = (): Response =>
  new Response("here", {
    headers: [
      ["Server", "app/1.2"],
      ["X-Old", "1"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["Cache-Control", "public"],
    ],
  });

test("removes, renames, sets and adds", async (t) => {
  const response_headers = {
    remove: ["server"],
    rename: { "X-Old": "X-New", "Set-Cookie": "X-Cookie" },
    set: { "Cache-Control": "no-store", "X-Client": "{client_ip} {header.X-A}" },
    add: { Link: ["</a.css>", "</b.js>"] },
  };
  const proxy = await withRoute({ response_headers }, origin);
  t.after(() => proxy.close());
  const lines = await linesOf(proxy, "X-A: 1");
  for (const line of [
    "X-New: 1",
    "X-Cookie: a=1",
    "X-Cookie: b=2",
    "Cache-Control: no-store",
    "X-Client: 192.0.2.1 1",
    "Link: </a.css>",
    "Link: </b.js>",
  ])
    assert.ok(lines.includes(line), `${line} in ${lines.join("; ")}`);
  assert.equal(lines.filter((line) => /^(?:server|x-old|set-cookie|cache-control: public)/i.test(line)).length, 0);
});

test("a line that an earlier middleware adds is replaced like a received one", async (t) => {
  const route = { cors: { allowed_origins: ["https://app.example.com"] }, response_headers: { set: { Vary: "Origin, Accept" } } };
  const proxy = await withRoute(route, origin);
  t.after(() => proxy.close());
  const lines = await linesOf(proxy, "Origin: https://app.example.com");
  assert.deepEqual(lines.filter((line) => /^(?:vary|access-control-allow-origin):/i.test(line)).toSorted(), [
    "Access-Control-Allow-Origin: https://app.example.com",
    "Vary: Origin, Accept",
  ]);
});

test("the proxy's own answers get the edits of those levels that say so", async (t) => {
  const config: Full = {
    response_headers: { set: { "X-All": "1" }, own_answers: true },
    routes: [
      {
        upstream: "app",
        authentication: { tokens: ["hunter22"] },
        response_headers: { set: { "X-Route": "1" }, remove: ["WWW-Authenticate"] },
      },
    ],
  };
  const proxy = await testProxy(config, { upstreams: { app: origin } });
  t.after(() => proxy.close());
  const refused = await proxy.fetch("http://a.test/");
  assert.deepEqual([refused.status, refused.headers.get("x-all"), refused.headers.get("x-route")], [401, "1", null]);
  assert.notEqual(refused.headers.get("www-authenticate"), null);
  const admitted = await proxy.fetch("http://a.test/", { headers: { "X-API-Key": "hunter22" } });
  assert.deepEqual([admitted.status, admitted.headers.get("x-all"), admitted.headers.get("x-route")], [200, "1", "1"]);
});

test("an answer keeps its Content-Type, for which its text was escaped", async (t) => {
  const response_headers: Edits = {
    set: { "Content-Type": "text/html", "Cache-Control": "max-age=60" },
    rename: { "X-A": "content-type" },
    remove: ["CONTENT-TYPE"],
    own_answers: true,
  };
  const proxy = await testProxy({ upstreams: {}, routes: [{ respond: { body: "{query.q}" }, response_headers }] });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/?q=<script>");
  assert.deepEqual(
    [response.headers.get("content-type"), response.headers.get("cache-control")],
    ["text/plain; charset=utf-8", "max-age=60"],
  );
});

test("no value of a variable brings a line of its own", async (t) => {
  const all = "{method}|{scheme}|{host}|{path}|{query}|{uri}|{client_ip}|{route}|{header.X-A}|{cookie.c}|{query.q}|{env.E}";
  const response_headers = { set: { "X-All": all }, own_answers: true };
  const environment = { E: "e\r\nX-Evil: 1\u{10d}\u{10a}X-Evil: 2" };
  const proxy = await withRoute({ response_headers, rate_limit: { requests_per_minute: 60, burst: 8 } }, origin, environment);
  t.after(() => proxy.close());
  let own = 0;
  for (const value of ["\t", "\x80\xff", "a\tb", "%0d%0aX-Evil:1", "{host}", "x".repeat(8000), "\x8a\x8d", '"', ",", "<"]) {
    const lines = await linesOf(proxy, `X-A: ${value}`, `Cookie: c=${value}`);
    if (lines.some((line) => line.startsWith("Retry-After"))) own++;
    assert.equal(lines.filter((line) => line.startsWith("X-All: GET|http|a.test|/a|")).length, 1);
    assert.ok(lines.every((line) => /^[\t -~\x80-\xff]+$/.test(line) && !line.startsWith("X-Evil")));
  }
  assert.ok(own > 0, "some of the answers are the proxy's own");
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [edits: Edits, problem: RegExp])[] = [
    [{ set: { Date: "now" } }, /response_headers\.set\.\(key #1\): the field Date is not for the configuration to write: caches compute/],
    [{ set: { "Transfer-Encoding": "chunked" } }, /it says where the message ends/],
    [{ add: { "Proxy-Status": "millrace" } }, /whoever looks for a failure believes it/],
    [{ remove: ["Content-Length"] }, /is not for the configuration to remove/],
  ];
  for (const [response_headers, problem] of wrong) await assert.rejects(withRoute({ response_headers }, origin), problem);
});
