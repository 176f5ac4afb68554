/** Endpoints that speak TLS: what goes wrong in the handshake, within records, and at the connection's end. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe } from "node:test";
import { stalled } from "../support/scripted-origin.ts";
import type { OriginConnection, OriginRequest } from "../support/scripted-origin.ts";
import { HELLO_REQUEST, RECORD, handshakeMessage, newKey } from "../support/sealed-records.ts";
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

/** The endpoint's records come from the script, which can send others than data. */
const sealsItself = { onAccept: (connection: OriginConnection): void => connection.sealItself() } as const;

/** A response that something happens to within its body, once the client has a part of it. */
function within(framing: (typeof NAMES)[number], meanwhile: (connection: OriginConnection) => Promise<void>): NonNullable<Row["origin"]> {
  return async ({ connection }, { client }) => {
    await connection.send(FRAMINGS[framing].head + FRAMINGS[framing].part);
    await client.until(({ received }) => received.includes("begun,"), "the part of the body");
    await meanwhile(connection);
    await connection.send(FRAMINGS[framing].rest);
    if (framing === "close-delimited") connection.end();
  };
}

/** An upload of which the endpoint takes nothing when it does something. */
function whileTakingNothing(act: (request: OriginRequest) => Promise<void>): Pick<Row, "client" | "origin"> {
  // More than the kernel holds.
  const bytes = 16 * 1024 * 1024;
  return {
    client: ({ client, head }) => client.send(`${head("POST", [`Content-Length: ${bytes}`])}${"u".repeat(bytes)}`),
    origin: async (request) => {
      request.connection.stopReading();
      await stalled();
      await act(request);
    },
  };
}

function times<Value>(count: number, make: () => Value): readonly Value[] {
  return Array.from({ length: count }, make);
}

