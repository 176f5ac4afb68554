/**
 * What a TLS connection must survive: bytes changed, cut and added at every place, alerts and resets at every moment. A rule of Node's TLS handle that is broken
 * ends the whole process, and with it this file, which the runner starts in a process of its own. After each attack the listener must serve another client, and
 * nothing of the attack may be left over.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { trustOf } from "../../src/net/accept/listener-context.ts";
import { CA, WAYS, ask, connect, served, settings, startTls } from "../../src/net/tls/tls-listener.fixture.ts";
import { RECORD, handshakeMessage, newKey, sealedClient } from "../support/sealed-records.ts";
import type { TlsListener, Way } from "../../src/net/tls/tls-listener.fixture.ts";

const BIG = 2 * 1024 ** 2;
const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 80]);
const WARNING = Buffer.from([21, 3, 3, 0, 2, 1, 0]);
const CHANGE_CIPHER = Buffer.from([20, 3, 3, 0, 1, 1]);
const EMPTY_DATA = Buffer.from([23, 3, 3, 0, 0]);
const GARBAGE = Buffer.from([23, 3, 3, 0, 32, ...Buffer.alloc(32, 0x5a)]);

/** Small answers, or a big one for `/big`; `/upgrade` becomes a tunnel that sends back what it gets. */
function answer(socket: net.Socket, data: Buffer): void {
  const text = data.toString("latin1");
  const requests = text.match(/^(?:GET|POST) \S+/gm) ?? [];
  if (requests.length === 0) return void socket.write(data);
  for (const request of requests) {
    if (request.endsWith("/big"))
      socket.write(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG}\r\n\r\n`), Buffer.alloc(BIG, "b")]));
    else if (request.endsWith("/upgrade"))
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  }
}

/** What a man in the middle does with the bytes that a client sends: `offset` is how many were sent before. */
type Attack = (chunk: Buffer, offset: number, from: net.Socket, to: net.Socket) => void;

async function relay(t: TestContext, target: number, attack: Attack): Promise<number> {
  const server = net.createServer((from) => {
    const to = net.connect({ port: target, host: "127.0.0.1", noDelay: true });
    let offset = 0;
    from.on("error", () => to.destroy()).on("close", () => to.destroy());
    to.on("error", () => from.destroy()).on("close", () => from.destroy());
    to.pipe(from);
    from.on("data", (chunk: Buffer) => {
      attack(chunk, offset, from, to);
      offset += chunk.length;
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** A client that does something, and does not care how it ends. */
async function attempt(port: number, request: string, options: tls.ConnectionOptions): Promise<void> {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: "a.test", ca: CA, ...options });
  socket.on("error", () => {});
  socket.on("secureConnect", () => socket.write(request));
  // A client that learns nothing more has had enough.
  socket.on("data", () => socket.destroy());
  socket.setTimeout(100, () => socket.destroy());
  await new Promise((resolve) => socket.once("close", resolve));
}

async function settled(t: TestContext, { context, port }: TlsListener): Promise<void> {
  assert.match(await ask(await connect(t, port)), /^HTTP\/1\.1 200 .*ok$/s);
  while (context.connections.size > 0) await new Promise(setImmediate);
}

async function start(t: TestContext, way: Way): Promise<TlsListener> {
  const listener = await startTls(t, way, settings([await served(["a.test"])], { handshakeMs: 20_000 }), answer);
  const { context } = listener;
  const { config } = context;
  // Node's TLS sockets do not always tell of a write that fails after the client's close_notify: the time limit for a client that takes nothing ends these.
  context.update(
    { ...config, timeouts: { ...config.timeouts, idle: 500 } },
    trustOf({ trusted_proxies: [], client_address_from: "x_forwarded_for" }),
  );
  return listener;
}

for (const way of WAYS) {
  for (const maxVersion of VERSIONS) {
    describe(`hostile records, ${way}, ${maxVersion}`, { timeout: 60_000 }, () => {
      const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

      test("the client's bytes cut off at every place, by a FIN and by a reset", async (t) => {
        const listener = await start(t, way);
        const length = await sentBytes(t, listener.port, maxVersion, REQUEST);
        const cuts = Array.from({ length: Math.ceil(length / 5) }, (_, at) => at * 5);
        await Promise.all(
          cuts.map(async (cut) => {
            const port = await relay(t, listener.port, (chunk, offset, from, to) => {
              to.write(chunk.subarray(0, Math.max(0, cut - offset)));
              if (offset + chunk.length < cut) return;
              if (cut % 2 === 0) to.end();
              else to.resetAndDestroy();
              from.destroySoon();
            });
            await attempt(port, REQUEST, { maxVersion });
          }),
        );
        await settled(t, listener);
      });

      test("one byte changed at every place", async (t) => {
        const listener = await start(t, way);
        const length = await sentBytes(t, listener.port, maxVersion, REQUEST);
        const places = Array.from({ length: Math.ceil(length / 5) }, (_, at) => at * 5 + (at % 5));
        await Promise.all(
          places.map(async (place) => {
            const port = await relay(t, listener.port, (chunk, offset, _, to) => {
              const changed = Buffer.from(chunk);
              if (place >= offset && place < offset + chunk.length) changed[place - offset] = (changed[place - offset] ?? 0) ^ 0x11;
              to.write(changed);
            });
            await attempt(port, REQUEST, { maxVersion });
          }),
        );
        await settled(t, listener);
      });

      for (const [what, record] of [
        ["a fatal alert", ALERT],
        ["a warning", WARNING],
        ["a ChangeCipherSpec", CHANGE_CIPHER],
        ["an empty record", EMPTY_DATA],
        ["a record that cannot be decrypted", GARBAGE],
        ["plain HTTP", Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")],
      ] as const) {
        test(`${what} before and after every packet, once and often`, async (t) => {
          const listener = await start(t, way);
          const attempts = [0, 1, 2, 3].flatMap((packet) => [1, 40].map((times) => [packet, times] as const));
          await Promise.all(
            attempts.map(async ([packet, times]) => {
              let seen = 0;
              const port = await relay(t, listener.port, (chunk, _, __, to) => {
                if (seen === packet) to.write(Buffer.concat([...Array.from({ length: times }, () => record), chunk]));
                else to.write(chunk);
                if (++seen === packet) to.write(Buffer.concat(Array.from({ length: times }, () => record)));
              });
              await attempt(port, REQUEST, { maxVersion });
            }),
          );
          await settled(t, listener);
        });
      }

      test("wishes for another handshake without end, whose client reads no answer", { skip: maxVersion !== "TLSv1.2" }, async (t) => {
        const listener = await start(t, way);
        const { below, secure, seal } = await sealedClient(listener.port, { servername: "a.test", ca: CA, maxVersion });
        t.after(() => below.destroy());
        secure.on("error", () => {});
        const closed = once(
          below.on("error", () => {}),
          "close",
        );
        const hello = seal.record(RECORD.handshake, handshakeMessage(1, Buffer.alloc(100)));
        below.write(hello);
        await closed;
        await settled(t, listener);
      });

      test("new keys without end, whose client reads no answer", { skip: maxVersion !== "TLSv1.3" || way !== "raw" }, async (t) => {
        const listener = await start(t, way);
        const { below, secure, seal } = await sealedClient(listener.port, { servername: "a.test", ca: CA, maxVersion });
        secure.on("error", () => {});
        below.pause();
        let isClosed = false;
        below.on("error", () => {}).on("close", () => (isClosed = true));
        let sent = 0;
        while (!isClosed) {
          const keys = Buffer.concat(Array.from({ length: 100 }, () => newKey(seal, true)));
          sent += keys.length;
          below.write(keys);
          await new Promise(setImmediate);
        }
        // Those that came before somebody looked, and those that were on their way.
        assert.ok(sent > 32 * 1024 && sent < 8 * 1024 ** 2, `${sent} bytes`);
        await settled(t, listener);
      });

      test("every packet of the client twice", async (t) => {
        const listener = await start(t, way);
        const port = await relay(t, listener.port, (chunk, _, __, to) => void to.write(Buffer.concat([chunk, chunk])));
        await attempt(port, REQUEST, { maxVersion });
        await settled(t, listener);
      });

      test("a reset at every moment of a big answer, and of many answers in one turn", async (t) => {
        const listener = await start(t, way);
        const many = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(60);
        await Promise.all(
          Array.from({ length: 40 }, async (_, turns) => {
            const [socket, below] = await connectOver(t, listener.port, maxVersion);
            socket.write(turns % 2 === 0 ? "GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n" : many);
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
            below.resetAndDestroy();
          }),
        );
        await settled(t, listener);
      });

      test("answers to requests that come in one packet arrive in order and whole", async (t) => {
        const listener = await start(t, way);
        const socket = await connect(t, listener.port, { maxVersion });
        const requests = `${"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n".repeat(50)}GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`;
        const received = await ask(socket, requests);
        assert.equal(received.match(/Content-Length: 2\r\n/g)?.length, 50);
        assert.ok(received.endsWith("b".repeat(1000)));
        assert.equal(received.length - received.lastIndexOf("\r\n\r\n") - 4, BIG);
        await settled(t, listener);
      });

      test("a client that ends its side still gets its answer", async (t) => {
        const listener = await start(t, way);
        const socket = await connect(t, listener.port, { maxVersion, allowHalfOpen: true } as tls.ConnectionOptions);
        const chunks: Buffer[] = [];
        socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
        socket.end("GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
        await once(socket, "end");
        assert.ok(Buffer.concat(chunks).length > BIG);
        await settled(t, listener);
      });

      test("a tunnel whose client resets, ends, or is reset by the origin", async (t) => {
        const listener = await start(t, way);
        const upgrade =
          "GET /upgrade HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n";
        for (const how of ["reset", "end"] as const) {
          const [socket, below] = await connectOver(t, listener.port, maxVersion);
          socket.write(upgrade);
          await once(socket, "data");
          socket.write("echo");
          const [echo] = (await once(socket, "data")) as [Buffer];
          assert.equal(echo.toString(), "echo");
          socket.write(Buffer.alloc(300_000, "e"));
          if (how === "reset") below.resetAndDestroy();
          else socket.end();
          await new Promise((resolve) => socket.resume().once("close", resolve));
        }
        await settled(t, listener);
      });

      test("the listener drains, and cuts, at every moment of a handshake and of an exchange", async (t) => {
        for (let turns = 0; turns < 14; turns++) {
          const listener = await start(t, way);
          const done = attempt(listener.port, "GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n", { maxVersion });
          for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          if (turns % 2 === 0) listener.context.drain();
          else listener.context.cut();
          await done;
          while (listener.context.connections.size > 0) {
            listener.context.cut();
            await new Promise(setImmediate);
          }
        }
      });
    });
  }
}

/** A client that has finished its handshake, and the TCP connection below it. */
async function connectOver(t: TestContext, port: number, maxVersion: tls.SecureVersion): Promise<readonly [tls.TLSSocket, net.Socket]> {
  const below = net.connect(port, "127.0.0.1").on("error", () => {});
  return [await connect(t, port, { maxVersion, socket: below }), below];
}

/** How many bytes a client sends for this request, its handshake included. */
async function sentBytes(t: TestContext, target: number, maxVersion: tls.SecureVersion, request: string): Promise<number> {
  let sent = 0;
  const port = await relay(t, target, (chunk, _, __, to) => {
    sent += chunk.length;
    to.write(chunk);
  });
  await ask(await connect(t, port, { maxVersion }), request);
  return sent;
}
