import assert from "node:assert/strict";
import { test } from "node:test";
import { script } from "../../src/testing/test-proxy.ts";
import { recipe, says } from "../support/recipe.ts";

const HANDSHAKE = [
  "GET /live HTTP/1.1",
  "Host: localhost",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "\r\n",
].join("\r\n");
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** Agrees, and sends back what comes. */
const echo = script.raw(async (connection) => {
  await connection.until("\r\n\r\n");
  connection.take();
  connection.send(SWITCH);
  await connection.until("hello");
  connection.send(connection.take());
});

const { config, start } = recipe("websocket-app", { upstreams: { app: [echo, echo] } });

test("a WebSocket passes, and one in which nothing passes is closed after ten minutes", async (t) => {
  const proxy = await start(t);
  const client = proxy.connect();
  client.send(HANDSHAKE);
  await client.until("HTTP/1.1 101 Switching Protocols");
  client.send("hello");
  await client.until("hello");
  const ended = client.untilEnded();
  await proxy.advance("9m");
  assert.equal(client.isClosed, false);
  await proxy.advance("2m");
  await ended;
});

test("an endpoint that does not agree answers as usual, and openings are counted", async (t) => {
  const proxy = await start(t, { upstreams: { app: says("the application") } });
  const client = proxy.connect();
  client.send(HANDSHAKE);
  await client.until("the application got GET /live");
  const statuses = [];
  for (let request = 0; request < 5; request++) statuses.push((await proxy.fetch("http://localhost:8080/live")).status);
  assert.deepEqual(statuses, [200, 200, 200, 200, 429]);
});

test("a reload cuts no WebSocket", async (t) => {
  const proxy = await start(t);
  const client = proxy.connect();
  client.send(HANDSHAKE);
  await client.until("101 Switching Protocols");
  await proxy.reload(config.replace("name: live", "name: changed"));
  client.send("hello");
  await client.until("hello");
});
