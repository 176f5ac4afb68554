/** Upgraded connections: how they fail to begin, what ends them, and that no byte in front of an end is lost. */
import assert from "node:assert/strict";
import { ENDS, failed } from "./row.ts";
import type { Expectation, Row, Scene } from "./row.ts";
import { themes } from "./theme.ts";

const HANDSHAKE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
/** With the answer that RFC 6455 section 1.3 gives for the key above. */
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const TUNNEL: Expectation = {
  answer: "unseen",
  log: { status: 101, outcome: "tunnel" },
  client: "closed",
  origin: "closed",
  counters: { tunnels_opened: 1 },
};
const TEXT = "0123456789abcdef".repeat(64 * 1024);
/** What the kernel takes on behalf of an end that does not read: more than fits into the other end, less than both hold. */
const LAST = TEXT.slice(0, 600_000);

async function open({ client, get }: Scene): Promise<void> {
  await client.send(get(HANDSHAKE));
  await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch of protocols");
  assert.match(client.received, /^HTTP\/1\.1 101 /);
}

/** What came behind the 101. */
function tunnelled({ client }: Scene): string {
  return client.received.slice(client.received.indexOf("\r\n\r\n") + 4);
}

/** Sends and sends until something has happened. */
async function sendUntil(event: Promise<void>, send: () => Promise<void>): Promise<void> {
  let happened = false;
  const noted = event.finally(() => {
    happened = true;
  });
  while (!happened) {
    await Promise.race([send(), noted]);
    await new Promise(setImmediate);
  }
  await noted;
}

function sameText(got: string, expected: string, at: string): void {
  assert.equal(got.length, expected.length, `bytes that arrived at the ${at}`);
  assert.ok(got === expected, `other bytes arrived at the ${at}`);
}

