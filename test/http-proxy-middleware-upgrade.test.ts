/** WebSockets through `millrace/http-proxy-middleware`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createProxyMiddleware } from "../src/http-proxy-middleware/create-proxy-middleware.ts";
import type { Options } from "../src/http-proxy-middleware/create-proxy-middleware.ts";
import { answering, program, scene } from "./support/moved-program.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { OriginOptions } from "./support/raw-origin.ts";

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const ECHO: OriginOptions = {
  onHead: (head, socket) => {
    if (!/upgrade: websocket/i.test(head)) return false;
    socket.write(`${SWITCH}hello`);
    socket.on("data", (bytes: Buffer) => socket.write(bytes));
    return true;
  },
};

test("pass after the first request of a server with ws, with its events", async (t) => {
  const seen: string[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const on: Options["on"] = {
    proxyReqWs: (proxyReq) => void proxyReq.setHeader("X-Added", "1"),
    open: (socket) => void socket.on("data", (bytes: Buffer) => seen.push(bytes.toString())),
    close: (proxyRes) => {
      seen.push(`${proxyRes.statusCode ?? 0} ${String(proxyRes.headers["sec-websocket-accept"])}`);
      resolve();
    },
  };
  const { client, origin, port } = await scene(t, { ws: true, on, pathRewrite: { "^/socket": "" } }, ECHO);
  client.send(get("/"));
  await client.response();
  const socket = await RawClient.connect(port);
  socket.send(`${get("/socket/a", UPGRADE)}early`);
  await socket.until(({ received }) => received.endsWith("helloearly"), "the echo");
  assert.match(socket.received, /^HTTP\/1\.1 101 /);
  assert.match(origin.received(), /GET \/a HTTP\/1\.1\r\n[^]*X-Added: 1\r\n/);
  assert.doesNotMatch(origin.received(), /handed-over|Forwarded|Via/i);
  socket.socket.end();
  await closed;
  assert.match(seen.join(""), /^hello(?:early)?[^]*101 s3pPLMBi/);
});

test("with a body are closed: RFC 6455 has none, and what follows it would be taken for it", async (t) => {
  const { client, origin, port } = await scene(t, { ws: true }, ECHO);
  client.send(get("/"));
  await client.response();
  for (const [field, body] of [
    ["Content-Length: 5", "hello"],
    ["Transfer-Encoding: chunked", "0\r\n\r\n"],
  ] as const) {
    const socket = await RawClient.connect(port);
    socket.send(`${get("/socket", [...UPGRADE, field])}${body}GET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
    await socket.end();
    assert.equal(socket.received, "", field);
  }
  assert.doesNotMatch(origin.received(), /socket|next/);
});

test("with ws, of every server that has had a request", async (t) => {
  const { port, middleware } = await scene(t, { ws: true }, ECHO);
  const other = await program(t, middleware);
  for (const each of [port, other.port]) {
    const first = await RawClient.connect(each);
    first.send(get("/"));
    await first.response();
    first.destroy();
    const client = await RawClient.connect(each);
    client.send(get("/socket", UPGRADE));
    await client.until(({ received }) => received.endsWith("hello"), "the greeting");
    client.destroy();
  }
});

test("pass by upgrade alone, and by a router", async (t) => {
  const origin = await startRawOrigin(ECHO);
  t.after(() => origin.close());
  const middleware = createProxyMiddleware({ target: "ws://127.0.0.1:1", router: { "/socket": origin.url.replace("http", "ws") } });
  const { server, port } = await program(t, middleware);
  server.on("upgrade", middleware.upgrade);
  const client = await RawClient.connect(port);
  client.send(get("/socket", UPGRADE));
  await client.until(({ received }) => received.endsWith("hello"), "the greeting");
  client.destroy();
});

test("to a target that refuses are closed, with the event error and no answer", async (t) => {
  const codes: (string | undefined)[] = [];
  const middleware = createProxyMiddleware({ target: "http://127.0.0.1:1", on: { error: ({ code }) => void codes.push(code) } });
  const { server, port } = await program(t, middleware);
  server.on("upgrade", middleware.upgrade);
  const client = await RawClient.connect(port);
  t.after(() => client.destroy());
  client.send(get("/socket", UPGRADE));
  await client.end();
  assert.deepEqual([client.received, codes], ["", ["ECONNREFUSED"]]);
});

test("an origin's refusal reaches the client", async (t) => {
  const { server, port, middleware } = await scene(t, {}, answering("401 Unauthorized", "no"));
  server.on("upgrade", middleware.upgrade);
  const client = await RawClient.connect(port);
  client.send(get("/socket", UPGRADE));
  const { status, body } = await client.response();
  client.destroy();
  assert.deepEqual([status, body], [401, "no"]);
});

test("nothing but WebSocket is taken up", async (t) => {
  const { server, port, middleware, origin } = await scene(t);
  server.on("upgrade", middleware.upgrade);
  const client = await RawClient.connect(port);
  client.send(get("/", ["Connection: Upgrade", "Upgrade: h2c"]));
  await client.end();
  assert.equal(origin.received(), "");
});
