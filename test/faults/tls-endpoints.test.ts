/** Endpoints that speak TLS: what goes wrong in the handshake, within records, and at the connection's end. */
import { describe } from "node:test";
import type { OriginConnection } from "../support/scripted-origin.ts";
import { EXPIRED, ORIGIN_CA, forgetSessions } from "./tls-origin.ts";
import { SERVED, cut, failed, served } from "./row.ts";
import type { Expectation, Row } from "./row.ts";
import { theme } from "./theme.ts";

const LIMIT_MS = 300;
/** More than the kernel and the proxy hold between two ends. */
const HUGE = 64 * 1024 * 1024;
/** Every framing of a body, its first part, and the rest that makes it whole. */
const FRAMINGS = {
  length: { head: "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", part: "begun,", rest: " done!" },
  chunked: { head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", part: "6\r\nbegun,\r\n", rest: "6\r\n done!\r\n0\r\n\r\n" },
  "close-delimited": { head: "HTTP/1.1 200 OK\r\n\r\n", part: "begun,", rest: " done!" },
} as const;
const NAMES = ["length", "chunked", "close-delimited"] as const;
const CONNECT_FAILED = { upstream_connect_failures: 1, origin_failures: 1 } as const;

const BAD_TLS = failed(502, "tls_protocol_error", "tls_error", CONNECT_FAILED, "unreached");
const BAD_CERTIFICATE = failed(502, "tls_certificate_error", "certificate_error", CONNECT_FAILED, "unreached");
const TERMINATED = failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 });
const SECOND_TRY: Expectation = {
  answer: SERVED,
  log: { status: 200, outcome: "completed", attempts: 2 },
  client: "open",
  origin: "unreached",
  counters: { ...CONNECT_FAILED, retries: 1 },
};

/** Ways in which a TLS connection ends or breaks. Only the first is an end. */
const ENDS: Readonly<Record<string, (connection: OriginConnection) => void>> = {
  close_notify: (connection) => connection.end(),
  "FIN without close_notify": (connection) => connection.onWire((wire) => wire.endBare()),
  reset: (connection) => connection.reset(),
  "fatal alert": (connection) => connection.onWire((wire) => wire.alert()),
  "forged record": (connection) => connection.onWire((wire) => wire.forge()),
};

/** What the origin does with the first connection before the handshake. */
const HANDSHAKES: Readonly<Record<string, (connection: OriginConnection) => void>> = {
  "an alert": (connection) => connection.onWire((wire) => wire.refuse()),
  "something that is no TLS": (connection) =>
    connection.onWire((wire) => {
      wire.isMuted = true;
      wire.tcp.write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }),
};