const rows: Row[] = [
  {
    name: "the origin ends with its last bytes",
    client: open,
    origin: async ({ connection }) => {
      await connection.send(SWITCH + TEXT);
      connection.end();
    },
    expect: { ...TUNNEL, client: "left" },
    also: async (scene) => {
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), TEXT, "client");
      scene.client.halfClose();
    },
  },
  {
    name: "the origin ends with its last bytes, the client reads late",
    client: async (scene) => {
      await open(scene);
      scene.client.stopReading();
      await scene.client.send("go");
    },
    origin: async ({ connection }, scene) => {
      await connection.send(SWITCH);
      await connection.until(({ received }) => received.endsWith("go"), "the word");
      const times = await connection.fill(TEXT);
      connection.end();
      scene.client.readOn();
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), TEXT.repeat(times), "client");
      scene.client.halfClose();
    },
    expect: { ...TUNNEL, client: "left" },
  },
  {
    name: "the client ends with its last bytes",
    client: async (scene) => {
      await open(scene);
      await scene.client.send(TEXT);
      scene.client.halfClose();
    },
    origin: async (request) => {
      await request.connection.send(SWITCH);
      await request.connection.until(({ ended }) => ended, "the FIN");
      sameText(request.body(), TEXT, "origin");
      request.connection.end();
    },
    expect: TUNNEL,
  },
  {
    name: "the client has ended, then the origin ends with its last bytes",
    client: async (scene) => {
      await open(scene);
      scene.client.halfClose();
    },
    origin: async ({ connection }) => {
      await connection.send(SWITCH);
      await connection.until(({ ended }) => ended, "the FIN");
      await connection.send(TEXT);
      connection.end();
    },
    expect: TUNNEL,
    also: async (scene) => {
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), TEXT, "client");
    },
  },
  {
    name: "the client has ended, then the origin ends with its last bytes, the client reads late",
    client: async (scene) => {
      await open(scene);
      scene.client.stopReading();
      scene.client.halfClose();
    },
    origin: async ({ connection }, scene) => {
      await connection.send(SWITCH);
      await connection.until(({ ended }) => ended, "the FIN");
      const times = await connection.fill(TEXT);
      connection.end();
      scene.client.readOn();
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), TEXT.repeat(times), "client");
    },
    expect: TUNNEL,
  },
  {
    name: "the origin has ended, then the client ends with its last bytes",
    client: async (scene) => {
      await open(scene);
      await scene.client.until(({ raw }) => raw.ended, "the FIN");
      await scene.client.send(TEXT);
      scene.client.halfClose();
    },
    origin: async (request) => {
      await request.connection.send(SWITCH);
      request.connection.end();
      await request.connection.until(({ ended }) => ended, "the FIN");
      sameText(request.body(), TEXT, "origin");
    },
    expect: TUNNEL,
  },
  {
    name: "the origin has ended, then the client ends with its last bytes, the origin reads late",
    client: async (scene) => {
      await open(scene);
      await scene.client.until(({ raw }) => raw.ended, "the FIN");
      await scene.client.send(TEXT);
      scene.client.halfClose();
    },
    origin: async (request, { client }) => {
      const { connection } = request;
      await connection.send(SWITCH);
      connection.end();
      connection.stopReading();
      await client.until(({ raw }) => raw.socket.writableFinished, "the last byte to leave");
      connection.readOn();
      await connection.until(({ ended }) => ended, "the FIN");
      sameText(request.body(), TEXT, "origin");
    },
    expect: TUNNEL,
  },
  {
    name: "both end with their last bytes at once",
    client: async (scene) => {
      await open(scene);
      await scene.client.send(TEXT);
      scene.client.halfClose();
    },
    origin: async (request) => {
      await request.connection.send(SWITCH);
      await request.connection.send(TEXT);
      request.connection.end();
      await request.connection.until(({ ended }) => ended, "the FIN");
      sameText(request.body(), TEXT, "origin");
    },
    expect: TUNNEL,
    also: async (scene) => {
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), TEXT, "client");
    },
  },
  {
    name: "the origin sends its last bytes and is gone while the client still sends, the client reads late",
    client: async (scene) => {
      await open(scene);
      scene.client.stopReading();
      await sendUntil(scene.gauge("upstream_connections_open", 0), () => scene.client.send("c".repeat(1000)));
      scene.client.readOn();
    },
    origin: async ({ connection }) => {
      await connection.send(SWITCH + LAST);
      connection.end();
      // A socket that is closed for good answers what still comes with a reset.
      await connection.until(({ received }) => received.length > 100_000, "what the client sends");
      connection.socket.destroy();
    },
    expect: { ...TUNNEL, client: "left" },
    // How much was read before the failed write depends on the machine's load.
    beyondStreams: true,
    also: async (scene) => {
      await scene.client.until((each) => each.over, "the end");
      sameText(tunnelled(scene), LAST, "client");
    },
  },
  {
    name: "the client sends its last bytes and is gone while the origin still sends, the origin reads late",
    client: async (scene) => {
      await open(scene);
      await scene.client.send(LAST);
      scene.client.halfClose();
      await scene.client.until(({ received }) => received.length > 100_000, "what the origin sends");
      scene.client.leave();
    },
    origin: async (request, { gauge }) => {
      const { connection } = request;
      await connection.send(SWITCH);
      connection.stopReading();
      await gauge("tunnels_open", 1);
      await sendUntil(gauge("tunnels_open", 0), () => connection.send("o".repeat(1000)));
      connection.readOn();
      await connection.until(({ ended, closed }) => ended || closed, "the end");
      sameText(request.body(), LAST, "origin");
    },
    expect: { ...TUNNEL, client: "left" },
    beyondStreams: true,
  },

  {
    name: "the origin resets",
    client: open,
    origin: async ({ connection }, { client }) => {
      await connection.send(SWITCH);
      await client.until(({ received }) => received.includes("\r\n\r\n"), "the switch at the client");
      connection.reset();
    },
    expect: TUNNEL,
  },
  {
    name: "the origin resets right behind the switch",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: async ({ connection }) => {
      await connection.send(SWITCH);
      connection.reset();
    },
    expect: TUNNEL,
    also: async ({ client }) => {
      await client.until((each) => each.over, "the end");
      assert.match(client.received, /^HTTP\/1\.1 101 /);
    },
  },
  {
    name: "the client resets",
    client: async (scene) => {
      await open(scene);
      scene.client.reset();
    },
    origin: ({ connection }) => connection.send(SWITCH),
    expect: { ...TUNNEL, client: "left" },
    beyondTlsStreams: true,
  },
  {
    name: "the client closes, the origin sends on",
    client: async (scene) => {
      await open(scene);
      scene.client.leave();
    },
    origin: async ({ connection }) => {
      await connection.send(SWITCH);
      await connection.flood("x".repeat(1000));
    },
    expect: { ...TUNNEL, client: "left" },
  },
  {
    name: "nobody says anything",
    timeouts: "tunnel_idle: 300ms",
    client: open,
    origin: ({ connection }) => connection.send(SWITCH),
    expect: { ...TUNNEL, log: { status: 101, outcome: "tunnel_idle" }, limitMs: 300 },
  },
  {
    name: "the client never reads",
    timeouts: "tunnel_idle: 300ms",
    client: async (scene) => {
      await open(scene);
      scene.client.stopReading();
      await scene.client.send("go");
    },
    origin: async ({ connection }) => {
      await connection.send(SWITCH);
      await connection.until(({ received }) => received.endsWith("go"), "the word");
      await connection.flood("x".repeat(64 * 1024));
    },
    expect: { ...TUNNEL, client: "left", log: { status: 101, outcome: "tunnel_idle" }, releasedWithinMs: 0 },
  },

  // ---- no tunnel ----
  {
    name: "reset before the switch",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: ({ connection }) => connection.reset(),
    expect: failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 }),
    throughHost: ENDS,
  },
  {
    name: "a switch to another protocol",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: ({ connection }) => connection.send(SWITCH.replace("websocket", "h2c")),
    expect: failed(502, "http_protocol_error", "malformed_response", { origin_failures: 1 }),
    throughHost: ENDS,
  },
  {
    name: "a switch that the route does not admit",
    route: "upgrade: []",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: ({ connection }) => connection.send(SWITCH),
    expect: failed(502, "http_protocol_error", "malformed_response", { origin_failures: 1 }),
    throughHost: ENDS,
  },
  {
    name: "a protocol that the route does not admit is asked for",
    route: "upgrade: [tcp]",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: (request) => {
      assert.doesNotMatch(request.head, /^(?:connection|upgrade):/im);
      return request.connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    },
    expect: { answer: { status: 200, body: "ok" }, log: { status: 200, outcome: "completed" }, client: "open", origin: "reused" },
    throughHost: ENDS,
  },
  {
    name: "another protocol than WebSocket, after a request with a body",
    route: "upgrade: [TCP]",
    client: async (scene) => {
      await scene.client.send(`${scene.head("POST", ["Connection: Upgrade", "Upgrade: tcp", "Content-Length: 4"])}body`);
      await scene.client.until(({ received }) => received.includes("\r\n\r\n"), "the switch of protocols");
      await scene.client.send(TEXT);
      scene.client.halfClose();
    },
    origin: async (request) => {
      await request.connection.until(() => request.body() === "body", "the body");
      await request.connection.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
      await request.connection.until(({ ended }) => ended, "the FIN");
      sameText(request.body(), `body${TEXT}`, "origin");
      request.connection.end();
    },
    expect: TUNNEL,
  },
  {
    name: "a switch for somebody else's key",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: ({ connection }) => connection.send(SWITCH.replace("s3pPLM", "AAAAAA")),
    expect: failed(502, "http_protocol_error", "malformed_response", { origin_failures: 1 }),
    throughHost: ENDS,
  },
  {
    name: "no switch in time",
    timeouts: "response_head: 300ms",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: () => {},
    expect: { ...failed(504, "http_response_timeout", "response_timeout", { upstream_timeouts: 1 }), limitMs: 300 },
    throughHost: ENDS,
  },
  {
    name: "the origin refuses",
    client: ({ client, get }) => client.send(get(HANDSHAKE)),
    origin: ({ connection }) => connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
    expect: { answer: { status: 403, body: "no" }, log: { status: 403, outcome: "completed" }, client: "open", origin: "reused" },
    throughHost: ENDS,
  },
  {
    name: "the pooled connection is lost with the handshake on it, and replaced",
    warm: true,
    retries: 0,
    client: async (scene) => {
      await open(scene);
      scene.client.halfClose();
    },
    origin: async ({ connection }) => {
      if (connection.requests === 2) return connection.reset();
      await connection.send(SWITCH);
      await connection.until(({ ended }) => ended, "the FIN");
      connection.end();
    },
    expect: {
      ...TUNNEL,
      log: { status: 101, outcome: "tunnel", attempts: 2 },
      counters: { retries: 1, origin_failures: [0, 1], tunnels_opened: 1 },
    },
  },
  {
    name: "the pooled connection is lost with the handshake on it, which has a body",
    warm: true,
    client: ({ client, get }) => client.send(`${get([...HANDSHAKE, "Content-Length: 3"])}abc`),
    origin: ({ connection }) => connection.reset(),
    expect: failed(502, "connection_terminated", "connection_terminated", { origin_failures: 1 }),
    throughHost: ENDS,
  },
];

const notByFetch = "a Request cannot ask for an upgrade";

themes(
  "tunnels",
  rows.map((row) => ({ ...row, notByFetch })),
  { same: 18, differ: 8, leftOut: 0, notByFetch: 26 },
);
