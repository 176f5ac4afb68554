import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy, TestProxyOptions } from "../../testing/test-proxy.ts";

type Full = Extract<TestConfig, { routes: unknown }>;
type Pages = NonNullable<Full["error_pages"]>;

const FILES = {
  "503.html": "<h1>back soon</h1>",
  "error.html": "<h1>{error.status} {error.title}</h1><p>{error.detail}|{path}|{header.x-a}</p>",
  "plain.txt": "sorry",
  "error.json": '{"code":{error.status},"path":"{path}"}',
};
const BROWSER = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

async function started(t: TestContext, config: Full, options: TestProxyOptions = {}): Promise<TestProxy> {
  const proxy = await testProxy(config, { files: FILES, ...options });
  t.after(() => proxy.close());
  return proxy;
}

async function get(proxy: TestProxy, path: string, headers: Record<string, string> = BROWSER): Promise<readonly unknown[]> {
  const response = await proxy.fetch(`http://a.test${path}`, { headers });
  return [response.status, response.headers.get("content-type"), await response.text()];
}

const HTML = "text/html; charset=utf-8";

test("a page by status goes before one by class, and the particular place before the general one", async (t) => {
  const proxy = await started(t, {
    error_pages: { "503": "503.html", "4xx": { body: "top {error.status}" } },
    upstreams: { app: { endpoints: ["http://127.0.0.1:1"], error_pages: { "5xx": { body: "upstream {error.status}" } } } },
    routes: [
      { match: { path: "/own" }, upstream: "app", error_pages: { "502": { body: "own" } } },
      { match: { path: "/app" }, upstream: "app" },
      { match: { path: "/503" }, respond: { status: 503 } },
      { match: { path: "/404" }, respond: { status: 404, body: "mine" } },
      { match: { path: "/500" }, respond: { status: 500 } },
    ],
  });
  assert.deepEqual(await get(proxy, "/own"), [502, HTML, "own"]);
  assert.deepEqual(await get(proxy, "/app"), [502, HTML, "upstream 502"]);
  assert.deepEqual(await get(proxy, "/503"), [503, HTML, "<h1>back soon</h1>"]);
  assert.deepEqual(await get(proxy, "/404"), [404, "text/plain; charset=utf-8", "mine"]);
  assert.deepEqual(await get(proxy, "/500"), [500, null, ""]);
  // No route takes these.
  assert.deepEqual(await get(proxy, "/nowhere"), [404, HTML, "top 404"]);
  assert.deepEqual(await get(proxy, "/..%2f"), [400, HTML, "top 400"]);
});

test("status, needed fields and those of CORS stay; HEAD gets the same without the page", async (t) => {
  const proxy = await started(t, {
    error_pages: { "4xx": { body: "page" }, "5xx": { body: "page" } },
    upstreams: { app: { endpoints: ["http://127.0.0.1:1"] } },
    routes: [
      {
        match: { path: "/a" },
        upstream: "app",
        cors: { allowed_origins: ["https://b.test"] },
        rate_limit: { requests_per_minute: 1 },
        authentication: { tokens: ["hunter22"] },
      },
      { match: { path: "/f" }, files: { root: "/x" } },
      { upstream: "app" },
    ],
  });
  const headers = { ...BROWSER, Origin: "https://b.test" };
  const first = await proxy.fetch("http://a.test/a", { headers });
  assert.deepEqual([first.status, first.headers.get("www-authenticate") !== null, await first.text()], [401, true, "page"]);
  assert.equal(first.headers.get("access-control-allow-origin"), "https://b.test");
  const second = await proxy.fetch("http://a.test/a", { headers });
  assert.deepEqual([second.status, second.headers.get("retry-after") !== null, await second.text()], [429, true, "page"]);
  const method = await proxy.fetch("http://a.test/f", { method: "DELETE", headers });
  assert.deepEqual([method.status, method.headers.get("allow"), await method.text()], [405, "GET, HEAD", "page"]);
  const failed = await proxy.fetch("http://a.test/x", { headers });
  assert.match(failed.headers.get("proxy-status") ?? "", /^millrace; error=connection_refused/);
  assert.deepEqual([failed.status, failed.headers.get("cache-control"), await failed.text()], [502, "no-store", "page"]);
  const head = await proxy.fetch("http://a.test/x", { method: "HEAD", headers });
  assert.deepEqual([head.headers.get("content-length"), head.headers.get("content-type"), await head.text()], ["4", HTML, ""]);
  assert.equal(proxy.log.at(-1)?.["outcome"], "connection_refused");
});

test("HTML, or a problem document, by what the client accepts", async (t) => {
  const proxy = await started(t, {
    upstreams: {},
    routes: [
      { match: { path: "/html" }, respond: { status: 404 }, error_pages: { "404": { body: "page" } } },
      { match: { path: "/text" }, respond: { status: 404 }, error_pages: { "404": "plain.txt" } },
      { match: { path: "/json" }, respond: { status: 404 }, error_pages: { "404": { template: "error.json" } } },
      { files: { root: "x" }, error_pages: { "404": { body: "page" } } },
    ],
  });
  const json = { Accept: "application/json" };
  const [status, type, text] = await get(proxy, "/file", json);
  assert.deepEqual([status, type], [404, "application/problem+json"]);
  assert.deepEqual(JSON.parse(String(text)), { type: "about:blank", title: "Not Found", status: 404, detail: "There is no such file." });
  assert.deepEqual(await get(proxy, "/html", { Accept: "*/*" }), [404, HTML, "page"]);
  assert.deepEqual(await get(proxy, "/text", json), [404, "text/plain; charset=utf-8", "sorry"]);
  assert.deepEqual(await get(proxy, "/json", BROWSER), [404, "application/json", '{"code":404,"path":"/json"}']);
});

