/** What goes wrong in a test, by mistake or on purpose: it is said where it happens, and harms nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "./test-proxy.ts";

const ROUTES = { routes: [{ upstream: "app" }] };
const answer = (): Response => new Response("hi");
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

test("a body whose first piece is there before the connection stands is sent", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: async (request) => new Response(await request.text()) } });
  t.after(() => proxy.close());
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async start(controller) {
      for (const piece of ["a", "b", "c"]) {
        await new Promise(setImmediate);
        controller.enqueue(bytes(piece));
      }
      controller.close();
    },
  });
  assert.equal(await (await proxy.fetch("http://a.test/", { method: "POST", body })).text(), "abc");
});

test("a response whose stream fails is cut where it fails", async (t) => {
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: (request) =>
        new Response(
          new ReadableStream<Uint8Array<ArrayBuffer>>({
            start: (controller) => {
              if (request.url.endsWith("/later")) controller.enqueue(bytes("one"));
              else controller.error(new Error("at once"));
            },
            pull: async (controller) => {
              await Promise.resolve();
              controller.error(new Error("later"));
            },
          }),
        ),
    },
  });
  t.after(() => proxy.close());
  assert.equal((await proxy.fetch("http://a.test/at-once")).status, 502);
  const response = await proxy.fetch("http://a.test/later");
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
  // What its endpoint does when the connection is gone is part of it.
  await proxy.advance(1);
  assert.equal(proxy.log.at(-1)?.["outcome"], "connection_terminated");
});

test("the head of a response is sent before the first piece of its body is there", async (t) => {
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: (_, { sleep }) =>
        new Response(
          new ReadableStream<Uint8Array<ArrayBuffer>>({
            async pull(controller) {
              await sleep(1000);
              controller.enqueue(bytes("data: 1\n\n"));
              controller.close();
            },
          }),
          { headers: { "content-type": "text/event-stream" } },
        ),
    },
  });
  t.after(() => proxy.close());
  const response = await proxy.fetch("http://a.test/");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const text = response.text();
  await proxy.advance("1s");
  assert.equal(await text, "data: 1\n\n");
});

test("an endpoint's function that returns no fresh Response is told so", async (t) => {
  const one = new Response("once");
  const proxy = await testProxy(
    { routes: ["used", "none"].map((upstream) => ({ upstream, match: { path: `/${upstream}` } })) },
    { upstreams: { used: () => one, none: (() => "text") as never } },
  );
  t.after(() => proxy.close());
  assert.equal(await (await proxy.fetch("http://a.test/used")).text(), "once");
  assert.match(await (await proxy.fetch("http://a.test/used")).text(), /a Response whose body was used before/);
  assert.match(await (await proxy.fetch("http://a.test/none")).text(), /must return a Response, not text/);
});

test("a raw script that waits for more is left alone when the proxy closes its connection", async () => {
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: script.raw(async (connection) => {
        for (;;) {
          await connection.until("\r\n\r\n");
          connection.take();
          connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
      }),
    },
  });
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), "ok");
  await proxy.advance("2m");
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), "ok");
  proxy.close();
  await new Promise(setImmediate);
});
