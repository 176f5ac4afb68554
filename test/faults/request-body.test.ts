/** The request's body goes wrong, or the origin does not wait for it: answers early, ends, stops reading. */
import assert from "node:assert/strict";
import { LINGERS, LISTENERS, NODE_ENDS, failed } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";

const EARLY = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n\r\nearly";
/** An answer of the origin before the request was complete: it is relayed, and both connections end with it. */
const RELAYED: Expectation = {
  answer: { status: 413, body: "early" },
  log: { status: 413, outcome: "completed" },
  client: "closed",
  origin: "closed",
};
const TERMINATED: Expectation = {
  ...failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 }),
  client: "closed",
};
const LEFT: Expectation = {
  answer: "unseen",
  log: { status: 499, outcome: /^client_(gone|reset)$/ },
  client: "left",
  origin: "closed",
  counters: { client_aborts: 1 },
};
/** A server of Node's whose program does not read a request to its end can only close the connection, and the system then resets it. */
const RESET = "the program closes the connection while the client sends, which can destroy the answer on its way";
/** More than the kernel and the proxy hold between two ends. */
const HUGE = 64 * 1024 * 1024;
const UPLOAD = [`Content-Length: ${HUGE}`];
const KILOBYTES = "u".repeat(64 * 1024);

/** Sends the head and a part, and the rest once the origin has acted, for as long as anybody takes it. */
async function uploadOn({ client, head, reached }: Scene): Promise<void> {
  await client.send(`${head("POST", UPLOAD)}${"u".repeat(1000)}`);
  await reached();
  await client.flood(KILOBYTES, HUGE);
}

/** Sends the head and a part, and waits. */
async function uploadPart({ client, head }: Scene): Promise<void> {
  await client.send(`${head("POST", UPLOAD)}${"u".repeat(1000)}`);
}

/** What the origin got of a chunked body never looks complete. */
function neverComplete({ origin }: Scene): void {
  assert.ok(origin.requests.length > 0);
  for (const request of origin.requests) assert.ok(!request.body().includes("0\r\n\r\n"), "the body looks complete to the origin");
}

