/** Bodies that are larger than the kernel's buffers, in both directions on one connection: records are collected, and writes wait for the peer. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import type net from "node:net";
import { describe, test } from "node:test";
import { WAYS, connect, served, settings, startTls } from "./tls-listener.fixture.ts";

/** More bytes than the kernel's buffers at both ends hold at first. */
const LARGE = 12 * 1024 ** 2;
/** No two records are alike. */
const BODY = Buffer.alloc(LARGE, Buffer.from(Uint32Array.from({ length: 4099 }, (_, index) => index).buffer));

for (const way of WAYS) {
  describe(`large bodies over ${way} TLS`, { timeout: 20_000 }, () => {
    test("go up and come back as they were, twice on one connection, to a client that reads late", async (t) => {
      const origin = new Echo();
      const { port } = await startTls(t, way, settings([await served(["a.test"])]), (socket, data) => origin.take(socket, data));
      const client = await connect(t, port);
      const head = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${LARGE}\r\n\r\n`;
      for (let time = 0; time < 2; time++) {
        client.pause();
        client.write(head);
        client.write(BODY);
        await origin.stuck();
        const response = await read(client, LARGE);
        assert.ok(response.equals(BODY), "bytes are missing, or not in their place");
      }
    });
  });
}

/** An origin that answers a request with its body when it has all of it. */
class Echo {
  private pieces: Buffer[] = [];
  private bytes = 0;
  private socket: net.Socket | null = null;

  take(socket: net.Socket, data: Buffer): void {
    const piece = this.bytes === 0 ? data.subarray(data.indexOf("\r\n\r\n") + 4) : data;
    this.pieces.push(piece);
    this.bytes += piece.length;
    if (this.bytes < LARGE) return;
    this.socket = socket;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    for (const each of this.pieces) socket.write(each);
    this.pieces = [];
    this.bytes = 0;
  }

  /**
   * Resolves when it has begun to answer and nobody takes any more of the answer. Kernels with much room for a connection that has carried much may have taken
   * all of it.
   */
  async stuck(): Promise<void> {
    let left = -1;
    for (let still = 0; still < 50; await new Promise(setImmediate)) {
      const now = this.socket?.writableLength ?? -1;
      still = now >= 0 && now === left ? still + 1 : 0;
      left = now;
    }
    this.socket = null;
  }
}

/** Reads a response with a body of so many bytes; returns the body. */
async function read(client: net.Socket, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const done = new Promise<void>((resolve) => {
    let left = Number.NaN;
    const onData = (data: Buffer): void => {
      let piece = data;
      if (Number.isNaN(left)) {
        left = length;
        piece = data.subarray(data.indexOf("\r\n\r\n") + 4);
      }
      pieces.push(piece);
      left -= piece.length;
      if (left > 0) return;
      client.off("data", onData);
      resolve();
    };
    client.on("data", onData);
    client.resume();
  });
  await Promise.race([done, once(client, "close").then(() => assert.fail("the connection was closed"))]);
  return Buffer.concat(pieces);
}
