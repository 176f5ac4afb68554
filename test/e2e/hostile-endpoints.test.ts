/**
 * What a TLS connection to an endpoint must survive, on Node's handle and on its sockets. A rule of Node's TLS handle that is broken ends the whole process, and
 * with it this file, which the runner starts in a process of its own. docs/threat-model.md says what is not bounded.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import net from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { tlsAccess } from "../../src/net/transport/tls-access.ts";
import { RENEGOTIATED } from "../../src/net/transport/raw-tls-transport.ts";
import { End, authority, endpointOf, serverFor } from "../../src/net/transport/tls-endpoint.fixture.ts";
import type { Endpoint } from "../../src/proxy/upstream/endpoint.ts";
import { HELLO_REQUEST, RECORD, handshakeMessage, newKey, sealedServer } from "../support/sealed-records.ts";
import type { Seal } from "../support/sealed-records.ts";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
type Version = (typeof VERSIONS)[number];

const NEW_TICKET = 4;

/** An endpoint that sends what `say` seals as soon as the handshake is finished, and then nothing more. */
async function saying(t: TestContext, maxVersion: Version, say: (seal: Seal) => readonly Buffer[]): Promise<Endpoint> {
  const { chain: cert, key } = await authority.issue(["127.0.0.1"]);
  const server = net.createServer(async (socket) => {
    socket.on("error", () => {});
    const { secure, seal } = await sealedServer(socket, { cert, key, maxVersion });
    secure.on("error", () => {});
    socket.write(Buffer.concat(say(seal)));
  });
  return endpointOf(t, server);
}

/** An endpoint behind somebody who does something with each packet that it sends. */
async function behind(t: TestContext, target: Endpoint, attack: (packet: Buffer, to: net.Socket) => void): Promise<Endpoint> {
  const server = net.createServer((to) => {
    const from = net.connect({ host: target.host, port: target.port, noDelay: true });
    to.setNoDelay().on("error", () => {});
    to.pipe(from).on("error", () => {});
    from.on("data", (packet: Buffer) => attack(packet, to)).on("close", () => to.end());
  });
  return endpointOf(t, server);
}