const rows: Row[] = [
  // ---- early answers ----
  {
    name: "early answer, the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: ({ connection }) => connection.send(EARLY),
    expect: RELAYED,
  },
  {
    name: "early answer, the upload pauses",
    client: uploadPart,
    origin: ({ connection }) => connection.send(EARLY),
    expect: RELAYED,
    throughHost: LINGERS,
  },
  {
    name: "early answer, then closed, the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      await connection.send(EARLY);
      connection.end();
    },
    expect: RELAYED,
  },
  {
    name: "early answer, then reset, the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      await connection.send(EARLY);
      connection.reset();
    },
    expect: RELAYED,
  },
  {
    name: "early answer, then reset, in the middle of the upload",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      await connection.until(({ received }) => received.length > 3_000_000, "a part of the upload");
      await connection.send(EARLY);
      connection.reset();
    },
    expect: RELAYED,
    beyondStreams: true,
  },
  {
    name: "early answer, then closed with bytes unread",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      connection.stopReading();
      await connection.send(EARLY);
      connection.socket.destroy();
    },
    expect: RELAYED,
  },
  {
    name: "early answer of an origin that does not read, the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      connection.stopReading();
      await connection.send(EARLY);
    },
    expect: RELAYED,
  },
  {
    name: "early answer that ends with its connection",
    client: uploadOn,
    notByFetch: RESET,
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 413 Content Too Large\r\n\r\nearly");
      connection.end();
    },
    expect: RELAYED,
    // Its last chunk waits for the rest of the request, and can be lost when that is too long.
    throughHost: { expect: { answer: "unseen" } },
  },
  // The upload pauses in these: a reset for what it sends could overtake the part of the answer.
  {
    name: "early answer, cut by a reset",
    client: uploadPart,
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 50\r\n\r\nearly");
      connection.reset();
    },
    expect: {
      answer: { status: 413, cut: "early" },
      log: { status: 413, outcome: "connection_terminated" },
      client: "closed",
      origin: "closed",
      counters: { origin_failures: 1 },
    },
  },
  {
    name: "early answer, cut by a close",
    client: uploadPart,
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 50\r\n\r\nearly");
      connection.end();
    },
    expect: {
      answer: { status: 413, cut: "early" },
      log: { status: 413, outcome: "connection_terminated" },
      client: "closed",
      origin: "closed",
      counters: { origin_failures: 1 },
    },
  },
  {
    name: "early answer to a client that waits for 100 Continue",
    client: ({ client, head }) => client.send(head("POST", ["Content-Length: 5", "Expect: 100-continue"])),
    origin: ({ connection }) => connection.send(EARLY),
    expect: RELAYED,
    throughHost: LINGERS,
  },
  {
    name: "early answer to a chunked upload",
    client: async ({ client, head }) => client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`),
    origin: ({ connection }) => connection.send(EARLY),
    expect: RELAYED,
    throughHost: LINGERS,
    also: neverComplete,
  },
  {
    name: "early head, and the body while the upload goes on",
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", ["Content-Length: 6"])}abc`);
      await reached();
      await client.until(({ received }) => received.includes("first"), "the first half of the answer");
      await client.send("def");
    },
    origin: async (request) => {
      await request.connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
      await request.whole();
      await request.connection.send(`6\r\n${request.body()}\r\n0\r\n\r\n`);
    },
    // Its head went out before the proxy could know that the request would be complete in time.
    expect: {
      answer: { status: 200, body: "firstabcdef" },
      log: { status: 200, outcome: "completed" },
      client: "closed",
      origin: "reused",
    },
  },
  {
    name: "early answer, the client neither reads nor ends",
    listener: "steady",
    client: async (scene) => {
      scene.client.stopReading();
      await uploadPart(scene);
    },
    origin: ({ connection }) => connection.send(EARLY),
    expect: { ...RELAYED, answer: "unseen", client: "left", releasedWithinMs: 2000 },
  },
  {
    name: "early answer, the client does not read and sends on",
    listener: "steady",
    client: async (scene) => {
      scene.client.stopReading();
      await uploadPart(scene);
      await scene.client.flood(KILOBYTES, 4 * 1024 * 1024);
    },
    origin: ({ connection }) => connection.send(EARLY),
    expect: { ...RELAYED, answer: "unseen", client: "left", releasedWithinMs: 2000 },
  },
  {
    name: "early answer larger than what is held, the client never reads",
    listener: "steady",
    client: async (scene) => {
      scene.client.stopReading();
      await uploadPart(scene);
    },
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${HUGE}\r\n\r\n`);
      await connection.flood(KILOBYTES);
    },
    expect: {
      answer: "unseen",
      log: { status: 200, outcome: "client_stalled" },
      client: "left",
      origin: "closed",
      counters: { client_aborts: 1 },
      limitMs: LISTENERS.steady,
      releasedWithinMs: 0,
    },
  },

  // ---- the origin ends or stalls while the upload flows ----
  {
    name: "reset while the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: ({ connection }) => connection.reset(),
    expect: TERMINATED,
  },
  {
    name: "closed while the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: ({ connection }) => connection.socket.destroy(),
    expect: TERMINATED,
  },
  {
    name: "half-closed while the upload goes on",
    client: uploadOn,
    notByFetch: RESET,
    origin: ({ connection }) => connection.end(),
    expect: TERMINATED,
  },
  {
    name: "reset while the upload pauses",
    client: uploadPart,
    origin: ({ connection }) => connection.reset(),
    expect: TERMINATED,
    throughHost: LINGERS,
  },
  {
    name: "half-closed while the upload pauses",
    client: uploadPart,
    origin: ({ connection }) => connection.end(),
    expect: TERMINATED,
    throughHost: LINGERS,
  },
  {
    name: "reset while the upload goes on, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    client: uploadOn,
    notByFetch: RESET,
    origin: ({ connection }) => connection.reset(),
    expect: TERMINATED,
    also: ({ second }) => assert.equal(second.requests.length, 0),
  },
  {
    name: "reset far into a PUT, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    notByFetch: RESET,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("PUT", UPLOAD)}${"u".repeat(1000)}`);
      await reached();
      await client.flood(KILOBYTES, HUGE);
    },
    origin: async ({ connection }) => {
      await connection.until(({ received }) => received.length > 1_000_000, "a part of the upload");
      connection.reset();
    },
    expect: TERMINATED,
    also: ({ second }) => assert.equal(second.requests.length, 0),
  },
  {
    name: "reset at the beginning of a PUT, then a live endpoint",
    endpoints: ["origin", "second"],
    client: async ({ client, head, second }) => {
      await client.send(`${head("PUT", ["Content-Length: 6"])}abc`);
      await second.until(({ requests }) => requests.length > 0, "the second attempt");
      await client.send("def");
    },
    origin: ({ connection }) => connection.reset(),
    expect: {
      answer: { status: 200, body: "ok" },
      log: { status: 200, outcome: "completed", attempts: 2 },
      // The second endpoint of this row answers before the body is complete.
      client: "closed",
      origin: "closed",
      counters: { origin_failures: 1, retries: 1 },
    },
  },
  {
    name: "does not read the upload",
    timeouts: "idle: 300ms",
    notByFetch: RESET,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", UPLOAD)}${"u".repeat(1000)}`);
      await reached();
      await client.fill(KILOBYTES);
    },
    origin: ({ connection }) => connection.stopReading(),
    expect: {
      answer: { status: 504, error: "connection_write_timeout" },
      log: { status: 504, outcome: "write_timeout" },
      client: "closed",
      origin: "closed",
      counters: { upstream_timeouts: 1 },
    },
    // What it sends after the answer is read, and if that is much its connection ends.
    throughHost: { expect: { client: "left" } },
  },
  {
    name: "stalls inside an early answer, the upload pauses",
    timeouts: "idle: 300ms",
    client: uploadPart,
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegun,"),
    expect: {
      answer: { status: 200, cut: "begun," },
      log: { status: 200, outcome: "response_timeout" },
      client: "closed",
      origin: "closed",
      counters: { upstream_timeouts: 1 },
      limitMs: 300,
    },
  },
  {
    name: "stalls inside an early answer, the upload was held up for a moment and pauses",
    timeouts: "idle: 600ms",
    client: async ({ client, head, reached }) => {
      await client.send(head("POST", UPLOAD));
      const connection = await reached();
      await client.until(({ received }) => received.includes("begun,"), "the part of the answer");
      // More than goes into the buffers of both connections: the proxy must wait for the origin, which then reads on.
      const flood = client.flood(KILOBYTES, 32 * 1024 * 1024);
      await connection.until(({ socket }) => socket.isPaused(), "the origin to stop");
      connection.readOn();
      await flood;
      await connection.until(({ received }) => received.length >= 32 * 1024 * 1024, "all of it at the origin");
      await client.send("the last byte before the pause");
    },
    origin: async ({ connection }) => {
      connection.stopReading();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegun,");
    },
    expect: {
      answer: { status: 200, cut: "begun," },
      log: { status: 200, outcome: "response_timeout" },
      client: "closed",
      origin: "closed",
      counters: { upstream_timeouts: 1 },
      limitMs: 600,
    },
  },
  {
    name: "stalls inside an early answer, the upload ends",
    timeouts: "idle: 600ms",
    client: async ({ client, head }) => {
      await client.send(`${head("POST", ["Content-Length: 6"])}abc`);
      await client.until(({ received }) => received.includes("begun,"), "the part of the answer");
      await client.send("def");
    },
    origin: ({ connection }) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nbegun,"),
    expect: {
      answer: { status: 200, cut: "begun," },
      log: { status: 200, outcome: "response_timeout" },
      client: "closed",
      origin: "closed",
      counters: { upstream_timeouts: 1 },
      limitMs: 600,
    },
  },

  // ---- the client's own faults ----
  ...(["resets", "closes", "half-closes"] as const).flatMap((how): Row[] => {
    const leave = ({ client }: Scene): void => {
      if (how === "resets") client.reset();
      else if (how === "closes") client.leave();
      else client.halfClose();
    };
    return [
      {
        name: `the client ${how} inside a body with Content-Length`,
        client: async (scene) => {
          await uploadPart(scene);
          const connection = await scene.reached();
          await connection.until(({ received }) => received.endsWith("u".repeat(1000)), "the part of the body");
          leave(scene);
        },
        origin: () => {},
        expect: LEFT,
      },
      {
        name: `the client ${how} inside a chunked body`,
        client: async (scene) => {
          const { client, head, reached } = scene;
          await client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`);
          const connection = await reached();
          await connection.until(({ received }) => received.includes("hello"), "the part of the body");
          leave(scene);
        },
        origin: () => {},
        expect: LEFT,
        also: neverComplete,
      },
    ];
  }),
  {
    name: "the client half-closes behind its body and gets its answer",
    client: async ({ client, head }) => {
      await client.send(`${head("POST", ["Content-Length: 6"])}abcdef`);
      client.halfClose();
    },
    origin: async (request, scene) => {
      await request.whole();
      await scene.client.finArrived();
      await request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    },
    expect: { answer: { status: 200, body: "ok" }, log: { status: 200, outcome: "completed" }, client: "closed", origin: "reused" },
    throughHost: NODE_ENDS,
  },
  ...["zz\r\n", "5\r\nworldXX\r\n", "5\nworld\r\n", "0\r\nX: a\rb\r\n\r\n"].map((rest): Row => ({
    name: `a chunked body, then ${JSON.stringify(rest)}`,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`);
      const connection = await reached();
      await connection.until(({ received }) => received.includes("hello"), "the part of the body");
      await client.send(rest);
    },
    origin: () => {},
    expect: {
      answer: { status: 400, error: "http_request_error" },
      log: { status: 400, outcome: /^(bad_chunk|bare_|bad_field)/ },
      client: "closed",
      origin: "closed",
      counters: { malformed_requests: 1 },
    },
    // Node's parser finds the fault and answers by itself; to the proxy the client is gone.
    throughHost: {
      expect: { answer: { status: 400 }, log: { status: 499, outcome: "client_gone" }, counters: { client_aborts: 1 } },
      also: neverComplete,
    },
    also: neverComplete,
  })),
  {
    name: "a chunked body that grows beyond max_body",
    maxBody: 10,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n`);
      const connection = await reached();
      await connection.until(({ received }) => received.includes("hello"), "the part of the body");
      await client.send("6\r\nworld!\r\n");
    },
    origin: () => {},
    expect: {
      answer: { status: 413 },
      log: { status: 413, outcome: "body_too_large" },
      client: "closed",
      origin: "closed",
      counters: { malformed_requests: 1 },
    },
    throughHost: LINGERS,
    also: neverComplete,
  },
];

themes("request body", rows, { same: 27, differ: 13, leftOut: 0, notByFetch: 13 });
