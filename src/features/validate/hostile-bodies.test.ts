/** Bodies that come in odd ways: in the smallest pieces, halfway, after an Expect, too slowly. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "../../testing/test-proxy.ts";
import type { TestOrigin, TestProxy } from "../../testing/test-proxy.ts";

const API = JSON.stringify({
  openapi: "3.1.0",
  paths: {
    "/": {
      post: {
        requestBody: {
          required: true,
          content: { "application/json": { schema: { type: "object", required: ["a"], properties: { a: { type: "array" } } } } },
        },
        responses: { "200": { content: { "application/json": { schema: { type: "object" } } } } },
      },
    },
  },
});

async function begun(t: TestContext, validate: object = {}, app: TestOrigin = answer): Promise<TestProxy> {
  const proxy = await testProxy(
    { routes: [{ upstream: "app", validate: { openapi: "api.json", ...validate } }] },
    { files: { "api.json": API }, upstreams: { app } },
  );
  t.after(() => proxy.close());
  return proxy;
}

async function answer(request: Request): Promise<Response> {
  return new Response(JSON.stringify({ got: await request.text() }), { headers: { "Content-Type": "application/json" } });
}

const head = (...lines: readonly string[]): string =>
  ["POST / HTTP/1.1", "Host: a.test", "Content-Type: application/json", ...lines, "", ""].join("\r\n");
const BODY = '{ "a": [1, "\u00e9\u{1f600}"] }';
const BYTES = Buffer.from(BODY, "utf8");

async function exchanged(proxy: TestProxy, bytes: Uint8Array, step: number = bytes.length): Promise<string> {
  const client = proxy.connect();
  for (let at = 0; at < bytes.length; at += step) {
    client.send(bytes.subarray(at, at + step));
    if (step < bytes.length) await proxy.advance(0);
  }
  client.end();
  const text = await client.untilEnded();
  client.close();
  return text;
}

describe("a body in pieces", () => {
  const chunked = Buffer.concat([
    Buffer.from(head("Transfer-Encoding: chunked")),
    ...Array.from(BYTES, (byte) => Buffer.concat([Buffer.from("1\r\n"), Buffer.from([byte]), Buffer.from("\r\n")])),
    Buffer.from("0\r\n\r\n"),
  ]);

  test("of one byte each, and each byte of the message by itself, is checked as a whole", async (t) => {
    const proxy = await begun(t, { responses: "enforce" });
    assert.match(await exchanged(proxy, chunked, 1), /^HTTP\/1\.1 200 /);
    assert.equal(proxy.requests("app")[0]?.body, BYTES.toString("latin1"));
    const wrong = Buffer.from(chunked.toString("latin1").replace("1\r\na\r\n", "1\r\nb\r\n"), "latin1");
    assert.match(await exchanged(proxy, wrong, 1), /^HTTP\/1\.1 400 [^]*"pointer":"\/a","keyword":"required"/);
    assert.equal(proxy.requests("app").length, 1);
  });

  test("split at every byte gives the same answer", async (t) => {
    const proxy = await begun(t);
    const message = Buffer.concat([Buffer.from(head(`Content-Length: ${BYTES.length}`)), BYTES]);
    for (let at = 1; at < message.length; at++) {
      const client = proxy.connect();
      client.send(message.subarray(0, at));
      await proxy.advance(0);
      client.send(message.subarray(at));
      client.end();
      assert.match(await client.untilEnded(), /^HTTP\/1\.1 200 /, String(at));
      client.close();
    }
  });

  test("that turns out larger than max_body is 413, and one that is malformed 400; neither reaches the upstream", async (t) => {
    const proxy = await begun(t, { max_body: 20 });
    assert.match(await exchanged(proxy, chunked), /^HTTP\/1\.1 413 /);
    const malformed = Buffer.from(`${head("Transfer-Encoding: chunked")}2\r\n{}\r\nx`);
    assert.match(await exchanged(proxy, malformed), /^HTTP\/1\.1 400 /);
    assert.equal(proxy.requests("app").length, 0);
    assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
  });
});

test("a client that leaves halfway costs the upstream nothing, and its memory is free again", async (t) => {
  const proxy = await begun(t);
  const client = proxy.connect();
  client.send(`${head("Content-Length: 100")}{"a":`);
  await proxy.advance(0);
  assert.ok(proxy.metrics.value("millrace_buffered_bytes") > 0);
  client.reset();
  await proxy.advance(0);
  assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
  assert.equal(proxy.requests("app").length, 0);
});

test("a client that sends its body too slowly is 408", async (t) => {
  const proxy = await begun(t);
  const client = proxy.connect();
  client.send(`${head("Content-Length: 100")}{"a":`);
  await proxy.advance("3m");
  assert.match(client.take(), /^HTTP\/1\.1 408 /);
  assert.equal(proxy.requests("app").length, 0);
});

test("who waits for 100 (Continue) is asked by the proxy, and only if the rest of the request is right", async (t) => {
  const proxy = await begun(t);
  const client = proxy.connect();
  client.send(head("Expect: 100-continue", `Content-Length: ${BYTES.length}`));
  await proxy.advance(0);
  assert.equal(client.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(BYTES);
  await proxy.advance(0);
  assert.match(client.take(), /^HTTP\/1\.1 200 /);
  client.close();
  for (const wrong of [
    head("Expect: 100-continue", "Content-Length: 9999999"),
    head("Expect: 100-continue", "Content-Length: 9").replace("json", "xml"),
    head("Expect: 100-continue", "Content-Length: 9").replace("POST", "PATCH"),
  ]) {
    const other = proxy.connect();
    other.send(wrong);
    await proxy.advance(0);
    assert.match(other.take(), /^HTTP\/1\.1 4\d\d /);
    other.close();
  }
});

test("an upgrade is checked by its head, and what follows is not looked at", async (t) => {
  const api = API.replace('"post"', '"get":{"parameters":[{"name":"v","in":"query","required":true,"schema":{"type":"integer"}}]},"post"');
  const proxy = await testProxy(
    { routes: [{ upstream: "app", validate: { openapi: "api.json" } }] },
    {
      files: { "api.json": api },
      upstreams: {
        app: script.raw(async (connection) => {
          await connection.until("\r\n\r\n");
          connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello");
        }),
      },
    },
  );
  t.after(() => proxy.close());
  const upgrade = (target: string): string =>
    `GET ${target} HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  const refused = proxy.connect();
  refused.send(upgrade("/?v=x"));
  await proxy.advance(0);
  assert.match(refused.take(), /^HTTP\/1\.1 400 /);
  refused.close();
  const client = proxy.connect();
  client.send(upgrade("/?v=1"));
  await proxy.advance(0);
  assert.match(client.take(), /^HTTP\/1\.1 101 [^]*hello$/);
  client.close();
});

describe("a response that is held", () => {
  const responding = (text: string): ReturnType<typeof script.raw> =>
    script.raw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send(text);
    });

  test("of an endpoint that stops halfway is 504 at last, and nothing of it has reached the client", async (t) => {
    const proxy = await begun(
      t,
      { responses: "enforce" },
      responding('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"hunter2'),
    );
    const client = proxy.connect();
    client.send(`${head("Content-Length: 8")}{"a":[]}`);
    await proxy.advance(0);
    assert.equal(client.take(), "");
    await proxy.advance("2m");
    const text = client.take();
    assert.match(text, /^HTTP\/1\.1 50[24] /);
    assert.doesNotMatch(text, /hunter2/);
    assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
  });

  test("for a client that leaves is given up, and its memory is free again", async (t) => {
    const proxy = await begun(
      t,
      { responses: "enforce" },
      responding('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a'),
    );
    const client = proxy.connect();
    client.send(`${head("Content-Length: 8")}{"a":[]}`);
    await proxy.advance(0);
    assert.ok(proxy.metrics.value("millrace_buffered_bytes") > 0);
    client.reset();
    await proxy.advance(0);
    assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
  });

  test("counts against the memory for held bodies until a slow client has taken it", async (t) => {
    const body = JSON.stringify({ a: "x".repeat(900_000) });
    const proxy = await begun(t, { responses: "enforce" }, () => new Response(body, { headers: { "Content-Type": "application/json" } }));
    const client = proxy.connect();
    client.pause();
    client.send(`${head("Content-Length: 8")}{"a":[]}`);
    await proxy.advance(0);
    assert.ok(proxy.metrics.value("millrace_buffered_bytes") > 500_000, String(proxy.metrics.value("millrace_buffered_bytes")));
    client.resume();
    assert.ok((await client.until(/"\}$/)).endsWith(body));
    await proxy.advance(0);
    assert.equal(proxy.metrics.value("millrace_buffered_bytes"), 0);
    client.close();
  });

  test("goes on unchecked, and is counted, where no memory is left for it", async (t) => {
    const app = (): Response => new Response("[]", { headers: { "Content-Type": "application/json" } });
    const proxy = await testProxy(
      {
        limits: { buffered_bytes: 0 },
        routes: [{ upstream: "app", validate: { openapi: "api.json", requests: false, responses: "enforce" } }],
      },
      { files: { "api.json": API }, upstreams: { app } },
    );
    t.after(() => proxy.close());
    assert.equal(await (await proxy.fetch("http://a.test/", { method: "POST", body: "{}" })).text(), "[]");
    assert.equal(proxy.log.find(({ event }) => event === "access")?.["fault"], "response memory");
    assert.equal(proxy.metrics.value("millrace_validation_reported_total"), 1);
  });

  test("with trailers keeps them, and a larger one goes on as it comes", async (t) => {
    const proxy = await begun(
      t,
      { responses: "enforce", max_body: 20 },
      responding(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n",
      ),
    );
    const client = proxy.connect();
    client.send(`${head("Content-Length: 8", "TE: trailers")}{"a":[]}`);
    await proxy.advance(0);
    assert.match(client.take(), /\r\n\r\n2\r\n\{\}\r\n0\r\nX-T: 1\r\n\r\n$/);
    client.close();
    const started = responding(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n${"x".repeat(30)}`);
    const large = await begun(t, { responses: "enforce", max_body: 20 }, started);
    const other = large.connect();
    other.send(`${head("Content-Length: 8")}{"a":[]}`);
    await large.advance(0);
    assert.match(other.take(), /x{30}$/);
    other.close();
  });
});
