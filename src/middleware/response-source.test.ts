/** Sources made of web responses, in a whole proxy in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { defineMiddleware, responseSource } from "../millrace.ts";
import { testProxy } from "../testing/test-proxy.ts";
import type { TestProxy } from "../testing/test-proxy.ts";

async function proxyAnswering(t: TestContext, answer: () => Response): Promise<TestProxy> {
  const middleware = [defineMiddleware({ name: "web", setup: () => ({ source: () => responseSource(answer()) }) })()];
  const upstreams = { app: () => new Response("from the endpoint") };
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware }] }, { upstreams });
  t.after(() => proxy.close());
  return proxy;
}

test("status, fields and body go out; what is the proxy's to write does not", async (t) => {
  const headers = new Headers({ "Content-Type": "text/plain", "Content-Length": "5", Connection: "close" });
  headers.append("Set-Cookie", "a=1");
  headers.append("Set-Cookie", "b=2");
  const proxy = await proxyAnswering(t, () => new Response("hello", { status: 201, headers }));
  const response = await proxy.fetch("http://a.test/");
  assert.deepEqual([response.status, response.headers.get("content-length"), await response.text()], [201, "5", "hello"]);
  assert.deepEqual([response.headers.getSetCookie(), response.headers.get("connection")], [["a=1", "b=2"], null]);
  assert.equal(proxy.requests("app").length, 0);
  const head = await proxy.fetch("http://a.test/", { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length"), await head.text()], [201, "5", ""]);
});

test("responses without a body", async (t) => {
  const proxy = await proxyAnswering(t, () => new Response(null, { status: 204 }));
  assert.equal((await proxy.fetch("http://a.test/")).status, 204);
});

test("a large body waits for a slow client, and is cancelled when the client leaves", async (t) => {
  let pulled = 0;
  let cancelled = 0;
  const endless = (): Response =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(64 * 1024));
        },
        cancel: () => void cancelled++,
      }),
    );
  const proxy = await proxyAnswering(t, endless);
  const client = proxy.connect();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await client.until("\r\n\r\n");
  client.pause();
  await proxy.advance("5s");
  const before = pulled;
  await proxy.advance("1s");
  assert.equal(pulled, before, "the stream waits");
  client.reset();
  await proxy.advance("1s");
  assert.equal(cancelled, 1);
});

test("a stream that fails cuts the client, and one that is no stream of bytes too", async (t) => {
  const broken = [
    (controller: ReadableStreamDefaultController): void => controller.error(new Error("broken")),
    (controller: ReadableStreamDefaultController): void => controller.enqueue("a text"),
  ];
  for (const breaks of broken) {
    let parts = 0;
    const pull = (controller: ReadableStreamDefaultController): void =>
      parts++ === 0 ? controller.enqueue(new Uint8Array(10)) : breaks(controller);
    const proxy = await proxyAnswering(t, () => new Response(new ReadableStream({ pull })));
    const response = await proxy.fetch("http://a.test/");
    await assert.rejects(response.text());
    await proxy.advance("1s");
    assert.ok(proxy.log.some(({ event, middleware }) => event === "middleware_failed" && middleware === "web"));
  }
});

test("no response at all is a 500", async (t) => {
  const proxy = await proxyAnswering(t, () => Response.error());
  assert.equal((await proxy.fetch("http://a.test/")).status, 500);
});
