/** How raw and stream transports end and reset, over real sockets whose peer does not read. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { rawAccess, takeHandle } from "./raw-access.ts";
import { RawTransport } from "./raw-transport.ts";
import { StreamTransport } from "./stream-transport.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

/** More bytes than the kernel's buffers at both ends hold. */
const MUCH = Buffer.alloc(16 * 1024 ** 2, "x");

interface Ends {
  readonly transport: Transport;
  /** The other end. Reads nothing until it is told to. */
  readonly peer: Socket;
  readonly closed: Promise<void>;
}

async function ends(t: TestContext, make: (socket: Socket, reader: TransportReader, writer: TransportWriter) => Transport): Promise<Ends> {
  const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const accepted = once(server, "connection");
  const peer = net.connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const connected = once(peer, "connect");
  const [socket] = (await accepted) as [Socket];
  await connected;
  server.close();
  let transport: Transport | null = null;
  const closed = new Promise<void>((resolve) => {
    const reader = { readBuffer: Buffer.alloc(1024), onRead: () => {}, onEnd: () => {}, onClosed: () => resolve() };
    transport = make(socket, reader, { onWritten: () => {}, onWriteFailed: () => {} });
  });
  const made: Transport = transport ?? assert.fail("no transport");
  t.after(() => {
    made.destroy();
    peer.destroy();
  });
  return { transport: made, peer, closed };
}

const access = rawAccess();
for (const [kind, make] of [
  [
    "raw",
    (socket: Socket, reader: TransportReader, writer: TransportWriter) => {
      const handle = takeHandle(socket);
      assert.ok(access !== null && handle !== null);
      return new RawTransport(access, handle, reader, writer);
    },
  ],
  ["stream", (socket: Socket, reader: TransportReader, writer: TransportWriter) => new StreamTransport(socket, reader, writer)],
] as const) {
  describe(`a ${kind} transport`, { skip: kind === "raw" && access === null, timeout: 20_000 }, () => {
    for (const how of ["end", "destroySoon"] as const) {
      test(`told to ${how} while a write is unfinished can still be reset`, async (t) => {
        const { transport, peer, closed } = await ends(t, make);
        assert.equal(transport.write([MUCH]), false);
        transport[how]();
        transport.reset();
        await closed;
        await assert.rejects(once(peer.resume(), "close"), { code: "ECONNRESET" });
      });

      test(`told to ${how} while a write is unfinished sends all bytes first`, async (t) => {
        const { transport, peer } = await ends(t, make);
        assert.equal(transport.write([MUCH]), false);
        transport[how]();
        assert.equal(transport.writable, false);
        let bytes = 0;
        peer.on("data", (chunk: Buffer) => (bytes += chunk.length));
        await once(peer, "end");
        assert.equal(bytes, MUCH.length);
      });
    }

    test("tells once that its FIN was sent, after the bytes before it", async (t) => {
      const { transport, peer } = await ends(t, make);
      assert.equal(transport.write([MUCH]), false);
      let sent = 0;
      transport.end(() => sent++);
      transport.end(() => sent++);
      assert.equal(sent, 0);
      await once(peer.resume(), "end");
      while (sent === 0) await new Promise(setImmediate);
      assert.equal(sent, 1);
    });
  });
}

test(
  "a raw handle that was given away does not refer to its transport, and to what took part in a handshake by it",
  { skip: access === null },
  () => {
    const handle = { useUserBuffer: () => {}, readStart: () => 0, readStop: () => 0 };
    const reader = { readBuffer: Buffer.alloc(16), onRead: () => {}, onEnd: () => {}, onClosed: () => {} };
    assert.ok(access !== null);
    const transport = new RawTransport(access, handle as never, reader, { onWritten: () => {}, onWriteFailed: () => {} });
    transport.start();
    assert.ok(Object.values(handle).includes(transport as never));
    assert.equal(transport.release(), handle);
    assert.ok(!Object.values(handle).includes(transport as never));
  },
);