function many<Value>(count: number, make: (index: number) => Value): readonly Value[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

/** A session ticket (RFC 8446 section 4.6.1). */
function ticket(bytes: number): Buffer {
  const lifetimeAndAge = Buffer.from([0, 0, 0x0e, 0x10, 0, 0, 0, 0]);
  const lengths = Buffer.from([0, bytes >> 8, bytes & 255]);
  return handshakeMessage(NEW_TICKET, Buffer.concat([lifetimeAndAge, lengths, Buffer.alloc(bytes, "t"), Buffer.alloc(2)]));
}

for (const access of [tlsAccess(), null]) {
  const isRaw = access !== null;
  for (const maxVersion of VERSIONS) {
    const is12 = maxVersion === "TLSv1.2";
    describe(`hostile endpoints ${isRaw ? "on Node's handle" : "with Node's sockets"}, ${maxVersion}`, { timeout: 60_000 }, () => {
      test("an answer whose records come byte by byte is read whole", async (t) => {
        const target = await serverFor(t, (socket) => void socket.end(Buffer.alloc(5000, "x")), { server: { maxVersion } });
        const endpoint = await behind(t, target, (packet, to) => {
          for (const byte of packet) to.write(Buffer.from([byte]));
        });
        const end = new End(endpoint, access);
        await end.until("end");
        assert.equal(end.received, 5000);
        end.transport.destroy();
      });

      test("every packet twice fails the connection", async (t) => {
        const target = await serverFor(t, (socket) => void socket.end("hello"), { server: { maxVersion } });
        const end = new End(await behind(t, target, (packet, to) => void to.write(Buffer.concat([packet, packet]))), access);
        await end.until("closed ERR_SSL_");
        assert.equal(end.received, 0);
      });

      test("a record that cannot be decrypted fails the connection", async (t) => {
        const garbage = Buffer.from([23, 3, 3, 0, 40, ...Buffer.alloc(40, 0x5a)]);
        const end = new End(await saying(t, maxVersion, (seal) => [seal.record(RECORD.data, Buffer.from("hello")), garbage]), access);
        await end.until("closed ERR_SSL_");
      });

      test("records of no bytes without end fail the connection", async (t) => {
        const endpoint = await saying(t, maxVersion, (seal) => many(1000, () => seal.record(RECORD.data, Buffer.alloc(0))));
        const end = new End(endpoint, access);
        await end.until("closed ERR_SSL_");
      });

      test("records of one byte are read", async (t) => {
        const endpoint = await saying(t, maxVersion, (seal) => many(5000, () => seal.record(RECORD.data, Buffer.from("x"))));
        const end = new End(endpoint, access);
        await end.until("read");
        while (end.received < 5000) await new Promise(setImmediate);
        end.transport.destroy();
      });

      test("wishes for another handshake connect nobody again", { skip: !is12 }, async (t) => {
        const endpoint = await saying(t, maxVersion, (seal) => [
          ...many(1000, () => seal.record(RECORD.handshake, HELLO_REQUEST)),
          seal.record(RECORD.data, Buffer.from("x")),
        ]);
        const end = new End(endpoint, access);
        await end.until(isRaw ? `closed ${RENEGOTIATED}` : "read");
        assert.ok(end.told.filter((what) => what === "connected").length <= 1, end.told.join());
        end.transport.destroy();
      });

      test("of many session tickets the last one is kept, and none of more than 10 KB", { skip: is12 }, async (t) => {
        const sizes = [...many(500, (index) => 100 + index), 12_000, 16_000];
        const endpoint = await saying(t, maxVersion, (seal) => [
          ...sizes.map((bytes) => seal.record(RECORD.handshake, ticket(bytes))),
          seal.record(RECORD.data, Buffer.from("x")),
        ]);
        const end = new End(endpoint, access);
        await end.until("read");
        const { length = 0 } = endpoint.session?.data ?? {};
        assert.ok(length > 599 && length < 10 * 1024, `${length} bytes`);
        end.transport.destroy();
      });

      test("a ticket of 64 KB over several records changes nothing", { skip: is12 }, async (t) => {
        const message = ticket(0xffff);
        const endpoint = await saying(t, maxVersion, (seal) => [
          ...many(5, (part) => seal.record(RECORD.handshake, message.subarray(part * 16_000, (part + 1) * 16_000))),
          seal.record(RECORD.data, Buffer.from("x")),
        ]);
        const end = new End(endpoint, access);
        await Promise.race([end.until("read"), end.until("closed ERR_SSL_")]);
        assert.ok((endpoint.session?.data.length ?? 0) < 10 * 1024);
        end.transport.destroy();
      });

      test("new keys again and again are followed", { skip: is12 }, async (t) => {
        const endpoint = await saying(t, maxVersion, (seal) => [
          ...many(1000, () => newKey(seal, true)),
          seal.record(RECORD.data, Buffer.from("x")),
        ]);
        const end = new End(endpoint, access);
        await end.until("read");
        end.transport.destroy();
      });

      test("a certificate of more than OpenSSL takes, and a hundred that nobody needs", async (t) => {
        const { certificate, key } = await authority.issue(["127.0.0.1"]);
        const outcome = async (needless: number): Promise<string> => {
          const cert = certificate + authority.certificate.repeat(needless);
          const server = tls.createServer({ cert, key, maxVersion }, (socket) => void socket.on("error", () => {}).end("x"));
          const end = new End(await endpointOf(t, server), access);
          await Promise.race([end.until("read"), end.until("closed")]);
          end.transport.destroy();
          return end.told.join();
        };
        assert.match(await outcome(100), /^connected,read/);
        assert.match(await outcome(1500), /^closed ERR_SSL_EXCESSIVE_MESSAGE_SIZE$/);
      });
    });
  }
}
