/** The makers of stages, in a whole proxy in memory. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import type { TestContext } from "node:test";
import {
  defineMiddleware,
  isEncoded,
  markTransformed,
  mediaType,
  requestPlainBody,
  textStage,
  transformStage,
  watchStage,
} from "../millrace.ts";
import type { MiddlewareHooks } from "../millrace.ts";
import { script, testProxy } from "../testing/test-proxy.ts";
import type { TestOrigin, TestProxy } from "../testing/test-proxy.ts";

async function proxyWith(t: TestContext, hooks: MiddlewareHooks, app: TestOrigin): Promise<TestProxy> {
  const middleware = [defineMiddleware({ name: "body", setup: () => hooks })()];
  const proxy = await testProxy({ routes: [{ upstream: "app", middleware }] }, { upstreams: { app } });
  t.after(() => proxy.close());
  return proxy;
}

/** A body that comes byte by byte. */
function byteByByte(text: string): ReadableStream<Uint8Array> {
  const bytes = Buffer.from(text);
  let next = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (next === bytes.length) controller.close();
      else controller.enqueue(new Uint8Array(bytes.subarray(next, ++next)));
    },
  });
}

const TEXT = "Grüße, 世界 🎉";

test("textStage never splits a character, and writes what its end adds", async (t) => {
  const parts: string[] = [];
  const stage = (): ReturnType<typeof textStage> =>
    textStage({
      text: (text, write) => {
        parts.push(text);
        write(text.toUpperCase());
      },
      end: (write) => write("!"),
    });
  const proxy = await proxyWith(t, { onResponse: stage }, () => new Response(byteByByte(TEXT)));
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), `${TEXT.toUpperCase()}!`);
  assert.equal(parts.join(""), TEXT);
  assert.ok(parts.length > 5);
});

test("textStage gives bytes that are no UTF-8 as U+FFFD, at the end too", async (t) => {
  const stage = (): ReturnType<typeof textStage> => textStage({ text: (text, write) => write(text) });
  const proxy = await proxyWith(t, { onResponse: stage }, () => new Response(Buffer.from("a\xffb\xe4", "latin1")));
  assert.equal(await (await proxy.fetch("http://a.test/")).text(), "a\ufffdb\ufffd");
});

test("transformStage copies parts of its input, and may know its length", async (t) => {
  const everySecond = { bytes: (bytes: Buffer, write: (part: Uint8Array) => void) => write(bytes.subarray(0, 2)) };
  const proxy = await proxyWith(t, { onResponse: () => transformStage(everySecond, 2) }, () => new Response("abcd"));
  const response = await proxy.fetch("http://a.test/");
  assert.deepEqual([response.headers.get("content-length"), await response.text()], ["2", "ab"]);
});

test("watchStage keeps the length, of a request as of a response", async (t) => {
  const seen: string[] = [];
  const watch = (text: string): void => void seen.push(text);
  const hooks: MiddlewareHooks = {
    onUpstreamRequest: ({ request }) => watchStage(request, { text: watch, end: () => watch("|") }),
    onResponse: (_exchange, { head }) => watchStage(head, { bytes: (bytes) => watch(bytes.toString()), end: () => watch("|") }),
  };
  const proxy = await proxyWith(t, hooks, async (request) => new Response(`got ${await request.text()}`));
  const response = await proxy.fetch("http://a.test/", { method: "POST", body: TEXT });
  assert.equal(await response.text(), `got ${TEXT}`);
  assert.equal(response.headers.get("content-length"), String(Buffer.byteLength(`got ${TEXT}`)));
  assert.equal(proxy.requests("app")[0]?.headers.get("content-length"), String(Buffer.byteLength(TEXT)));
  assert.equal(seen.join(""), `${TEXT}|got ${TEXT}|`);
});

test("an exchange that ends early aborts each kind of stage", async (t) => {
  const aborted: string[] = [];
  const abort = (): void => void aborted.push("aborted");
  const kinds = [
    () => textStage({ text: (text, write) => write(text), abort }),
    () => transformStage({ bytes: (bytes, write) => write(bytes), abort }),
    () => watchStage(null, { abort }),
  ];
  for (const kind of kinds) {
    const proxy = await proxyWith(
      t,
      { onResponse: kind },
      script.resetAfter(100, () => new Response("x".repeat(500))),
    );
    const response = await proxy.fetch("http://a.test/");
    await assert.rejects(response.text());
  }
  assert.equal(aborted.length, 3);
});

test("the heads of transformed bodies", async (t) => {
  const hooks: MiddlewareHooks = {
    onUpstreamRequest: (_exchange, request) => requestPlainBody(request),
    onResponse: (_exchange, response) => {
      const { head } = response;
      response.append("X-Seen", `${mediaType(head)} ${isEncoded(head)}`);
      markTransformed(response);
    },
  };
  const headers = new Headers({
    "Content-Type": "Text/HTML; charset=utf-8",
    ETag: '"a"',
    "Accept-Ranges": "bytes",
    "Content-Digest": "sha-256=:x=:",
  });
  const proxy = await proxyWith(t, hooks, () => new Response("hi", { headers }));
  const ask = (): Promise<Response> =>
    proxy.fetch("http://a.test/", { headers: { "Accept-Encoding": "gzip", Range: "bytes=0-1", "If-Range": '"a"' } });
  const response = await ask();
  const names = ["x-seen", "etag", "accept-ranges", "content-digest"];
  assert.deepEqual(
    names.map((name) => response.headers.get(name)),
    ["text/html false", 'W/"a"', null, null],
  );
  const sent = proxy.requests("app")[0]?.headers;
  assert.deepEqual(
    ["accept-encoding", "range", "if-range"].map((name) => sent?.get(name)),
    ["identity", null, null],
  );
  for (const [coding, encoded] of [
    ["gzip", true],
    ["identity", false],
    ["identity, br", true],
    ["", false],
  ] as const) {
    headers.set("Content-Encoding", coding);
    headers.set("ETag", 'W/"b"');
    const other = await ask();
    assert.deepEqual([other.headers.get("x-seen"), other.headers.get("etag")], [`text/html ${encoded}`, 'W/"b"'], coding);
  }
});

test("trailers stay with a changed body unless one is a digest of the old one", async (t) => {
  const stage = (): ReturnType<typeof textStage> => textStage({ text: (text, write) => write(text) });
  for (const [trailer, expected] of [
    ["X-Sum: 1", "X-Sum: 1\r\n\r\n"],
    ["Content-Digest: sha-256=:x=:", "0\r\n\r\n"],
  ] as const) {
    const answer = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${trailer}\r\n\r\n`;
    const origin = script.raw(async (connection) => {
      await connection.until("\r\n\r\n");
      connection.send(answer);
    });
    const proxy = await proxyWith(t, { onResponse: stage }, origin);
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\n\r\n");
    await client.until("\r\n0\r\n");
    await client.until("\r\n\r\n");
    assert.ok(client.received.endsWith(expected), client.received);
  }
});
