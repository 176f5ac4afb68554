/** Mistakes and deliberate faults in a test that uses `testProxy`: they are reported where they happen, and harm nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { script, testProxy } from "./test-proxy.ts";

const ROUTES = { routes: [{ upstream: "app" }] };
const answer = (): Response => new Response("hi");
const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

test("a body whose first piece comes before the connection is established is sent", async (t) => {
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
  // Wait for what the endpoint does after the connection is closed: it must not fail the test.
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

test("an endpoint's function that does not return a fresh Response gets an error that says so", async (t) => {
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

test("a raw script that waits when the proxy closes its connection does not fail the test", async () => {
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

test("a reload may add an upstream and remove one", async (t) => {
  const proxy = await testProxy(
    { routes: ["one", "two"].map((upstream) => ({ upstream, match: { path: `/${upstream}` } })) },
    { upstreams: { one: () => new Response("1"), two: () => new Response("2") } },
  );
  t.after(() => proxy.close());
  await proxy.reload({ routes: [{ upstream: "two" }] });
  assert.equal(await (await proxy.fetch("http://a.test/one")).text(), "2");
  await proxy.reload({ routes: [{ upstream: "three" }] }, { upstreams: { three: () => new Response("3") } });
  assert.equal(await (await proxy.fetch("http://a.test/one")).text(), "3");
  await assert.rejects(
    proxy.reload({ routes: [{ upstream: "two" }] }, { upstreams: { four: answer } }),
    /no upstream, and no endpoint, "four"/,
  );
  assert.equal(await (await proxy.fetch("http://a.test/one")).text(), "3");
});

test("an endpoint's URL is found in another spelling, and a list needs one entry for each endpoint", async (t) => {
  const upstreams = { app: { endpoints: ["http://one.test:80", "http://two.test"] } };
  const proxy = await testProxy({ ...ROUTES, upstreams }, { upstreams: { "http://one.test": answer, "http://two.test:80/": answer } });
  t.after(() => proxy.close());
  for (let request = 0; request < 2; request++) assert.equal(await (await proxy.fetch("http://a.test/")).text(), "hi");
  await assert.rejects(
    testProxy({ ...ROUTES, upstreams }, { upstreams: { app: [answer] } }),
    /a list of 1 is given for the 2 endpoints of "app"/,
  );
});

test("malformed times and unknown metrics, upstreams, clients and listeners are refused", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: answer } });
  t.after(() => proxy.close());
  for (const time of [NaN, Infinity, -1, "10"]) await assert.rejects(proxy.advance(time), /is no duration/, String(time));
  assert.throws(() => proxy.requests("ap"), /no upstream "ap"/);
  assert.throws(() => proxy.metrics.value("millrace_retries"), /no metric millrace_retries/);
  assert.equal(proxy.metrics.value("millrace_request_duration_seconds_count"), 0);
  await assert.rejects(proxy.fetch("http://a.test/", { from: "nobody" }), /"nobody" is no address/);
  await assert.rejects(proxy.fetch("http://a.test/", { listener: 1 }), /no listener 1/);
  await assert.rejects(proxy.fetch("/path"), /Invalid URL/);
  assert.throws(() => proxy.connect().send("5 \u20ac"), /no single byte/);
});

test("a closed proxy does nothing more, and says so", async () => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: script.stall() } });
  const pending = assert.rejects(proxy.fetch("http://a.test/"), /ended before a response/);
  await proxy.advance(1);
  proxy.close();
  proxy.close();
  await pending;
  await assert.rejects(proxy.fetch("http://a.test/"), /was closed/);
  assert.throws(() => proxy.connect(), /was closed/);
  await assert.rejects(proxy.advance(1), /was closed/);
  await assert.rejects(proxy.reload(ROUTES), /was closed/);
  assert.equal(proxy.log.length, 1);
});

test("closed connections are not kept in memory", async (t) => {
  const proxy = await testProxy(ROUTES, { upstreams: { app: answer } });
  t.after(() => proxy.close());
  for (let request = 0; request < 20; request++) await (await proxy.fetch("http://a.test/")).text();
  await proxy.advance(1);
  assert.equal(proxy["connections"].size, 0);
});

test("the signal of a request is aborted when its client leaves, and not when its connection ends later", async (t) => {
  const signals: AbortSignal[] = [];
  const proxy = await testProxy(ROUTES, {
    upstreams: {
      app: async ({ url, signal }, { sleep }) => {
        signals.push(signal);
        if (url.endsWith("/slow")) await sleep(60_000);
        return new Response("hi");
      },
    },
  });
  t.after(() => proxy.close());
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), "hi");
  await proxy.advance("10m");
  const client = proxy.connect();
  client.send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance(100);
  client.reset();
  await proxy.advance(100);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, true],
  );
});
