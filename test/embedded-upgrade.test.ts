/** WebSockets of a program that embeds the proxy: the event `upgrade` of its node:http. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { embedded, embeddingProgram } from "./support/embedded.ts";
import type { Embedded, Parts } from "./support/embedded.ts";
import { RawClient, get } from "./support/raw-client.ts";
import { startRawOrigin } from "./support/raw-origin.ts";
import type { RawOrigin } from "./support/raw-origin.ts";

const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

interface Scene {
  readonly origin: RawOrigin;
  readonly proxy: Embedded;
  readonly client: RawClient;
  /** What the origin received after the head. */
  tunnelled(): string;
}

/** An origin that switches protocols and echoes, with a client that is connected. */
async function scene(t: TestContext, parts: Parts = {}): Promise<Scene> {
  let tunnelled = "";
  const origin = await startRawOrigin({
    onHead: (head, socket) => {
      if (!/upgrade: websocket/i.test(head)) return false;
      socket.write(`${SWITCH}hello`);
      socket.on("data", (bytes: Buffer) => {
        tunnelled += bytes.toString("latin1");
        socket.write(bytes);
      });
      return true;
    },
  });
  t.after(() => origin.close());
  const proxy = embedded(t, origin.url, parts);
  const client = await RawClient.connect(await embeddingProgram(t, proxy));
  t.after(() => client.destroy());
  return { origin, proxy, client, tunnelled: () => tunnelled };
}

test("bytes pass both ways after the switch, those that came with the head first", async (t) => {
  const { client, proxy, tunnelled, origin } = await scene(t);
  client.send(`${get("/chat", UPGRADE)}early`);
  await client.until(({ received }) => received.endsWith("helloearly"), "the echo");
  assert.match(client.received, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(client.received, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.match(origin.received(), /^GET \/chat HTTP\/1\.1\r\nHost: a\.test\r\n/);
  assert.match(origin.received(), /X-Forwarded-For: 127\.0\.0\.1\r\n/);
  assert.doesNotMatch(origin.received(), /Connection: close/i);
  client.send(" and later");
  await client.until(({ received }) => received.endsWith("early and later"), "the echo");
  assert.equal(tunnelled(), "early and later");
  client.socket.end();
  await client.end();
  assert.deepEqual(
    (await proxy.logged(1)).map(({ status, outcome }) => [status, outcome]),
    [[101, "tunnel"]],
  );
  assert.equal(proxy.host.connections.size, 0);
});

test("a head that is split anywhere opens the same tunnel", async (t) => {
  const { proxy } = await scene(t);
  const port = await embeddingProgram(t, proxy);
  const request = `${get("/chat", UPGRADE)}ab`;
  for (let at = request.length - 8; at < request.length; at++) {
    const client = await RawClient.connect(port);
    client.send(request.slice(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(request.slice(at));
    await client.until(({ received }) => received.endsWith("helloab"), "the echo");
    client.destroy();
  }
});

test("a refusal is a plain answer, after which the connection ends", async (t) => {
  const { client, origin } = await scene(t, { route: "match: { path: /chat }" });
  // A second request in the same bytes would not pass the program that the proxy is embedded in.
  client.send(`${get("/other", UPGRADE)}${get("/chat")}`);
  const response = await client.response();
  assert.deepEqual([response.status, response.fields.get("connection")], [404, ["close"]]);
  client.send(get("/chat"));
  await client.end();
  assert.equal((await client.responses(1)).length, 1);
  assert.equal(origin.accepted(), 0);
});

test("an upgrade that is none the proxy knows is an ordinary request, and the connection's last", async (t) => {
  const { client, origin } = await scene(t);
  client.send(get("/", ["Connection: Upgrade", "Upgrade: h2c"]));
  const response = await client.response();
  assert.deepEqual([response.status, response.body, response.fields.get("connection")], [200, "ok", ["close"]]);
  await client.end();
  assert.doesNotMatch(origin.requests[0]?.head ?? "", /upgrade/i);
});

test("what Node lets through and the codec does not is 400", async (t) => {
  const { client, origin } = await scene(t);
  client.send(get("/", [...UPGRADE, "Host: b.test"]));
  assert.equal((await client.response()).status, 400);
  await client.end();
  assert.equal(origin.accepted(), 0);
});

test("a tunnel outlives the drain of its host, and is cut with it", async (t) => {
  const { client, proxy } = await scene(t);
  client.send(get("/chat", UPGRADE));
  await client.until(({ received }) => received.endsWith("hello"), "the switch");
  assert.equal(proxy.host.connections.size, 1);
  proxy.host.drain();
  const late = await RawClient.connect(await embeddingProgram(t, proxy));
  late.send(get("/chat", UPGRADE));
  assert.equal((await late.response()).status, 503);
  await late.end();
  client.send("still");
  await client.until(({ received }) => received.endsWith("hellostill"), "the echo");
  proxy.host.cut();
  await client.end();
  assert.equal(proxy.host.connections.size, 0);
});

for (const [framing, body] of [
  ["Content-Length: 10", "some bytes"],
  ["Transfer-Encoding: chunked", "4\r\nsome\r\n6\r\n bytes\r\n0\r\n\r\n"],
] as const) {
  test(`a request with a body asks for another protocol (${framing})`, async (t) => {
    let received = "";
    const origin = await startRawOrigin({
      onHead: () => true,
      onConnection: (socket) => {
        socket.on("data", (bytes: Buffer) => {
          received += bytes.toString("latin1");
          if (/bytes(?:\r\n0\r\n\r\n)?$/.test(received))
            socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
          if (received.endsWith("ping")) socket.write("pong");
        });
      },
    });
    t.after(() => origin.close());
    const proxy = embedded(t, origin.url, { route: "upgrade: [tcp]" });
    const client = await RawClient.connect(await embeddingProgram(t, proxy));
    t.after(() => client.destroy());
    client.send(`POST /exec HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n${framing}\r\n\r\n${body.slice(0, 5)}`);
    client.send(`${body.slice(5)}ping`);
    await client.until(({ received: got }) => got.endsWith("pong"), "the answer in the new protocol");
    assert.match(received, /\r\n\r\n(?:a\r\n)?some bytes(?:\r\n0\r\n\r\n)?ping$/);
  });
}
