/** WebSocket handshakes that are sent on an idle connection at the moment at which its endpoint closes it. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { OK, get, origin, stage } from "../stage.fixture.ts";

const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

for (const [what, rest, status, connections] of [
  ["without a body is sent again on another connection", "\r\n", "101", 2],
  // Nobody could tell bytes of a body from bytes that the client sent for the new protocol.
  ["with a body is not", "Content-Length: 5\r\n\r\nhello", "502", 1],
] as const) {
  test(`a handshake ${what}`, { timeout: 20_000 }, async (t) => {
    const seen = new Set<Socket>();
    const url = await origin(t, (head, socket) => {
      const isKept = seen.has(socket);
      seen.add(socket);
      if (isKept) socket.resetAndDestroy();
      else socket.write(head.startsWith("GET /ws") ? SWITCHING : OK);
    });
    const { client, thread } = stage(t, url);
    const answered = async (count: number): Promise<void> => {
      while (client.statuses.length < count) {
        await turn();
        thread.writes.flush();
      }
    };
    client.send(get("/"));
    await answered(1);
    client.send(HANDSHAKE + rest);
    await answered(2);
    assert.deepEqual([client.statuses[1], seen.size], [status, connections]);
  });
}
