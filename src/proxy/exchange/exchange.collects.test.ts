/** `collectBody`: a middleware that wants the whole body before it decides. */
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import type { ExchangeView, Middleware } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";
import { Dialogue } from "./fake-ports.fixture.ts";
import type { Setting } from "./fake-ports.fixture.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const NO: LocalAnswer = { status: 403, reason: "unauthorized", detail: "", fields: [] };
const PUT = "PUT /\nContent-Length: 4";
const CHUNKED = "PUT /\nTransfer-Encoding: chunked";

/** A dialogue whose middleware collects at most that many bytes and then gives a verdict; `got` has the collected bodies. */
function collecting(bytesMax: number, setting: Setting = {}, verdict: (body: string | null) => LocalAnswer | null = () => null) {
  const got: (string | null)[] = [];
  const hook: Middleware = {
    name: "x",
    onRequest: async (exchange) => {
      const body = await exchange.collectBody(bytesMax);
      got.push(body === null ? null : body.toString("latin1"));
      return verdict(body === null ? null : body.toString("latin1"));
    },
  };
  return { d: new Dialogue({ hooks: [hook], ...setting }), got };
}

test("the whole body is there before an endpoint is asked, and goes to it", async () => {
  const { d, got } = collecting(10);
  d.client.asks(PUT);
  d.says("client resume");
  d.client.sends("ab");
  d.client.sends("cd");
  d.says("");
  assert.deepEqual(got, []);
  await settled();
  assert.deepEqual(got, ["abcd"]);
  d.says("a none; a dial");
  d.upstream.connects();
  d.says('a send PUT /; a data "abcd"; a end; a flush');
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("a body that came with its head, one in chunks with trailers, and none at all", async () => {
  for (const [head, wire, body] of [
    [PUT, "abcd", "abcd"],
    [CHUNKED, "2\r\nab\r\n2\r\ncd\r\n0\r\nx-sum: 1\r\n\r\n", "abcd"],
    ["GET /", "", ""],
  ] as const) {
    const { d, got } = collecting(10);
    d.client.asks(head, wire);
    await settled();
    assert.deepEqual(got, [body]);
    d.upstream.connects();
    assert.deepEqual([d.upstream.got, d.upstream.gotEnd], [body, true]);
    d.upstream.brings(OK);
    d.ended("200 completed");
  }
});

test("a body larger than asked for: null at once where its length is known, else when it shows; all of it goes on", async () => {
  const known = collecting(3);
  known.d.client.asks(PUT);
  await settled();
  assert.deepEqual(known.got, [null]);
  const { d, got } = collecting(3);
  d.client.asks(CHUNKED);
  d.client.sends("2\r\nab\r\n");
  await settled();
  assert.deepEqual(got, []);
  d.client.sends("2\r\ncd\r\n");
  await settled();
  assert.deepEqual(got, [null]);
  d.client.sends("2\r\nef\r\n0\r\n\r\n");
  d.upstream.connects();
  assert.deepEqual([d.upstream.got, d.upstream.gotEnd], ["abcdef", true]);
  d.upstream.brings(OK);
  d.ended("200 completed");
  known.d.client.leaves();
  known.d.ended("499 client_gone");
});

test("with no memory to spare: null, and all of it goes on", async () => {
  const { d, got } = collecting(10);
  d.memory = 3;
  d.client.asks(PUT);
  d.client.sends("ab");
  d.client.sends("cd");
  await settled();
  assert.deepEqual(got, [null]);
  d.upstream.connects();
  assert.equal(d.upstream.got, "abcd");
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("a refusal after the body was seen, and one without waiting for it", async () => {
  const seen = collecting(10, {}, (body) => (body === "abcd" ? NO : null));
  seen.d.client.asks(PUT, "abcd");
  await settled();
  seen.d.ended("403 unauthorized");
  const d = new Dialogue({
    hooks: [
      {
        name: "x",
        onRequest: (exchange) => {
          void exchange.collectBody(10);
          return NO;
        },
      },
    ],
  });
  d.client.asks(PUT, "ab");
  d.ended("403 unauthorized");
});

test("a retry sends the collected body again, however large", async () => {
  const body = "x".repeat(40_000);
  const { d } = collecting(50_000, { health: ["unknown", "unknown"] });
  d.client.asks("PUT /\nContent-Length: 40000", body);
  await settled();
  d.upstream.connects();
  d.upstream.fails("connection_terminated");
  d.upstream.connects();
  assert.equal(d.upstream.got, body);
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("a client that waits to be asked for its body is asked once", async () => {
  const { d, got } = collecting(10);
  d.client.asks(`${PUT}\nExpect: 100-continue`);
  d.says("client interim 100; client resume");
  d.client.sends("abcd");
  await settled();
  assert.deepEqual(got, ["abcd"]);
  d.upstream.connects();
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("the middleware's time begins when the body has come", async () => {
  const verdict = Promise.withResolvers<null>();
  const d = new Dialogue({
    hooks: [
      {
        name: "x",
        onRequest: async (exchange) => {
          await exchange.collectBody(10);
          return verdict.promise;
        },
      },
    ],
  });
  d.client.asks(PUT);
  d.passes(60_000);
  d.client.sends("abcd");
  await settled();
  d.passes(9000);
  assert.equal(d.finished.length, 0);
  d.passes(1100);
  d.ended("504 admission_timeout");
});

test("one that collects later stops its own time, too", async () => {
  const first = Promise.withResolvers<null>();
  const d = new Dialogue({
    hooks: [
      {
        name: "x",
        onRequest: async (exchange) => {
          await first.promise;
          assert.equal((await exchange.collectBody(10))?.length, 4);
          return null;
        },
      },
    ],
  });
  d.client.asks(PUT, "ab");
  d.passes(5000);
  first.resolve(null);
  await settled();
  d.passes(60_000);
  d.client.sends("cd");
  await settled();
  d.upstream.connects();
  assert.equal(d.upstream.got, "abcd");
  d.upstream.brings(OK);
  d.ended("200 completed");
});

test("asked for twice it is the same body; after admission there is none to be had", async () => {
  const bodies: (Buffer | null)[] = [];
  const again: Middleware = {
    name: "x",
    onRequest: async (exchange) => {
      bodies.push(await exchange.collectBody(10));
      return null;
    },
  };
  const late: Promise<Buffer | null>[] = [];
  const d = new Dialogue({ hooks: [again, again] });
  d.client.asks(PUT, "abcd");
  await settled();
  assert.equal(bodies.length, 2);
  assert.equal(bodies[0], bodies[1]);
  d.client.leaves();
  d.ended("499 client_gone");
  const other = new Dialogue({ hooks: [{ name: "x", onUpstreamRequest: (exchange) => void late.push(exchange.collectBody(10)) }] });
  other.client.asks(PUT);
  other.upstream.connects();
  assert.equal(await late[0], null);
  other.client.leaves();
  other.ended("499 client_gone");
});

test("a body that is malformed, over the route's limit, or not sent to its end: null, and the exchange ends as without the middleware", async () => {
  for (const [act, setting, ends] of [
    [(d: Dialogue): void => d.client.sends("x\r\n"), {}, "400 bad_chunk_size"],
    [(d: Dialogue): void => d.client.sends("4\r\nabcd\r\n"), { maxBody: 3 }, "413 body_too_large"],
    [(d: Dialogue): void => d.client.leaves(), {}, "499 client_gone"],
  ] as const) {
    const { d, got } = collecting(10, setting);
    d.client.asks(CHUNKED);
    act(d);
    await settled();
    assert.deepEqual(got, [null]);
    d.ended(ends);
  }
});

test("the same after another middleware's verdict that came late, when the body is there already: the exchange ends once", async () => {
  for (const act of [
    (exchange: ExchangeView): Promise<null> => exchange.collectBody(10).then(() => null),
    (exchange: ExchangeView): null => (void exchange.collectBody(10), null),
    (exchange: ExchangeView): LocalAnswer => (void exchange.collectBody(10), NO),
    (exchange: ExchangeView): never => {
      void exchange.collectBody(10);
      throw new Error("broken");
    },
    (exchange: ExchangeView): Promise<null> => exchange.collectBody(10).then(() => Promise.reject(new Error("broken"))),
  ]) {
    const verdict = Promise.withResolvers<null>();
    const d = new Dialogue({
      hooks: [
        { name: "late", onRequest: () => verdict.promise },
        { name: "x", onRequest: act },
      ],
    });
    d.client.asks(CHUNKED, "x\r\n");
    verdict.resolve(null);
    await settled();
    d.ended("400 bad_chunk_size");
  }
});

test("a body in chunks that is just as large as asked for is whole", async () => {
  const { d, got } = collecting(4);
  d.client.asks(CHUNKED, "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n");
  await settled();
  assert.deepEqual(got, ["abcd"]);
  d.client.leaves();
});

test("each middleware is judged by its own limit: one that takes less gets null, one that takes more gets the body", async () => {
  for (const limits of [
    [3, 10],
    [10, 3],
  ]) {
    const bodies: (string | null)[] = [];
    const hooks = limits.map((bytesMax): Middleware => {
      return {
        name: "x",
        onRequest: async (exchange) => {
          bodies.push((await exchange.collectBody(bytesMax))?.toString("latin1") ?? null);
          return null;
        },
      };
    });
    const d = new Dialogue({ hooks });
    d.client.asks(CHUNKED);
    d.client.sends("4\r\nabcd\r\n");
    await settled();
    d.client.sends("2\r\nef\r\n0\r\n\r\n");
    await settled();
    assert.deepEqual(
      bodies,
      limits.map((bytesMax) => (bytesMax === 10 ? "abcdef" : null)),
    );
    await settled();
    d.upstream.connects();
    assert.deepEqual([d.upstream.got, d.upstream.gotEnd], ["abcdef", true]);
    d.upstream.brings(OK);
    d.ended("200 completed");
  }
});

test("the memory of a collected body is free once the response has begun: nothing is tried again", async () => {
  const { d } = collecting(10);
  d.client.asks(PUT, "abcd");
  await settled();
  d.upstream.connects();
  assert.ok(d.memoryTaken >= 4);
  d.upstream.brings("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
  assert.equal(d.memoryTaken, 0);
  d.upstream.brings("okay");
  d.ended("200 completed");
});
