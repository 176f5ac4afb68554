/** `millrace proxy`, which serves without a file: the real command. What configuration it makes: src/cli/proxy-config.test.ts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { startHttpOrigin } from "../support/http-origin.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { listening, millrace } from "../support/run-command.ts";

test("millrace proxy serves until a signal ends it", async (t) => {
  let endEvents = (): void => {};
  const front = await startHttpOrigin(t, (request, response) => {
    if (request.url !== "/events") return void response.end(`front ${request.url} ${request.headers.host}`);
    // The first event comes long before the end.
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n");
    endEvents = () => void response.end("data: two\n\n");
  });
  const api = http.createServer((request, response) => response.end(`api ${request.url}`));
  api.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    socket.pipe(socket);
  });
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  t.after(() => api.close());
  const running = millrace(t, "proxy", "127.0.0.1:0", front, `/api=http://127.0.0.1:${(api.address() as AddressInfo).port}`);
  const port = await listening(running);

  await t.test("a prefix is taken with all below it, and stays in the path", async () => {
    for (const [path, body] of [
      ["/", `front / ${front.slice(7)}`],
      ["/apis", `front /apis ${front.slice(7)}`],
      ["/api", "api /api"],
      ["/api/x?y", "api /api/x?y"],
    ] as const)
      assert.equal((await ask(port, get(path))).body, body);
  });

  await t.test("events arrive as they are sent", async () => {
    const client = await RawClient.connect(port);
    client.send(get("/events"));
    await client.until(({ received }) => received.includes("data: one\n\n"), "the event");
    endEvents();
    assert.match((await client.response()).body, /data: two\n\n$/);
    client.destroy();
  });

  await t.test("WebSockets", async () => {
    const client = await RawClient.connect(port);
    client.send(
      "GET /api/ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await client.until(({ received }) => received.startsWith("HTTP/1.1 101 ") && received.endsWith("\r\n\r\n"), "the switch of protocols");
    client.send("echo");
    await client.until(({ received }) => received.endsWith("echo"), "the echo");
    client.destroy();
  });

  running.child.kill("SIGTERM");
  assert.equal(await running.ended, 0);
  assert.equal(running.err, "");
});