const rows: Row[] = [
  // ---- the handshake ----
  ...Object.entries(HANDSHAKES).map(([what, onAccept]): Row => ({
    name: `the handshake is answered by ${what}`,
    onAccept,
    expect: BAD_TLS,
  })),
  {
    name: "the handshake is answered by an alert, then a live endpoint, POST",
    endpoints: ["origin", "second"],
    onAccept: (connection) => connection.onWire((wire) => wire.refuse()),
    client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
    expect: SECOND_TRY,
  },
  {
    name: "closed in the handshake",
    onAccept: (connection) => connection.onWire((wire) => wire.endBare()),
    expect: BAD_TLS,
  },
  {
    name: "reset in the handshake",
    onAccept: (connection) => {
      connection.onWire((wire) => (wire.isMuted = true));
      void connection.wire?.tcp.once("data", () => connection.reset());
    },
    expect: failed(502, "connection_terminated", "connection_terminated", CONNECT_FAILED, "unreached"),
  },
  {
    name: "the handshake is never answered",
    timeouts: `connect: ${LIMIT_MS}ms`,
    onAccept: (connection) => connection.onWire((wire) => (wire.isMuted = true)),
    client: async ({ client, get, decide }) => {
      decide();
      await client.send(get());
    },
    expect: {
      ...failed(504, "connection_timeout", "connection_timeout", { upstream_connect_failures: 1, upstream_timeouts: 1 }, "unreached"),
      limitMs: LIMIT_MS,
    },
  },
  { name: "nobody vouches for the certificate", upstreamTls: "", expect: BAD_CERTIFICATE },
  { name: "the certificate is for another name", upstreamTls: `ca_file: "${ORIGIN_CA}", server_name: other.test`, expect: BAD_CERTIFICATE },
  { name: "the certificate has expired", upstreamTls: `ca_file: "${ORIGIN_CA}", server_name: ${EXPIRED}`, expect: BAD_CERTIFICATE },

  // ---- after it ----
  ...Object.entries(ENDS).map(([how, end]): Row => ({
    name: `${how} in the place of an answer`,
    origin: ({ connection }) => end(connection),
    expect: TERMINATED,
  })),
  ...NAMES.flatMap((framing) =>
    Object.entries(ENDS).map(([how, end]): Row => ({
      name: `${framing}, ${how} inside the body`,
      origin: async ({ connection }, { client }) => {
        await connection.send(FRAMINGS[framing].head + FRAMINGS[framing].part);
        await client.until(({ received }) => received.includes("begun,"), "the part of the body");
        end(connection);
      },
      expect:
        framing === "close-delimited" && how === "close_notify"
          ? served("begun,", "closed")
          : cut("connection_terminated", "begun,", { origin_failures: 1 }),
    })),
  ),
  ...NAMES.map((framing): Row => ({
    name: `${framing}, whole, and then FIN without close_notify at once`,
    origin: async ({ connection }) => {
      await connection.send(FRAMINGS[framing].head + FRAMINGS[framing].part + FRAMINGS[framing].rest);
      connection.onWire((wire) => wire.endBare());
    },
    expect:
      framing === "close-delimited"
        ? cut("connection_terminated", "begun, done!", { origin_failures: 1 })
        : served("begun, done!", "closed"),
  })),
  ...NAMES.map((framing): Row => ({
    name: `${framing}, records of one byte`,
    origin: async ({ connection }) => {
      await connection.sendBytewise(FRAMINGS[framing].head + FRAMINGS[framing].part + FRAMINGS[framing].rest);
      if (framing === "close-delimited") connection.end();
    },
    expect: served("begun, done!", framing === "close-delimited" ? "closed" : "reused"),
  })),
  {
    name: "a large body, then closed without close_notify one byte before its end",
    origin: async ({ connection }) => {
      await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: 3000001\r\n\r\n${"x".repeat(3_000_000)}`);
      connection.onWire((wire) => wire.endBare());
    },
    expect: { ...cut("connection_terminated", "x".repeat(3_000_000), { origin_failures: 1 }), withinMs: 5000 },
  },

  // ---- around the request ----
  ...(["close_notify", "FIN without close_notify", "fatal alert"] as const).map((how): Row => ({
    name: `${how} within an upload`,
    client: async ({ client, head, reached }) => {
      await client.send(`${head("POST", [`Content-Length: ${HUGE}`])}${"u".repeat(1000)}`);
      await reached();
    },
    origin: ({ connection }) => ENDS[how]?.(connection),
    expect: { ...TERMINATED, client: "closed" },
  })),
  ...(["close_notify", "reset"] as const).map((how): Row => ({
    name: `${how} as soon as the handshake is done`,
    // A turn later the last message of the handshake is on its way.
    onAccept: (connection) => void connection.socket.once("secure", () => setImmediate(() => ENDS[how]?.(connection))),
    origin: () => {},
    // The reset may come before the end of the handshake is noticed, or after it.
    expect: failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1, upstream_connect_failures: [0, 1] }),
  })),
  {
    name: "the session of the connection before is not taken any more",
    warm: true,
    origin: async ({ connection }) => {
      await forgetSessions();
      await connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
      connection.end();
    },
    expect: served("ok", "closed"),
  },

  // ---- connections that were used before ----
  ...(["close_notify", "FIN without close_notify", "reset", "fatal alert"] as const).flatMap((how): Row[] => [
    {
      name: `idle, ${how} while a request is sent`,
      warm: true,
      origin: async ({ connection }) => {
        if (connection.requests > 1) ENDS[how]?.(connection);
        else await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      },
      expect: {
        ...served("ok", "closed"),
        log: { status: 200, outcome: "completed", attempts: 2 },
        counters: { retries: 1, origin_failures: [0, 1] },
      },
    },
    {
      name: `idle, ${how} while a POST is sent`,
      warm: true,
      client: ({ client, head }) => client.send(`${head("POST", ["Content-Length: 3"])}abc`),
      origin: (request) => ENDS[how]?.(request.connection),
      expect: TERMINATED,
    },
  ]),
];

describe("endpoints with TLS", () => {
  const few = rows.filter(({ endpoints }, index) => endpoints === undefined && index % 4 === 0);
  theme("https, one worker", few, { toTls: "TLSv1.3" });
  theme("https, over TLS 1.3", rows, { toTls: "TLSv1.3" });
  theme("https, over TLS 1.3, two workers", few, { toTls: "TLSv1.3", workers: 2 });
  theme("https, through the streams of Node", rows, { toTls: "TLSv1.3", throughStreams: true });
  theme("https, clients over TLS too", few, { toTls: "TLSv1.3", overTls: true });
  theme("https, over TLS 1.2", rows, { toTls: "TLSv1.2" });
  theme("https, over TLS 1.2, through the streams of Node", rows, { toTls: "TLSv1.2", throughStreams: true });
});
