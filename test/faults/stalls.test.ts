/** Somebody stops, or goes on too slowly, at each phase of an exchange: a limit ends it, and not before. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe } from "node:test";
import { LINGERS, LISTENERS, cut, failed, served } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { embeddedTheme, theme } from "./theme.ts";

const LIMIT_MS = 200;
const HEAD_LIMIT = `response_head: ${LIMIT_MS}ms`;
const IDLE_LIMIT = `idle: ${LIMIT_MS}ms`;
/** A pace that is within this limit however busy the machine is, and beyond it with all its steps together. */
const STEADY_LIMIT = `idle: ${LISTENERS.steady}ms`;
const PACE_MS = 80;

const NO_HEAD: Expectation = { ...failed(504, "http_response_timeout", "response_timeout", { upstream_timeouts: 1 }), limitMs: LIMIT_MS };
const NO_BODY: Expectation = { ...cut("response_timeout", "", { upstream_timeouts: 1 }), limitMs: LIMIT_MS };
const LATE_REQUEST: Expectation = {
  answer: { status: 408 },
  log: { status: 408, outcome: "request_timeout", attempts: 0 },
  client: "closed",
  origin: "unreached",
  counters: { request_timeouts: 1 },
  limitMs: LISTENERS.hasty,
};
const BETWEEN = { leftOut: "as long as a connection has no request, its limits are those of the program's server" };
const LENGTH = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n";
const CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const CLOSE = "HTTP/1.1 200 OK\r\n\r\n";

/** The origin says this much and then nothing. The time for a head counts from the request, that for a body from its last part. */
function origin(name: string, said: string, timeouts: string, expect: Expectation): Row {
  return {
    name,
    timeouts,
    client: async ({ client, get, decide }) => {
      if (timeouts === HEAD_LIMIT) decide();
      await client.send(get());
    },
    origin: ({ connection }) => (said === "" ? undefined : connection.send(said)),
    expect,
  };
}

