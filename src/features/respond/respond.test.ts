import assert from "node:assert/strict";
import { test } from "node:test";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";
import { typeOfFile } from "./type-of-file.ts";

type Respond = NonNullable<Exclude<Extract<TestConfig, { routes: unknown }>, string>["routes"][number]["respond"]>;

async function answering(respond: Respond, files: Readonly<Record<string, string>> = {}): Promise<TestProxy> {
  return testProxy({ upstreams: {}, routes: [{ name: "shop", respond }] }, { files, environment: { REGION: "eu<1>" } });
}

test("a fixed text, its status and its fields", async (t) => {
  const proxy = await answering({ status: 503, headers: { "Retry-After": "60", "X-A": "b" }, body: "closed" });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/x");
  assert.deepEqual([response.status, response.headers.get("retry-after"), response.headers.get("x-a")], [503, "60", "b"]);
  assert.deepEqual([response.headers.get("content-type"), await response.text()], ["text/plain; charset=utf-8", "closed"]);
  assert.equal(proxy.log.at(-1)?.["outcome"], "respond");
  const head = await proxy.fetch("http://a.test/x", { method: "HEAD" });
  assert.deepEqual([head.headers.get("content-length"), await head.text()], ["6", ""]);
});

test("every variable, escaped as the type of the body asks", async (t) => {
  const all = "{method}|{scheme}|{host}|{path}|{query}|{uri}|{client_ip}|{route}|{header.x-a}|{cookie.c}|{query.q}|{env.REGION}";
  const proxy = await answering({ headers: { "Content-Type": "text/html" }, body: all });
  t.after(() => proxy.close());
  const headers = { "X-A": `"<a>&'`, Cookie: 'b=1; c="<c>"' };
  const response = await proxy.fetch("http://A.test:81/p%20q?q=<q>&r=2", { headers });
  const quoted = "&#34;&#60;a&#62;&#38;&#39;";
  assert.equal(
    await response.text(),
    `GET|http|a.test|/p%20q|q=%3Cq%3E&#38;r=2|/p%20q?q=%3Cq%3E&#38;r=2|192.0.2.1|shop|${quoted}|&#60;c&#62;|%3Cq%3E|eu<1>`,
  );
  const absent = await proxy.fetch("http://a.test/");
  assert.equal(await absent.text(), "GET|http|a.test|/||/|192.0.2.1|shop||||eu<1>");
});

test("a text without charset is said to be in UTF-8, which it is", async (t) => {
  const typeOf = async (type: string): Promise<string | null> => {
    const proxy = await answering({ headers: { "Content-Type": type }, body: "ü" });
    t.after(() => proxy.close());
    return (await proxy.fetch("http://a.test/")).headers.get("content-type");
  };
  assert.equal(await typeOf("text/html"), "text/html; charset=utf-8");
  assert.equal(await typeOf("text/css; charset=us-ascii"), "text/css; charset=us-ascii");
  assert.equal(await typeOf("application/json"), "application/json");
});

test("a value in JSON, and in a field, stays a value", async (t) => {
  const proxy = await answering({
    headers: { "Content-Type": "application/json", "X-Echo": "<{header.x-a}>" },
    body: '{"a":"{header.x-a}"}',
  });
  t.after(() => proxy.close());
  const client = proxy.connect();
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\nX-A: a"\\\tb\xc3\xa9\r\nConnection: close\r\n\r\n');
  const text = await client.untilEnded();
  assert.match(text, /\r\nX-Echo: <a"\\b\xc3\xa9>\r\n/);
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  assert.deepEqual(JSON.parse(Buffer.from(body, "latin1").toString("utf8")), { a: 'a"\\\tbé' });
});

test("a file is sent as it is, with the type of its ending", async (t) => {
  const proxy = await answering({ file: "robots.txt" }, { "robots.txt": "Disallow: {path}\n" });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/");
  assert.equal(await response.text(), "Disallow: {path}\n");
  assert.equal(typeOfFile("/a/b.HTML"), "text/html; charset=utf-8");
  assert.equal(typeOfFile("/a.d/b"), "text/plain; charset=utf-8");
  assert.equal(typeOfFile("x.json"), "application/json");
});

test("what a configuration may not say", async () => {
  for (const [respond, problem] of [
    [{ body: "{hots}" }, /respond\.body: there is no variable \{hots\}; known are/],
    [{ headers: { "Content-Length": "3" } }, /the field Content-Length is the proxy's to write/],
    [{ headers: { "X-A": "a\nb" } }, /respond\.headers\.\(key #1\): it holds a character/],
    [{ status: 101 }, /from 200 to 599/],
    [{ body: "a", file: "b" }, /there is a body already/],
  ] as const) {
    await assert.rejects(answering(respond, { b: "" }), problem);
  }
  await assert.rejects(
    testProxy({ upstreams: {}, routes: [{}] }),
    /routes\.#1: expected one of upstream, split, redirect, respond, files, found none/,
  );
  const both = { routes: [{ upstream: "app", respond: {} }] };
  await assert.rejects(
    testProxy(both, { upstreams: { app: () => new Response() } }),
    /routes\.#1\.respond: the route has upstream already/,
  );
});
