/** `buffer.response`: a route that takes a response from its endpoint faster than the client does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";
import { Told } from "./sources.fixture.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";

/** A dialogue whose route holds that many bytes of a response's body, up to its endpoint's response. */
function asked(bytes: number, setting: Setting = {}, head: string = "GET /"): Dialogue {
  const d = new Dialogue({
    ...setting,
    adapt: (config) => {
      config.routes = config.routes.map((route) => ({ ...route, buffer: { request: 0, response: bytes } }));
    },
  }).pools("a");
  d.client.asks(head);
  return d.skip();
}

test("the endpoint is free before the client has taken its response, and the exchange ends when the client has it", () => {
  const d = asked(100);
  d.client.full = true;
  d.upstream.brings(`${HEAD}abc`);
  d.says('client respond 200 length; client data "abc"; client flush full');
  d.upstream.brings("def");
  d.says("");
  assert.deepEqual([d.upstream.state, d.inFlight("a"), d.finished.length], ["over", 0, 0]);
  d.client.takesMore();
  assert.equal(d.client.received, "abcdef");
  d.ended("200 completed");
});

test("a fast client gets what it would get without the buffer", () => {
  const d = asked(100);
  d.upstream.brings(`${HEAD}abc`);
  d.says('client respond 200 length; client data "abc"; client flush');
  d.upstream.brings("def");
  d.says('client data "def"; client end; client flush; thread finished 200 completed; client finished');
  d.ended("200 completed");
});

test("when the buffer is full the endpoint waits, and when there is room it goes on", () => {
  const d = asked(5);
  d.client.full = true;
  d.upstream.brings(`${HEAD}abc`);
  d.skip();
  d.upstream.brings("de");
  d.says("a pause");
  d.client.takesMore();
  d.says('client data "de"; client flush; a resume');
  d.upstream.brings("f");
  assert.equal(d.client.received, "abcdef");
  d.ended("200 completed");
});

test("a write that is unfinished after all", () => {
  const d = asked(5);
  d.upstream.brings(`${HEAD}abc`);
  d.client.blocks();
  d.upstream.brings("de");
  d.skip();
  d.client.takesMore();
  d.says('client data "de"; client flush');
  d.client.leaves();
  d.ended("200 client_gone");
});

