/** TLS towards endpoints over real sockets: verification, sessions, and how connections end. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { X509Certificate, createHash } from "node:crypto";
import net from "node:net";
import { before, describe, test } from "node:test";
import tls from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { OTHER_KEY } from "../../certificates/endpoint-tls.ts";
import { TestAuthority } from "../../../test/support/certificates.ts";
import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";
import { RENEGOTIATED, TRUNCATED } from "./raw-tls-transport.ts";
import { tlsAccess } from "./tls-access.ts";
import type { TlsAccess } from "./tls-access.ts";
import { End, authority, endpointOf, serverFor } from "./tls-endpoint.fixture.ts";

/** How the connections of the tests are opened: on Node's handle, or with its sockets. */
let access: TlsAccess | null = null;

function open(endpoint: Endpoint, preface: string = ""): End {
  return new End(endpoint, access, preface);
}

/** How many bytes a connection has brought when its endpoint ends it. The connection itself is forgotten. */
function endOfLoneConnection(endpoint: Endpoint): Promise<number> {
  const end = open(endpoint);
  return new Promise((resolve) => {
    void end.until("end").then(() => {
      resolve(end.received);
      end.transport.destroy();
    });
  });
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

for (const kind of ["on Node's handle", "with Node's sockets"] as const) {
  const isRaw = kind === "on Node's handle";
  describe(`a TLS connection to an endpoint ${kind}`, { skip: isRaw && tlsAccess() === null, timeout: 20_000 }, () => {
    before(() => void (access = isRaw ? tlsAccess() : null));

    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      test(`${maxVersion}: the next one resumes the session of the one before`, async (t) => {
        const resumed: boolean[] = [];
        const endpoint = await serverFor(
          t,
          (socket) => {
            resumed.push(socket.isSessionReused());
            socket.end("hello");
          },
          { server: { maxVersion } },
        );
        for (let count = 0; count < 3; count++) {
          const end = open(endpoint);
          await end.until("end");
          end.transport.destroy();
          await end.until("closed");
        }
        assert.deepEqual(resumed, [false, true, true]);
      });

      test(`${maxVersion}: what came before is read, before an end well or ill`, async (t) => {
        for (const how of ["well", "ill"]) {
          const bytes = Buffer.alloc(300_000, "x");
          const endpoint = await serverFor(
            t,
            (socket) => void (how === "well" ? socket.end(bytes) : socket.write(bytes, () => cut(socket))),
            {
              server: { maxVersion },
            },
          );
          const end = open(endpoint);
          await end.until("connected");
          end.transport.pause();
          for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
          end.transport.resume();
          await end.until(how === "well" ? "end" : "closed");
          assert.equal(end.received, 300_000);
          assert.equal(end.told.at(-1), how === "well" ? "end" : `closed ${TRUNCATED}`);
          end.transport.destroy();
        }
      });

      test(`${maxVersion}: a reset is told as one`, async (t) => {
        const endpoint = await serverFor(t, (socket) => void below(socket).resetAndDestroy(), { server: { maxVersion } });
        const end = open(endpoint);
        await end.until("closed");
        assert.equal(end.told.at(-1), "closed ECONNRESET");
      });

      test(`${maxVersion}: an end without close_notify is no end`, async (t) => {
        const endpoint = await serverFor(t, (socket) => void socket.write("cut", () => cut(socket)), { server: { maxVersion } });
        const end = open(endpoint);
        await end.until("closed");
        assert.equal(end.received, 3);
        assert.equal(end.told.at(-1), `closed ${TRUNCATED}`);
      });
    }

    test("a certificate that is not accepted leaves no session behind, however many connections there are at once", async (t) => {
      let served = 0;
      const endpoint = await serverFor(t, (socket) => void socket.end(`${served++}`), { names: ["other.test"] });
      const ends = Array.from({ length: 5 }, () => open(endpoint));
      await Promise.all(ends.map((end) => end.until("closed")));
      const late = open(endpoint);
      await late.until("closed");
      for (const { told } of [...ends, late]) assert.deepEqual(told, ["closed ERR_TLS_CERT_ALTNAME_INVALID"]);
      assert.equal(endpoint.session, null);
    });

    test("an expired certificate, and one that nobody trusts, are refused", async (t) => {
      const expired = open(await serverFor(t, (socket) => void socket.end(), { valid: "expired" }));
      await expired.until("closed");
      assert.deepEqual(expired.told, ["closed CERT_HAS_EXPIRED"]);
      const foreign = await (await TestAuthority.create()).issue(["127.0.0.1"]);
      const untrusted = open(await endpointOf(t, tls.createServer({ cert: foreign.chain, key: foreign.key })));
      await untrusted.until("closed");
      assert.match(untrusted.told.join(), /^closed (UNABLE_TO_\w+|SELF_SIGNED_\w+)$/);
    });

    test("the certificate may carry the name that the configuration says, and need carry none without verification", async (t) => {
      for (const wishes of [
        { settings: { serverName: "app.test" } },
        { settings: { pinnedNames: ["other.test", "app.test"] } },
        { names: ["x.test"], valid: "expired", settings: { verify: false } },
      ] as const) {
        const end = open(await serverFor(t, (socket) => void socket.end("ok"), wishes));
        await end.until("end");
        assert.deepEqual(end.told, ["connected", "read", "end"]);
      }
    });

    test("a peer that speaks something else, says nothing, or leaves in the handshake", async (t) => {
      const plain = open(
        await endpointOf(
          t,
          net.createServer((socket) => void socket.on("error", () => {}).end("HTTP/1.1 400 Bad\r\n\r\n")),
        ),
      );
      await plain.until("closed");
      assert.match(plain.told.join(), /^closed ERR_SSL_/);
      const leaving = open(
        await endpointOf(
          t,
          net.createServer((socket) => void socket.on("error", () => {}).once("data", () => socket.end())),
        ),
      );
      await leaving.until("closed");
      assert.deepEqual(leaving.told, [`closed ${TRUNCATED}`]);
      const silent = await endpointOf(
        t,
        net.createServer((socket) => void socket.on("error", () => {})),
      );
      const end = open(silent);
      end.transport.destroy("TIME");
      await end.until("closed");
      assert.deepEqual(end.told, ["closed TIME"]);
    });

    test("a pinned key must be that of the certificate, and is enough without verification", async (t) => {
      const own = await authority.issue(["127.0.0.1"], { valid: "expired" });
      const pin = createHash("sha256")
        .update(new X509Certificate(own.certificate).publicKey.export({ type: "spki", format: "der" }))
        .digest("base64");
      const outcome = async (settings: Partial<UpstreamTls>): Promise<string> => {
        const server = tls.createServer({ cert: own.chain, key: own.key }, (socket) => void socket.on("error", () => {}).end("ok"));
        const end = open(await endpointOf(t, server, { settings }));
        await Promise.race([end.until("end"), end.until("closed")]);
        end.transport.destroy();
        return end.told.join();
      };
      assert.equal(await outcome({ verify: false, pinnedKeys: ["other", pin] }), "connected,read,end");
      assert.equal(await outcome({ verify: false, pinnedKeys: ["other"] }), `closed ${OTHER_KEY}`);
      assert.equal(await outcome({ pinnedKeys: [pin] }), "closed CERT_HAS_EXPIRED");
    });

    test("pinned names stand in place of the endpoint's own", async (t) => {
      const end = open(await serverFor(t, (socket) => void socket.end(), { settings: { pinnedNames: ["other.test"] } }));
      await end.until("closed");
      assert.deepEqual(end.told, ["closed ERR_TLS_CERT_ALTNAME_INVALID"]);
    });

    test("a revoked certificate is refused, and one whose authority has no list", async (t) => {
      const [good, revoked] = [await authority.issue(["127.0.0.1"]), await authority.issue(["127.0.0.1"])];
      const told: string[] = [];
      const list = await authority.crl([revoked]);
      const foreign = await (await TestAuthority.create()).crl([]);
      for (const [{ chain: cert, key }, crl] of [
        [good, list],
        [revoked, list],
        [good, foreign],
      ] as const) {
        const server = tls.createServer({ cert, key }, (socket) => void socket.on("error", () => {}).end("ok"));
        const end = open(await endpointOf(t, server, { settings: { crl } }));
        await Promise.race([end.until("end"), end.until("closed")]);
        end.transport.destroy();
        told.push(end.told.join());
      }
      assert.deepEqual(told, ["connected,read,end", "closed CERT_REVOKED", "closed UNABLE_TO_GET_CRL"]);
    });

    test("shows its certificate to an endpoint that asks for one, on resumed connections too", async (t) => {
      const { chain, key } = await authority.client("CN=proxy");
      const seen: string[] = [];
      const wishes = { settings: { certificate: { chain, key } }, server: { ca: authority.certificate, requestCert: true } };
      const endpoint = await serverFor(
        t,
        (socket) => {
          seen.push(`${socket.getPeerX509Certificate()?.subject} ${socket.authorized} ${socket.isSessionReused()}`);
          socket.end("hello");
        },
        wishes,
      );
      for (let count = 0; count < 2; count++) {
        const end = open(endpoint);
        await end.until("end");
        end.transport.destroy();
      }
      assert.deepEqual(seen, ["CN=proxy true false", "CN=proxy true true"]);
    });

    test("short texts count as written, also while the last message of the handshake is being sent", async (t) => {
      const got = Promise.withResolvers<number>();
      const endpoint = await serverFor(t, (socket) => {
        let received = 0;
        socket.on("data", (bytes: Buffer) => (received += bytes.length)).on("end", () => got.resolve(received));
      });
      const end = open(endpoint);
      await end.until("connected");
      const counted = Array.from({ length: 6 }, () => end.transport.write("x".repeat(4000)));
      assert.deepEqual([counted.slice(0, 4), counted[5]], [[true, true, true, true], false]);
      end.transport.end();
      assert.equal(await got.promise, 24_000);
      end.transport.destroy();
    });

    test("a connection that nobody refers to goes on when garbage is collected", async (t) => {
      const served = Promise.withResolvers<tls.TLSSocket>();
      const endpoint = await serverFor(t, (socket) => served.resolve(socket));
      const ended = endOfLoneConnection(endpoint);
      const socket = await served.promise;
      // Into the memory of young objects and out of it, and away.
      for (let count = 0; count < 3; count++) {
        collectGarbage();
        await new Promise(setImmediate);
      }
      socket.end("hello");
      assert.equal(await ended, 5);
    });

    test("an endpoint gets no other handshake on its connection", async (t) => {
      const asked = Promise.withResolvers<string>();
      const wishes = { server: { maxVersion: "TLSv1.2" } } as const;
      const endpoint = await serverFor(
        t,
        (socket) => {
          socket.on("error", (error: NodeJS.ErrnoException) => asked.resolve(error.code ?? "")).on("close", () => asked.resolve("closed"));
          socket.renegotiate({ requestCert: true, rejectUnauthorized: false }, () => asked.resolve("another handshake"));
        },
        wishes,
      );
      const end = open(endpoint);
      assert.match(await asked.promise, /^(?:ERR_SSL_NO_RENEGOTIATION|ECONNRESET|closed)$/);
      if (isRaw) {
        await end.until("closed");
        assert.equal(end.told.at(-1), `closed ${RENEGOTIATED}`);
      }
      end.transport.destroy();
    });

    test("speaks no version below the lowest", async (t) => {
      const wishes = { settings: { minVersion: "TLSv1.3" }, server: { maxVersion: "TLSv1.2" } } as const;
      const end = open(await serverFor(t, (socket) => void socket.end(), wishes));
      await end.until("closed");
      assert.match(end.told.join(), /^closed ERR_SSL_\w*PROTOCOL\w*$/);
    });

    test("settings that OpenSSL does not take fail the connection, and nothing else", async (t) => {
      const certificate = { chain: "no PEM", key: "no PEM" };
      const end = open(await serverFor(t, (socket) => void socket.end(), { settings: { certificate } }));
      await end.until("closed");
      assert.match(end.told.join(), /^closed ERR_(?:OSSL|SSL)_\w+$/);
    });

    test("a session that comes after the settings have changed is not kept, and none is asked for that was made under others", async (t) => {
      const resumed: boolean[] = [];
      const endpoint = await serverFor(t, (socket) => {
        resumed.push(socket.isSessionReused());
        socket.end("hello");
      });
      const { settings } = endpoint;
      const others = { ...settings, key: "others", tls: { ...settings.tls, id: "others" } };
      const first = open(endpoint);
      endpoint.update(0, others);
      await first.until("end");
      assert.equal(endpoint.session, null);
      endpoint.update(0, settings);
      await open(endpoint).until("end");
      const { session } = endpoint;
      assert.ok(session !== null);
      endpoint.update(0, others);
      assert.equal(endpoint.session, null);
      await open(endpoint).until("end");
      assert.deepEqual(resumed, [false, false, false]);
    });

    test("what is to go first goes before TLS", async (t) => {
      const first: Buffer[] = [];
      const server = net.createServer((socket) => void socket.on("error", () => {}).on("data", (data: Buffer) => void first.push(data)));
      const end = open(await endpointOf(t, server), "PROXY UNKNOWN\r\n");
      while (Buffer.concat(first).length < 100) await new Promise(setImmediate);
      assert.ok(Buffer.concat(first).toString("latin1").startsWith("PROXY UNKNOWN\r\n\x16\x03\x01"));
      end.transport.destroy();
    });

    test("more than the kernel takes at once waits until the endpoint reads, and then all has arrived", async (t) => {
      const much = Buffer.alloc(12 * 1024 ** 2, "x");
      let arrived = 0;
      const { promise: accepted, resolve } = Promise.withResolvers<tls.TLSSocket>();
      const end = open(await serverFor(t, resolve));
      await end.until("connected");
      assert.equal(end.transport.write([much]), false);
      const server = await accepted;
      server.on("data", (data: Buffer) => {
        arrived += data.length;
        if (arrived === much.length) server.end("all");
      });
      await end.until("end");
      assert.equal(arrived, much.length);
      assert.deepEqual(
        end.told.filter((what) => what === "written" || what === "end"),
        ["written", "end"],
      );
      end.transport.destroy();
    });

    test("destroyed at each moment of its opening tells so once, and nothing else", async (t) => {
      const endpoint = await serverFor(t, (socket) => void socket.write("x"));
      for (let turns = 0; turns < 12; turns++) {
        const end = open(endpoint);
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        end.transport.destroy();
        await end.until("closed");
        for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
        assert.deepEqual(
          end.told.filter((what) => what.startsWith("closed")),
          ["closed well"],
        );
        assert.match(end.told.at(-1) ?? "", /^closed/);
      }
    });
  });
}

/** Ends the TCP connection below TLS. */
function cut(socket: tls.TLSSocket): void {
  below(socket).end();
}

/** The TCP connection below TLS. */
function below(socket: tls.TLSSocket): net.Socket {
  const { _parent: tcp } = socket as tls.TLSSocket & { readonly _parent?: net.Socket };
  return tcp ?? assert.fail("no socket below");
}
