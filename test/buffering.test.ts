/** `buffer` of a route, through the whole proxy in memory: what endpoints, slow clients and metrics see of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import type { TestConfig, TestOrigin, TestProxy } from "../src/testing/test-proxy.ts";

async function started(t: TestContext, config: TestConfig, app: TestOrigin): Promise<TestProxy> {
  const proxy = await testProxy(config, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

const ROUTE = { upstream: "app", buffer: { request: "100KiB", response: "4MiB" } } as const;
const LARGE = "x".repeat(3_000_000);

test("a slow upload comes to the endpoint when it is whole, with its length", async (t) => {
  const proxy = await started(t, { routes: [ROUTE] }, async (request) => new Response(await request.text()));
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  for (let second = 0; second < 3; second++) {
    await proxy.advance("1s");
    client.send("3\r\ndef\r\n");
    assert.equal(proxy.requests("app").length, 0);
    assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.in_flight, 0);
  }
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 4096);
  client.send("0\r\n\r\n");
  assert.match(await client.until("abcdefdefdef"), /^HTTP\/1\.1 200 /);
  const [request] = proxy.requests("app");
  assert.deepEqual([request?.headers.get("content-length"), request?.headers.get("transfer-encoding")], ["12", null]);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});

test("an upload that is never completed ends with 408, and no endpoint is asked", async (t) => {
  const proxy = await started(t, { routes: [ROUTE] }, () => new Response("no"));
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nabc");
  await proxy.advance("61s");
  assert.match(client.received, /^HTTP\/1\.1 408 /);
  assert.deepEqual([proxy.requests("app").length, proxy.metrics.value("millrace_buffered_bytes")], [0, 0]);
});

test("the endpoint serves the next request while a slow client still reads its response", async (t) => {
  const proxy = await started(t, { routes: [ROUTE] }, () => new Response(LARGE));
  const slow = proxy.connect();
  slow.pause();
  slow.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance("1s");
  assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.in_flight, 0, "the endpoint is done");
  assert.ok(proxy.metrics.value("millrace_buffered_bytes") > 2_000_000);
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), LARGE);
  assert.equal(proxy.metrics.value("millrace_upstream_connections_opened_total"), 1, "over the same connection");
  assert.equal(proxy.log.filter(({ event }) => event === "access").length, 1, "the slow one is not over");
  slow.resume();
  assert.ok((await slow.until((received) => received.length > LARGE.length)).endsWith(LARGE));
  assert.equal(proxy.log.filter(({ event, outcome }) => event === "access" && outcome === "completed").length, 2);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});

test("a client that never reads is cut by its own limits, and what was held for it is free", async (t) => {
  const proxy = await started(t, { routes: [ROUTE] }, () => new Response(LARGE));
  const slow = proxy.connect();
  slow.pause();
  slow.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance("130s");
  assert.equal(proxy.log.at(-1)?.["outcome"], "client_stalled");
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});

test("when the memory for all is used up bodies are streamed, and that is counted", async (t) => {
  const config: TestConfig = { limits: { buffered_bytes: "8KiB" }, routes: [ROUTE] };
  const proxy = await started(t, config, async (request) => new Response(await request.text()));
  const [first, second] = [proxy.connect(), proxy.connect()];
  first.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6000\r\n\r\n${"a".repeat(5000)}`);
  await proxy.advance(1);
  assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.in_flight, 0);
  second.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6000\r\n\r\n${"b".repeat(5000)}`);
  await proxy.advance(1);
  assert.equal(proxy.status.upstreams["app"]?.endpoints[0]?.in_flight, 1, "the second one goes on as it comes");
  assert.ok(proxy.metrics.value("millrace_buffers_refused_total") >= 1);
  assert.ok(proxy.metrics.value("millrace_buffered_bytes") <= 8192);
  for (const [client, letter] of [
    [first, "a"],
    [second, "b"],
  ] as const) {
    client.send(letter.repeat(1000));
    assert.ok((await client.until(letter.repeat(6000))).startsWith("HTTP/1.1 200 "));
  }
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});

test("server-sent events are not held: the origin waits for a client that does not read", async (t) => {
  let sent = 0;
  const events = script.raw((connection) => {
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
    for (; connection.queuedBytes === 0 && sent < 10_000_000; sent += 8200) connection.send(`data: ${"x".repeat(8192)}\n\n`);
  });
  const proxy = await started(t, { routes: [ROUTE] }, events);
  const client = proxy.connect();
  client.pause();
  client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  await proxy.advance("1s");
  assert.ok(sent < 10_000_000, `${sent}`);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
  client.close();
});

test("a reload that takes the buffer away ends none that is in use", async (t) => {
  const proxy = await started(t, { routes: [ROUTE] }, async (request) => new Response(await request.text()));
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 6\r\n\r\nabc");
  await proxy.advance(1);
  await proxy.reload({ limits: { buffered_bytes: 0 }, routes: [{ upstream: "app" }] });
  assert.equal(proxy.requests("app").length, 0);
  client.send("def");
  assert.match(await client.until("abcdef"), /^HTTP\/1\.1 200 /);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
});
