/** `buffer.request`: a route that takes the request's body before it chooses an endpoint. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { REQUEST_TIMEOUT } from "./answers.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PUT = "PUT /\nContent-Length: 4";
const CHUNKED = "PUT /\nTransfer-Encoding: chunked";

/** A dialogue whose route holds that many bytes of a request's body. */
function holding(bytes: number, setting: Setting = {}): Dialogue {
  return new Dialogue({
    ...setting,
    adapt: (config) => {
      config.routes = config.routes.map((route) => ({ ...route, buffer: { request: bytes, response: 0 } }));
      setting.adapt?.(config);
    },
  });
}

test("no endpoint is asked before the body has come, and then it gets all at once", () => {
  const d = holding(4);
  d.client.asks(PUT);
  d.says("client resume");
  d.client.sends("ab");
  d.says("");
  d.client.sends("cd");
  d.says("a none; a dial");
  assert.equal(d.inFlight("a"), 1);
  d.upstream.connects();
  d.says('a send PUT /; a data "abcd"; a end; a flush');
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("over an idle connection it is sent in the same event", () => {
  const d = holding(4).pools("a");
  d.client.asks(PUT, "ab");
  d.says("client resume");
  d.client.sends("cd");
  assert.deepEqual([d.upstream.got, d.upstream.gotEnd], ["abcd", true]);
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("chunks that were held until the last one get a length, unless trailers follow", () => {
  for (const [wire, says] of [
    ["2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", 'a send PUT / =4; a data "abcd"; a end; a flush'],
    ["2\r\nab\r\n2\r\ncd\r\n0\r\nx-sum: 1\r\n\r\n", 'a send PUT /; a data "abcd"; a end with x-sum: 1; a flush'],
    ["0\r\n\r\n", "a send PUT / =0; a end; a flush"],
  ] as const) {
    const d = holding(4);
    d.client.asks(CHUNKED, wire);
    d.skip();
    d.upstream.connects();
    d.says(says);
    d.upstream.brings(OK);
    d.ended("200 completed");
  }
});

test("a body that is larger: not held where its length says so, else streamed from the size on", () => {
  const known = holding(3);
  known.client.asks(PUT);
  known.says("a none; a dial");
  known.upstream.connects();
  known.client.sends("abcd");
  known.upstream.brings(OK);
  known.ended("200 completed");
  const d = holding(3).pools("a");
  d.client.asks(CHUNKED);
  d.client.sends("2\r\nab\r\n");
  assert.equal(d.connections.length, 1);
  assert.equal(d.upstream.got, "");
  d.client.sends("2\r\ncd\r\n");
  assert.equal(d.upstream.got, "abcd");
  d.client.sends("2\r\nef\r\n0\r\n\r\n");
  assert.deepEqual([d.upstream.got, d.upstream.gotEnd], ["abcdef", true]);
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("without memory to spare it is streamed", () => {
  const d = holding(100);
  d.memory = 1;
  d.client.asks(PUT);
  d.client.sends("ab");
  d.upstream.connects();
  assert.equal(d.upstream.got, "ab");
  d.client.sends("cd");
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("what was held is sent again in a further attempt, and its memory is free once nothing more is tried", () => {
  const body = "x".repeat(40_000);
  const d = holding(50_000, { health: ["unknown", "unknown"] });
  d.client.asks("PUT /\nContent-Length: 40000", body);
  d.upstream.connects();
  d.upstream.fails("connection_terminated");
  assert.ok(d.memoryTaken >= 40_000);
  d.upstream.connects();
  assert.equal(d.upstream.got, body);
  d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  assert.equal(d.memoryTaken, 0);
  d.upstream.brings("ok");
  d.ended("200 completed");
});

test("what is held without memory to spare is forgotten once it was sent", () => {
  for (const [memory, length, again] of [
    [1, 40_000, false],
    [1, 4000, true],
    [100_000, 40_000, true],
  ] as const) {
    const body = "x".repeat(length);
    const d = holding(50_000, { health: ["unknown", "unknown"] });
    d.memory = memory;
    d.client.asks(`PUT /\nContent-Length: ${length}`, body);
    d.upstream.connects();
    assert.equal(d.upstream.got, body);
    d.upstream.fails("connection_terminated");
    if (again) {
      d.upstream.connects();
      assert.equal(d.upstream.got, body);
      d.upstream.brings(OK);
    }
    d.ended(again ? "200 completed" : "502 connection_terminated");
  }
});

test("of a body that grows too long to be sent again nothing is kept", () => {
  const d = holding(1000).pools("a");
  d.client.asks(CHUNKED);
  d.client.sends(`3e9\r\n${"x".repeat(1001)}\r\n`);
  assert.ok(d.memoryTaken > 0);
  d.client.sends(`4001\r\n${"y".repeat(0x4001)}\r\n`);
  assert.equal(d.memoryTaken, 0);
  d.client.sends("0\r\n\r\n");
  assert.equal(d.upstream.got.length, 1001 + 0x4001);
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("a client that waits to be asked for its body is asked by the proxy, and only if the body will be held", () => {
  const d = holding(4);
  d.client.asks(`${PUT}\nExpect: 100-continue`);
  d.says("client interim 100; client resume");
  d.client.sends("abcd");
  d.says("a none; a dial");
  d.upstream.connects();
  d.says('a send PUT /; a data "abcd"; a end; a flush');
  // The endpoint got Expect too, and answers it. The client has got its 100 (Continue) from the proxy already.
  d.upstream.brings("HTTP/1.1 100 Continue\r\n\r\n");
  d.says("client flush");
  d.upstream.brings("HTTP/1.1 103 Early Hints\r\n\r\n");
  d.says("client interim 103; client flush");
  d.upstream.brings(OK);
  d.ended("200 completed");
  const larger = holding(3);
  larger.client.asks(`${PUT}\nExpect: 100-continue`);
  larger.says("a none; a dial");
  larger.client.leaves();
  larger.ended("499 client_gone");
});

test("a body that is malformed, over the route's limit, too slow or not sent to its end: no endpoint hears of it", () => {
  for (const [act, ends] of [
    [(d: Dialogue): void => d.client.sends("x\r\n"), "400 bad_chunk_size"],
    [(d: Dialogue): void => d.client.sends("5\r\nabcde\r\n"), "413 body_too_large"],
    [(d: Dialogue): void => d.client.exchange.requestFailed(REQUEST_TIMEOUT), "408 request_timeout"],
    [(d: Dialogue): void => d.client.leaves(), "499 client_gone"],
    [(d: Dialogue): void => d.client.leaves("drain_timeout"), "499 drain_timeout"],
  ] as const) {
    const d = holding(10, { maxBody: 4 });
    d.client.asks(CHUNKED, "2\r\nab\r\n");
    act(d);
    d.ended(ends);
    assert.equal(d.connections.length, 0);
  }
});

test("it waits for no body where there is none, and not for an upgrade", () => {
  for (const head of ["GET /", "PUT /\nContent-Length: 0", "GET /\nConnection: upgrade\nUpgrade: websocket\nContent-Length: 4"]) {
    const d = holding(4);
    d.client.asks(head);
    d.says("a none; a dial");
    d.client.leaves();
    d.ended("499 client_gone");
  }
});

test("after middleware that has collected the body, or a part of it", async () => {
  for (const bytesMax of [1, 10]) {
    const d = holding(4, {
      hooks: [
        {
          name: "x",
          onRequest: async (exchange) => {
            await exchange.collectBody(bytesMax);
            return null;
          },
        },
      ],
    });
    d.client.asks(CHUNKED);
    d.client.sends("2\r\nab\r\n");
    await settled();
    assert.equal(d.connections.length, 0);
    d.client.sends("2\r\ncd\r\n0\r\n\r\n");
    await settled();
    d.upstream.connects();
    assert.deepEqual([d.upstream.got, d.upstream.gotEnd], ["abcd", true]);
    d.upstream.brings(OK);
    d.ended("200 completed");
  }
});