const ofOrigins: Row[] = [
  origin("the origin accepts and is silent", "", HEAD_LIMIT, NO_HEAD),
  origin("the origin stalls inside the status line", "HTTP/1.1 2", HEAD_LIMIT, NO_HEAD),
  origin("the origin stalls inside the head", "HTTP/1.1 200 OK\r\nContent-Le", HEAD_LIMIT, NO_HEAD),
  origin("the origin stalls behind an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n", HEAD_LIMIT, NO_HEAD),
  {
    name: "the origin accepts and is silent, POST with its body",
    timeouts: HEAD_LIMIT,
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    origin: () => {},
    expect: NO_HEAD,
  },
  {
    name: "the origin accepts and is silent, a client that waits for its 100 is not to blame",
    timeouts: HEAD_LIMIT,
    client: ({ client, head }) => client.send(head("POST", ["Content-Length: 3", "Expect: 100-continue"])),
    origin: () => {},
    expect: { ...NO_HEAD, client: "closed" },
    throughHost: LINGERS,
  },
  {
    name: "the origin accepts and is silent, a live endpoint is not tried",
    endpoints: ["origin", "second"],
    timeouts: HEAD_LIMIT,
    origin: () => {},
    expect: NO_HEAD,
  },
  {
    name: "the time of a head does not begin before the request is complete",
    timeouts: `response_head: ${LISTENERS.steady}ms`,
    client: async ({ client, head }) => {
      await client.send(head("POST", ["Content-Length: 12"]));
      await client.trickle("slow request", PACE_MS);
    },
    origin: async (request) => {
      await request.whole();
      await request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    },
    expect: served(),
  },
  {
    name: "the origin sends a head byte after byte and does not come to its end",
    timeouts: HEAD_LIMIT,
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    origin: ({ connection }) => connection.trickle(`HTTP/1.1 200 OK\r\nX-Filler: ${"x".repeat(1000)}`, PACE_MS),
    expect: NO_HEAD,
  },
  {
    name: "the origin sends interim responses and does not come to the final one",
    timeouts: HEAD_LIMIT,
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    origin: async ({ connection }) => {
      for (let count = 0; count < 20 && !connection.closed; count++) await connection.trickle("HTTP/1.1 100 Continue\r\n\r\n", 2);
    },
    expect: NO_HEAD,
  },
  origin("the origin stalls behind the head, length", LENGTH, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls behind the head, chunked", CHUNKED, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls behind the head, close-delimited", CLOSE, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls inside the body, length", `${LENGTH}begun,`, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls inside the body, chunked", `${CHUNKED}6\r\nbegun,\r\n`, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls inside a chunk", `${CHUNKED}c\r\nbegun,`, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls inside the body, close-delimited", `${CLOSE}begun,`, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls before the last chunk", `${CHUNKED}6\r\nbegun,\r\n0`, IDLE_LIMIT, NO_BODY),
  origin("the origin stalls inside the trailers", `${CHUNKED}6\r\nbegun,\r\n0\r\nX-T`, IDLE_LIMIT, NO_BODY),
  {
    name: "the origin sends its body one byte at a time, each within the limit, length",
    timeouts: STEADY_LIMIT,
    origin: async ({ connection }) => {
      await connection.send(LENGTH);
      await connection.trickle("one by one,", PACE_MS);
      await connection.send("!");
    },
    expect: served("one by one,!"),
  },
  {
    name: "the origin sends its body one byte at a time, each within the limit, close-delimited",
    timeouts: STEADY_LIMIT,
    origin: async ({ connection }) => {
      await connection.send(CLOSE);
      await connection.trickle("one by one", PACE_MS);
      connection.end();
    },
    expect: served("one by one", "closed"),
  },
  {
    name: "the origin sends a chunked body one byte at a time, framing included",
    timeouts: STEADY_LIMIT,
    origin: async ({ connection }) => {
      await connection.send(CHUNKED);
      await connection.trickle("6\r\nbegun,\r\n0\r\n\r", PACE_MS);
      await connection.send("\n");
    },
    expect: served("begun,"),
  },
  {
    name: "the origin goes on behind a pause shorter than the limit",
    timeouts: "idle: 1s, response_head: 1s",
    origin: async ({ connection }) => {
      await connection.trickle("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", 5);
      await connection.trickle("o", 400);
      await connection.send("k");
    },
    expect: served(),
  },
];

const ofClients: Row[] = [
  {
    name: "the client connects and is silent",
    listener: "hasty",
    client: () => {},
    expect: { answer: "nothing", log: null, client: "closed", origin: "unreached", limitMs: LISTENERS.hasty },
    throughHost: BETWEEN,
  },
  {
    name: "the client stalls inside the request line",
    listener: "hasty",
    client: ({ client }) => client.send("GET / HT"),
    expect: LATE_REQUEST,
    throughHost: BETWEEN,
  },
  {
    name: "the client stalls inside the head",
    listener: "hasty",
    client: ({ client, path }) => client.send(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nX-`),
    expect: LATE_REQUEST,
    throughHost: BETWEEN,
  },
  {
    name: "the client sends a head byte after byte and does not come to its end",
    listener: "hasty",
    client: async ({ client, path, decide }) => {
      decide();
      await client.trickle(`GET ${path} HTTP/1.1\r\nHost: a.test\r\nX-Filler: ${"x".repeat(1000)}`, 20);
    },
    expect: LATE_REQUEST,
    throughHost: BETWEEN,
  },
  {
    name: "the client stalls inside a body with Content-Length",
    listener: "hasty",
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 10"])}abc`),
    origin: () => {},
    expect: { ...LATE_REQUEST, log: { status: 408, outcome: "request_timeout" }, origin: "closed" },
    throughHost: LINGERS,
  },
  {
    name: "the client stalls behind the head of a POST",
    listener: "hasty",
    client: ({ client, head }) => client.send(head("POST", ["Content-Length: 10"])),
    origin: () => {},
    expect: { ...LATE_REQUEST, log: { status: 408, outcome: "request_timeout" }, origin: "closed" },
    throughHost: LINGERS,
  },
  {
    name: "the client stalls inside a chunked body",
    listener: "hasty",
    client: ({ client, head }) => client.send(`${head("POST", ["Transfer-Encoding: chunked"])}5\r\nhe`),
    origin: () => {},
    expect: { ...LATE_REQUEST, log: { status: 408, outcome: "request_timeout" }, origin: "closed" },
    throughHost: LINGERS,
  },
  {
    name: "the client sends its body one byte at a time, each within the limit",
    listener: "steady",
    client: async ({ client, head }) => {
      await client.send(head("POST", ["Content-Length: 12"]));
      await client.trickle("slow request", PACE_MS);
    },
    origin: async (request) => {
      await request.whole();
      await request.connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n${request.body()}`);
    },
    expect: served("slow request"),
  },
  ...(["HTTP/1.1", "HTTP/1.0"] as const).map((version): Row => ({
    name: `the client says in ${version} that this request is its last, and stays`,
    client: async ({ client, head }) => {
      await client.send(head("GET", version === "HTTP/1.1" ? ["Connection: close"] : [], version));
    },
    expect: { ...served(), client: "left", releasedWithinMs: 0 },
  })),
  {
    name: "the client asks nothing further",
    listener: "hasty",
    client: ({ client, get }) => client.send(get()),
    expect: { ...served(), client: "left", releasedWithinMs: LISTENERS.hasty },
    throughHost: BETWEEN,
  },
  {
    name: "the client never reads a large answer, length",
    listener: "hasty",
    client: async ({ client, get }) => {
      client.stopReading();
      await client.send(get());
    },
    origin: async ({ connection }) => {
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
      await connection.flood("x".repeat(64 * 1024));
    },
    expect: {
      answer: "unseen",
      log: { status: 200, outcome: "client_stalled" },
      client: "left",
      origin: "closed",
      counters: { client_aborts: 1 },
      releasedWithinMs: 0,
    },
    also: nothingIsKept,
  },
  {
    name: "the client never reads a large answer, chunked",
    listener: "hasty",
    client: async ({ client, get }) => {
      client.stopReading();
      await client.send(get());
    },
    origin: async ({ connection }) => {
      await connection.send(CHUNKED);
      await connection.flood(`10000\r\n${"x".repeat(0x10000)}\r\n`);
    },
    expect: {
      answer: "unseen",
      log: { status: 200, outcome: "client_stalled" },
      client: "left",
      origin: "closed",
      counters: { client_aborts: 1 },
      releasedWithinMs: 0,
    },
    also: nothingIsKept,
  },
  {
    name: "the client reads on behind a pause: the origin is not blamed for it",
    timeouts: IDLE_LIMIT,
    client: async ({ client, get, decide }) => {
      client.stopReading();
      await client.send(get());
      const verdict = await client.verdict();
      assert.equal(verdict.kind, "answer");
      // How long the megabytes take is not the point.
      decide();
    },
    origin: async ({ connection }, { client }) => {
      await connection.send(CHUNKED);
      await connection.fill(`10000\r\n${"x".repeat(0x10000)}\r\n`);
      // Nothing is read for longer than the origin's limit.
      await new Promise((resolve) => setTimeout(resolve, 2 * LIMIT_MS));
      client.readOn();
      await connection.send("0\r\n\r\n");
    },
    expect: { ...served(), answer: "unseen" },
  },
];

/** Linux's number of a connection that has sent its FIN, or would have if its peer took what stands before it. */
const FIN_WAIT_1 = "04";

/** Nothing is kept for the client, which has not left: the system would hold what it has not taken for minutes. */
async function nothingIsKept({ client }: Scene): Promise<void> {
  const port = (client.raw.socket.localPort ?? 0).toString(16).toUpperCase().padStart(4, "0");
  const table = await readFile("/proc/net/tcp", "latin1");
  const kept = table.split("\n").filter((line) => line.trim().split(/\s+/)[2]?.endsWith(`:${port}`));
  assert.deepEqual(
    kept.filter((line) => line.trim().split(/\s+/)[3] === FIN_WAIT_1),
    [],
  );
}

describe("stalls", { concurrency: true }, () => {
  theme("of origins", ofOrigins);
  theme("of clients", ofClients);
  embeddedTheme([...ofOrigins, ...ofClients], { same: 28, differ: 4, leftOut: 5, notByFetch: 0 });
});