test("variables are escaped for the type of the page, whatever a client sends", async (t) => {
  const proxy = await started(t, {
    upstreams: {},
    routes: [{ files: { root: "x" }, error_pages: { "4xx": { template: "error.html" } } }],
  });
  const page = await get(proxy, "/%3Cb%3E'\"<script>", { ...BROWSER, "X-A": "<img src=x onerror=alert(1)>\xe9" });
  const expected =
    "<h1>404 Not Found</h1><p>There is no such file.|/%3Cb%3E&#39;%22%3Cscript%3E|&#60;img src=x onerror=alert(1)&#62;\ufffd</p>";
  assert.deepEqual(page, [404, HTML, expected]);
  const json = await started(t, {
    upstreams: {},
    routes: [{ respond: { status: 404 }, error_pages: { "404": { template: "error.json" } } }],
  });
  const [, , text] = await get(json, '/"},{"a":"');
  assert.deepEqual(JSON.parse(String(text)), { code: 404, path: "/%22%7D,%7B%22a%22:%22" });
});

test("in the place of an origin's answer, where that is asked for", async (t) => {
  const origin = (request: Request): Response => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response("stack trace", {
      status,
      headers: [
        ["Content-Type", "text/html"],
        ["Content-Encoding", "gzip"],
        ["ETag", '"a"'],
        ["Cache-Control", "public, max-age=60"],
        ["Retry-After", "7"],
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
        ["Access-Control-Allow-Origin", "*"],
        ["X-Own", "1"],
      ],
    });
  };
  const error_pages: Pages = { "5xx": { template: "error.html", origin: true }, "404": { body: "mine" } };
  const proxy = await started(t, { routes: [{ upstream: "app", error_pages }] }, { upstreams: { app: origin } });
  const response = await proxy.fetch("http://a.test/503", { headers: BROWSER });
  assert.deepEqual([response.status, await response.text()], [503, "<h1>503 Service Unavailable</h1><p>|/503|</p>"]);
  assert.deepEqual([...response.headers].filter(([name]) => !["date", "content-length"].includes(name)).toSorted(), [
    ["access-control-allow-origin", "*"],
    ["cache-control", "no-store"],
    ["content-type", HTML],
    ["retry-after", "7"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-own", "1"],
  ]);
  assert.deepEqual([proxy.log.at(-1)?.["outcome"], proxy.log.at(-1)?.["status"]], ["completed", 503]);
  const head = await proxy.fetch("http://a.test/500", { method: "HEAD", headers: BROWSER });
  assert.deepEqual([head.status, head.headers.get("etag"), head.headers.get("content-length")], [500, null, "47"]);
  const json = await proxy.fetch("http://a.test/500", { headers: { Accept: "application/json" } });
  assert.deepEqual(
    [json.headers.get("content-type"), await json.json()],
    ["application/problem+json", { type: "about:blank", title: "Internal Server Error", status: 500 }],
  );
  for (const status of [404, 200])
    assert.equal(await (await proxy.fetch(`http://a.test/${status}`, { headers: BROWSER })).text(), "stack trace");
});

test("a large answer of an origin is not read to its end, and one that breaks off breaks nothing", async (t) => {
  const error_pages: Pages = { "5xx": { body: "page", origin: true } };
  const proxy = await started(
    t,
    { routes: [{ upstream: "app", error_pages }] },
    { upstreams: { app: () => new Response("x".repeat(1_000_000), { status: 500 }) } },
  );
  assert.deepEqual(await get(proxy, "/"), [500, HTML, "page"]);
  assert.deepEqual(await get(proxy, "/"), [500, HTML, "page"]);
  proxy.serve("app", {
    kind: "raw",
    serve: async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send("HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nabc");
      connection.close();
    },
  });
  const response = await proxy.fetch("http://a.test/", { headers: BROWSER });
  assert.equal(response.status, 500);
});

test("files are read again with each configuration, though its routes are the same", async (t) => {
  const files: Record<string, string> = { "a.html": "one" };
  const config: Full = { upstreams: {}, routes: [{ respond: { status: 404 }, error_pages: { "404": "a.html" } }] };
  const proxy = await started(t, config, { files });
  assert.deepEqual(await get(proxy, "/"), [404, HTML, "one"]);
  files["a.html"] = "two";
  assert.deepEqual(await get(proxy, "/"), [404, HTML, "one"]);
  await proxy.reload(config);
  assert.deepEqual(await get(proxy, "/"), [404, HTML, "two"]);
});

test("what a configuration may not say", async () => {
  const wrong: readonly (readonly [pages: object, problem: RegExp])[] = [
    [{ "200": "a" }, /expected a status from 400 to 599, 4xx or 5xx/],
    [{ "3xx": "a" }, /expected a status from 400 to 599, 4xx or 5xx/],
    [{ "404": {} }, /it lacks the page: give file, template or body/],
    [{ "404": { file: "503.html", body: "a" } }, /there is a page already: file/],
    [{ "404": { body: "{error.stack}" } }, /of error there are only \{error\.status\}/],
    [{ "404": { body: "{hots}" } }, /there is no variable \{hots\}/],
    [{ "404": 7 }, /expected the path of a file, or a mapping/],
  ];
  for (const [error_pages, problem] of wrong) {
    const config = { upstreams: {}, routes: [{ respond: {}, error_pages }] } as Full;
    await assert.rejects(testProxy(config, { files: FILES }), problem, JSON.stringify(error_pages));
  }
  await assert.rejects(testProxy({ upstreams: {}, routes: [{ respond: { body: "{error.status}" } }] }), /there is no variable \{error/);
});