/** Endpoints that begin to use other keys, as TLS 1.3 allows them at any time (RFC 8446 section 4.6.3). */
const newKeys: readonly Row[] = [
  ...NAMES.flatMap((framing) =>
    [true, false].map((asksForOne): Row => ({
      name: `${framing}, a new key inside the body${asksForOne ? ", and a wish for one" : ""}`,
      ...sealsItself,
      origin: within(framing, (connection) => connection.sendRecords((seal) => [newKey(seal, asksForOne)])),
      expect: served("begun, done!", framing === "close-delimited" ? "closed" : "reused"),
    })),
  ),
  {
    name: "a new key for each byte",
    ...sealsItself,
    origin: async ({ connection }) => {
      for (const byte of "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await connection.sendRecords((seal) => [seal.record(RECORD.data, Buffer.from(byte)), newKey(seal, true)]);
    },
    expect: served(),
  },
  {
    name: "a thousand new keys at once inside the body",
    ...sealsItself,
    origin: within("length", (connection) => connection.sendRecords((seal) => times(1000, () => newKey(seal, true)))),
    expect: served("begun, done!"),
  },
  {
    name: "a new key, byte by byte",
    ...sealsItself,
    origin: within("chunked", async (connection) => {
      const bytes: number[] = [];
      await connection.sendRecords((seal) => {
        bytes.push(...newKey(seal, true));
        return [];
      });
      for (const byte of bytes) await connection.sendRecords(() => [Buffer.from([byte])]);
    }),
    expect: served("begun, done!"),
  },
  {
    name: "idle, new keys before the next request",
    ...sealsItself,
    warm: true,
    client: async ({ client, get, origin }) => {
      await origin.plain[0]?.sendRecords((seal) => times(3, () => newKey(seal, true)));
      await client.send(get());
    },
    expect: served(),
  },
  {
    name: "a hundred new keys while the endpoint takes nothing of an upload",
    ...sealsItself,
    ...whileTakingNothing(async ({ connection, whole }) => {
      await connection.sendRecords((seal) => times(100, () => newKey(seal, true)));
      connection.readOn();
      await whole();
      await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }),
    expect: served(),
  },
  {
    name: "a new key that is not used",
    ...sealsItself,
    origin: within("length", (connection) =>
      connection.sendRecords((seal) => [seal.record(RECORD.handshake, handshakeMessage(24, Buffer.from([0])))]),
    ),
    expect: cut("connection_terminated", "begun,", { origin_failures: 1 }),
  },
  {
    name: "a new key with a wish that there is not",
    ...sealsItself,
    origin: ({ connection }) => connection.sendRecords((seal) => [seal.record(RECORD.handshake, handshakeMessage(24, Buffer.from([2])))]),
    expect: TERMINATED,
  },
  {
    name: "a wish for another handshake, which TLS 1.3 does not have",
    ...sealsItself,
    origin: ({ connection }) => connection.sendRecords((seal) => [seal.record(RECORD.handshake, HELLO_REQUEST)]),
    expect: TERMINATED,
  },
];

/** Endpoints that wish for another handshake, as TLS 1.2 allows. On Node's handle that ends the connection. */
const wish = (count: number) => (connection: OriginConnection) =>
  connection.sendRecords((seal) => times(count, () => seal.record(RECORD.handshake, HELLO_REQUEST)));

const otherHandshakes: readonly Row[] = [
  ...NAMES.flatMap((framing) =>
    [1, 1000].map((count): Row => ({
      name: `${framing}, ${count === 1 ? "a wish" : "a thousand wishes"} for another handshake inside the body`,
      ...sealsItself,
      origin: within(framing, wish(count)),
      expect: cut("connection_terminated", "begun,", { origin_failures: 1 }),
    })),
  ),
  {
    name: "a wish for another handshake in the place of an answer",
    ...sealsItself,
    origin: ({ connection }) => wish(1)(connection),
    expect: TERMINATED,
  },
  {
    name: "idle, a wish for another handshake before the next request",
    ...sealsItself,
    warm: true,
    client: async ({ client, get, origin }) => {
      const [idle] = origin.plain;
      assert.ok(idle !== undefined);
      await wish(1)(idle);
      await idle.until(({ closed, ended }) => closed || ended, "the end of the idle connection");
      await client.send(get());
    },
    expect: served(),
  },
  {
    name: "a thousand wishes for another handshake while the endpoint takes nothing of an upload",
    ...sealsItself,
    ...whileTakingNothing(({ connection }) => wish(1000)(connection)),
    expect: { ...TERMINATED, client: "closed" },
  },
];

/** Node's sockets decline, and the connection goes on. What the endpoint makes of that is not the point here: it reads nothing more. */
const declinedHandshakes: readonly Row[] = NAMES.flatMap((framing) =>
  [1, 1000].map((count): Row => ({
    name: `${framing}, ${count === 1 ? "a wish" : "a thousand wishes"} for another handshake inside the body`,
    ...sealsItself,
    origin: async (request, scene) => {
      const { connection } = request;
      await within(framing, async () => {
        connection.onWire((wire) => (wire.isDeaf = true));
        await wish(count)(connection);
      })(request, scene);
      connection.onWire((wire) => wire.endBare());
    },
    expect: served("begun, done!", "closed"),
  })),
);

describe("endpoints with TLS", () => {
  const few = rows.filter(({ endpoints }, index) => endpoints === undefined && index % 4 === 0);
  theme("https, one worker", few, { toTls: "TLSv1.3" });
  theme("https, over TLS 1.3", [...rows, ...newKeys], { toTls: "TLSv1.3" });
  theme("https, over TLS 1.3, two workers", few, { toTls: "TLSv1.3", workers: 2 });
  theme("https, through the streams of Node", [...rows, ...newKeys], { toTls: "TLSv1.3", throughStreams: true });
  theme("https, clients over TLS too", few, { toTls: "TLSv1.3", overTls: true });
  theme("https, over TLS 1.2", [...rows, ...otherHandshakes], { toTls: "TLSv1.2" });
  theme("https, over TLS 1.2, through the streams of Node", [...rows, ...declinedHandshakes], {
    toTls: "TLSv1.2",
    throughStreams: true,
  });
});