test("trailers come last, for the slow client too", () => {
  const d = asked(100);
  d.client.full = true;
  d.upstream.brings("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n");
  d.says(
    'client respond 200 unknown; client data "abc"; client end with x-sum: 1; client flush full; thread finished 200 completed; client finished',
  );
  const slow = asked(100);
  slow.client.full = true;
  slow.upstream.brings("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  slow.upstream.brings("3\r\ndef\r\n0\r\nx-sum: 1\r\n\r\n");
  slow.skip();
  slow.client.takesMore();
  slow.says('client data "def"; client flush; client end with x-sum: 1; client flush; thread finished 200 completed; client finished');
  slow.ended("200 completed");
});

test("a client that leaves, and a drain: nothing is kept", () => {
  for (const [act, ends] of [
    [(d: Dialogue): void => d.client.leaves(), "200 client_gone"],
    [(d: Dialogue): void => d.client.leaves("client_stalled"), "200 client_stalled"],
    [(d: Dialogue): void => d.client.leaves("drain_timeout"), "200 drain_timeout"],
  ] as const) {
    const d = asked(100);
    d.client.full = true;
    d.upstream.brings(`${HEAD}ab`);
    d.upstream.brings("cd");
    assert.ok(d.memoryTaken > 0);
    act(d);
    d.ended(ends);
  }
  const late = asked(100);
  late.client.full = true;
  late.upstream.brings(`${HEAD}abc`);
  late.upstream.brings("def");
  late.client.leaves();
  late.ended("200 client_gone");
});

test("an endpoint that fails in the middle: the slow client gets what was sent, and then is cut", () => {
  const d = asked(100);
  d.client.full = true;
  d.upstream.brings(`${HEAD}ab`);
  d.upstream.brings("cd");
  d.skip();
  d.upstream.fails("connection_terminated");
  d.says("");
  assert.deepEqual([d.inFlight("a"), d.finished.length], [0, 0]);
  d.client.takesMore();
  d.says('client data "cd"; client flush; client cut; thread finished 200 connection_terminated; client finished');
  d.ended("200 connection_terminated");
  const fast = asked(100);
  fast.upstream.brings(`${HEAD}ab`);
  fast.upstream.fails("connection_terminated");
  fast.ended("200 connection_terminated");
});

test("no buffer for responses without a body, for server-sent events, and when there is no memory", () => {
  for (const [head, response] of [
    ["HEAD /", HEAD],
    ["GET /", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["GET /", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n"],
    ["GET /", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ] as const) {
    const d = asked(100, {}, head);
    d.upstream.brings(response);
    assert.equal(d.client.exchange.detours, null);
    d.ended(`${d.record.status} completed`);
  }
  for (const [type, memory] of [
    ["text/event-stream", 100_000],
    ["Text/Event-Stream; charset=utf-8", 100_000],
    ["text/plain", 1],
  ] as const) {
    const d = asked(100);
    d.memory = memory;
    d.client.full = true;
    d.upstream.brings(`HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n`);
    d.says('client respond 200 unknown; client data "a"; client flush full; a pause');
    d.client.leaves();
    d.isSettled();
  }
});

/** Passes a body through as it is, and marks its end. */
function marks(): BodyStage {
  let out: StageOutput | null = null;
  return {
    length: -1,
    start: (output) => void (out = output),
    data: (bytes, start, end) => out?.write(Buffer.from(bytes.subarray(start, end))),
    end: (trailers) => {
      out?.write(Buffer.from("!"));
      out?.end(trailers);
    },
  };
}

test("what stages make of a body is held too", () => {
  const d = asked(100, { hooks: [{ name: "x", onResponse: () => marks() }] });
  d.client.full = true;
  d.upstream.brings(`${HEAD}abc`);
  d.says('client respond 200 unknown =unknown; client data "abc"; client flush full');
  d.upstream.brings("def");
  assert.deepEqual([d.upstream.state, d.finished.length], ["over", 0]);
  d.client.takesMore();
  assert.equal(d.client.received, "abcdef!");
  d.ended("200 completed");
});

test("a stage waits when the buffer is full, and ends an exchange before its endpoint has", () => {
  const full = asked(5, { hooks: [{ name: "x", onResponse: () => marks() }] });
  full.client.full = true;
  full.upstream.brings(`${HEAD}abc`);
  full.upstream.brings("de");
  full.says('client respond 200 unknown =unknown; client data "abc"; client flush full; a pause');
  full.client.takesMore();
  full.upstream.brings("f");
  assert.equal(full.client.received, "abcdef!");
  full.ended("200 completed");
  for (const isFull of [false, true]) {
    let out: StageOutput | null = null;
    const stage: BodyStage = {
      length: -1,
      start: (output) => void (out = output),
      data: () => {
        out?.write(Buffer.from("enough"));
        out?.end(null);
      },
      end: () => {},
    };
    const d = asked(100, { hooks: [{ name: "x", onResponse: () => stage }] });
    d.client.full = isFull;
    d.upstream.brings(`${HEAD}abc`);
    if (d.finished.length === 0) d.client.takesMore();
    assert.equal(d.client.received, "enough");
    d.ended("200 completed");
  }
});

test("behind a stage there is no buffer either when memory becomes free a moment too late", () => {
  let out: StageOutput | null = null;
  const stage: BodyStage = {
    length: -1,
    start: (output) => void (out = output),
    data: (bytes, start, end) => out?.write(Buffer.from(bytes.subarray(start, end))),
    end: (trailers) => out?.end(trailers),
  };
  const d = asked(100, { hooks: [{ name: "x", onResponse: () => stage }] });
  d.memory = 0;
  const { downstream } = d.client.exchange;
  const respond = downstream.respond.bind(downstream);
  downstream.respond = (...given) => {
    d.memory = 100_000;
    respond(...given);
  };
  d.client.full = true;
  d.upstream.brings(`${HEAD}abcdef`);
  assert.equal(d.client.received, "abcdef");
  d.ended("200 completed");
});

test("a response of a source is not held: no endpoint waits for it", () => {
  const source = new Told();
  const d = asked(100, { hooks: [{ name: "x", source: () => source }] });
  d.client.full = true;
  source.responds("abc", 6);
  assert.equal(source.writes(""), false);
  assert.equal(d.memoryTaken, 0);
  d.client.leaves();
  d.ended("200 client_gone");
});
