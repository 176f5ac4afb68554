/** TLS towards clients over real sockets: which certificate they see, who is refused, and how connections end. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import type tls from "node:tls";
import { CounterId } from "../../shared/metric-table.ts";
import {
  TICKET_KEY,
  WAYS,
  ask,
  certificateFor,
  clientCertificate,
  connect,
  refusal,
  revocationList,
  ruleFor,
  served,
  sessionOf,
  settings,
  shownNames,
  startTls,
} from "./tls-listener.fixture.ts";

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;
const NO_CERTIFICATE = /^ERR_SSL.*(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)$/;

for (const way of WAYS) {
  describe(`TLS on a listener, ${way}`, { timeout: 20_000 }, () => {
    test("the name in SNI chooses the certificate: exact, wildcard, or the first one", async (t) => {
      const certificates = [await served(["a.test"]), await served(["*.b.test"]), await served(["x.b.test"])];
      const { port, records } = await startTls(t, way, settings(certificates));
      for (const [servername, names] of [
        ["a.test", "DNS:a.test"],
        ["A.Test", "DNS:a.test"],
        ["y.b.test", "DNS:*.b.test"],
        ["x.b.test", "DNS:x.b.test"],
        ["unknown.test", "DNS:a.test"],
        ["", "DNS:a.test"],
      ] as const) {
        const socket = await connect(t, port, { servername, checkServerIdentity: () => undefined });
        assert.equal(shownNames(socket), names, servername);
        assert.match(
          await ask(socket, `GET / HTTP/1.1\r\nHost: ${servername || "a.test"}\r\nConnection: close\r\n\r\n`),
          /^HTTP\/1\.1 200 /,
        );
      }
      assert.equal(records.length, 6);
    });

    test("certificates of both kinds of keys serve one name: the client's offer decides", async (t) => {
      const certificates = [await served(["a.test"]), await served(["a.test"], { keyKind: "rsa" })];
      const { port } = await startTls(t, way, settings(certificates));
      const ecdsa = await connect(t, port, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" });
      assert.equal(ecdsa.getPeerCertificate().asn1Curve, "prime256v1");
      const rsa = await connect(t, port, { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" });
      assert.equal(rsa.getPeerCertificate().bits, 2048);
    });

    test("a name that no certificate has is refused where SNI is strict", async (t) => {
      const { port } = await startTls(t, way, settings([await served(["a.test"])], { strictSni: true }));
      assert.equal(await refusal(t, port, { servername: "b.test" }), "ERR_SSL_TLSV1_UNRECOGNIZED_NAME");
      await connect(t, port, { servername: "", checkServerIdentity: () => undefined });
    });

    test("old versions, protocols that are not spoken and garbage are refused", async (t) => {
      const { port, count, failures } = await startTls(t, way, settings([await served(["a.test"])], { minVersion: "TLSv1.3" }));
      assert.equal(await refusal(t, port, { maxVersion: "TLSv1.2" }), "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
      assert.equal(await refusal(t, port, { ALPNProtocols: ["h2"] }), "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
      assert.equal(await refusal(t, port, { ALPNProtocols: ["acme-tls/1"] }), "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
      const both = await connect(t, port, { ALPNProtocols: ["h2", "http/1.1"] });
      assert.equal(both.alpnProtocol, "http/1.1");
      const garbage = net.connect(port, "127.0.0.1");
      garbage.end(Buffer.from([22, 3, 1, 0, 4, 9, 9, 9, 9]));
      const [alert] = (await once(garbage, "data")) as [Buffer];
      assert.deepEqual([...alert], [21, 3, 3, 0, 2, 2, 50]);
      await once(garbage, "close");
      assert.deepEqual(failures(), { no_common_parameters: 2, unknown_name: 1, not_tls: 1 });
      assert.equal(count(CounterId.tls_handshakes), 1);
    });

    test("a client that goes on sending reads why it is refused, and how much it may send is bounded", async (t) => {
      const { port, context } = await startTls(t, way, settings([await served(["a.test"])]));
      const garbage = Buffer.concat([Buffer.from([22, 3, 1, 0, 4, 9, 9, 9, 9]), Buffer.alloc(10_000)]);
      for (let round = 0; round < 10; round++) {
        const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        socket.write(garbage);
        const [alert] = (await once(socket, "data")) as [Buffer];
        assert.equal(alert.at(-1), 50);
        // Before the end was seen, this would have been answered with a reset.
        socket.resume().write(garbage);
        await once(socket, "end");
        socket.destroy();
      }
      while (context.connections.size > 0) await new Promise(setImmediate);
      const endless = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => {});
      endless.resume().write(garbage);
      await once(endless, "end");
      assert.equal(context.connections.size, 1);
      const sending = setInterval(() => endless.write(garbage), 1);
      t.after(() => clearInterval(sending));
      await new Promise((resolve) => endless.once("close", resolve));
      while (context.connections.size > 0) await new Promise(setImmediate);
    });

    test("plain HTTP is told that the port speaks HTTPS, or is redirected, and reaches no route", async (t) => {
      const { port, context, records } = await startTls(t, way, settings([await served(["a.test"])]));
      const head = "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n";
      const refused = await ask(net.connect(port, "127.0.0.1"), head);
      assert.match(refused, /^HTTP\/1\.1 400 .*\r\nContent-Type: text\/plain; charset=utf-8\r\n.*This port speaks HTTPS/s);
      context.useTls(settings([await served(["a.test"])], { plainHttp: "redirect" }));
      const redirected = net.connect(port, "127.0.0.1");
      redirected.write(head);
      const [answer] = (await once(redirected, "data")) as [Buffer];
      assert.match(answer.toString("latin1"), /^HTTP\/1\.1 308 .*\r\nLocation: https:\/\/a\.test\/x\r\n/s);
      redirected.destroy();
      assert.deepEqual(
        records.map(({ outcome }) => outcome),
        ["plain_http", "redirect_to_https"],
      );
    });

    test("a first message that comes byte by byte, and a request in the same packet as the handshake's end", async (t) => {
      const { port } = await startTls(t, way, settings([await served(["a.test"])]));
      const slow = await slowly(port);
      const socket = await connect(t, slow.port);
      assert.match(await ask(socket), /^HTTP\/1\.1 200 /);
      slow.close();
    });

    test("a client that says nothing, or stops in the middle, is closed at the time limit and counted", async (t) => {
      const { port, context, failures } = await startTls(t, way, settings([await served(["a.test"])], { handshakeMs: 100 }));
      const silent = net.connect(port, "127.0.0.1");
      const half = net.connect(port, "127.0.0.1");
      half.write(Buffer.from([22, 3, 1, 0, 200, 1]));
      await Promise.all([once(silent, "close"), once(half, "close")]);
      while (context.connections.size > 0) await new Promise(setImmediate);
      assert.deepEqual(failures(), { timed_out: 2 });
    });

    test("a client that leaves in the middle of its handshake is noticed at once", async (t) => {
      const { port, context, failures } = await startTls(t, way, settings([await served(["a.test"])]));
      // The listener's flight is cut, so the client cannot finish.
      const relay = net.createServer((from) => {
        const to = net.connect(port, "127.0.0.1");
        from.on("error", () => {}).pipe(to);
        to.on("error", () => {}).once("data", () => to.end());
        to.on("close", () => from.destroy());
      });
      await once(relay.listen(0, "127.0.0.1"), "listening");
      assert.equal(await refusal(t, (relay.address() as net.AddressInfo).port), "ECONNRESET");
      relay.close();
      while (context.connections.size > 0) await new Promise(setImmediate);
      assert.deepEqual(failures(), { client_left: 1 });
    });

    test("a client that does not trust the certificate, and one without the certificate that it needs, are told apart", async (t) => {
      const certificates = [await served(["a.test"]), await served(["closed.test"], { clients: ruleFor("required") })];
      const { port, context, failures } = await startTls(t, way, settings(certificates));
      // A client of Node's judges the certificate after the handshake. This one answers the listener's flight with the alert unknown_ca.
      const relay = net.createServer((from) => {
        const to = net.connect(port, "127.0.0.1");
        from.on("error", () => {}).once("data", (hello) => to.write(hello));
        to.on("error", () => {}).once("data", () => to.write(Buffer.from([21, 3, 3, 0, 2, 2, 48])));
        to.on("close", () => from.destroy());
      });
      await once(relay.listen(0, "127.0.0.1"), "listening");
      t.after(() => relay.close());
      for (const maxVersion of VERSIONS) {
        await refusal(t, (relay.address() as net.AddressInfo).port, { maxVersion });
        await refusal(t, port, { maxVersion, servername: "closed.test" });
      }
      while (context.connections.size > 0) await new Promise(setImmediate);
      assert.deepEqual(failures(), { refused_certificate: 2, refused_by_client: 2 });
    });

    test("a certificate that OpenSSL does not take is said in the log, once a minute, and others are served", async (t) => {
      const { key } = await certificateFor(["b.test"]);
      const certificates = [await served(["a.test"]), await served(["odd.test"], { key })];
      const { port, failures, lines } = await startTls(t, way, settings(certificates));
      for (let client = 0; client < 3; client++)
        assert.match(await refusal(t, port, { servername: "odd.test" }), /^ERR_SSL.*ALERT_INTERNAL_ERROR$/);
      await connect(t, port);
      assert.deepEqual(failures(), { unusable_certificate: 3 });
      assert.deepEqual(lines(), [
        "error certificate_unusable 127.0.0.1:0 closed 1 connection, the last from 127.0.0.1: OpenSSL does not take the certificate for odd.test (its key is that of another certificate)",
      ]);
    });

    test("no further handshake begins while as many are under way as may be, and that is noticed", async (t) => {
      const { port, context } = await startTls(t, way, settings([await served(["a.test"])], { handshakesMax: 2 }));
      const noticed = t.mock.method(context.notices, "onRefused");
      const first = net.connect(port, "127.0.0.1");
      const second = net.connect(port, "127.0.0.1");
      while (context.connections.size < 2) await new Promise(setImmediate);
      const third = net.connect(port, "127.0.0.1").on("error", () => {});
      await once(third, "close");
      assert.deepEqual(
        noticed.mock.calls.map(({ arguments: [limit, client] }) => [limit, client]),
        [["handshakes", "127.0.0.1"]],
      );
      first.destroy();
      second.destroy();
      while (context.connections.size > 0) await new Promise(setImmediate);
      await connect(t, port);
    });

    test("renegotiation ends the connection, and no request counts after it", async (t) => {
      const { port, records } = await startTls(t, way, settings([await served(["a.test"])]));
      const socket = await connect(t, port, { maxVersion: "TLSv1.2" });
      let answered = "";
      socket.on("data", (data: Buffer) => (answered += data.toString("latin1")));
      const closed = new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
      socket.renegotiate({}, () => {});
      socket.write("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
      await closed;
      assert.equal(answered, "");
      assert.deepEqual(records, []);
    });

    for (const maxVersion of VERSIONS) {
      describe(maxVersion, () => {
        test("a session is resumed under its name, by other threads too, and under no other name or rule", async (t) => {
          const closed = { clients: ruleFor("required") };
          const certificates = [
            await served(["a.test"]),
            await served(["b.test"]),
            await served(["c.test"], closed),
            await served(["d.test"], closed),
          ];
          const one = await startTls(t, way, settings(certificates));
          const two = await startTls(t, way, settings(certificates));
          // Tickets are bound to the listener's address: the two have the same one.
          assert.equal(one.context.config.address, two.context.config.address);
          const session = await sessionOf(await connect(t, one.port, { maxVersion }));
          assert.equal((await connect(t, two.port, { maxVersion, session })).isSessionReused(), true);
          assert.equal((await connect(t, two.port, { maxVersion, session, servername: "b.test" })).isSessionReused(), false);
          for (const servername of ["c.test", "d.test"]) {
            assert.match(
              await refusal(t, two.port, { maxVersion, session, servername }),
              way === "raw" ? NO_CERTIFICATE : /^(?:ERR_SSL.*(?:CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE)|ECONNRESET)$/,
            );
          }
          const { certificate: cert, key } = await clientCertificate("CN=alice");
          const verified = await sessionOf(await connect(t, one.port, { maxVersion, cert, key, servername: "c.test" }));
          const again = await connect(t, two.port, { maxVersion, session: verified, servername: "c.test" });
          assert.equal(again.isSessionReused(), true);
          const other = await refusal(t, two.port, { maxVersion, session: verified, servername: "d.test" });
          assert.match(other, way === "raw" ? NO_CERTIFICATE : /^ERR_SSL|ECONNRESET/);
        });

        test("tickets of the key before are accepted, of unknown keys not, and without keys there are none", async (t) => {
          const certificates = [await served(["a.test"])];
          const { port, context } = await startTls(t, way, settings(certificates));
          const session = await sessionOf(await connect(t, port, { maxVersion }));
          const next = { name: Buffer.alloc(16, 2), secret: Buffer.alloc(32, 2) };
          context.useTls(settings(certificates, { ticketKeys: [next, TICKET_KEY] }));
          assert.equal((await connect(t, port, { maxVersion, session })).isSessionReused(), true);
          context.useTls(settings(certificates, { ticketKeys: [next] }));
          assert.equal((await connect(t, port, { maxVersion, session })).isSessionReused(), false);
          context.useTls(settings(certificates, { ticketKeys: [] }));
          assert.equal((await connect(t, port, { maxVersion, session })).isSessionReused(), false);
        });

        test("a client's certificate is asked for, verified and known to requests", async (t) => {
          const alice = await clientCertificate("CN=alice,O=Example");
          const bob = await clientCertificate("CN=bob");
          const crl = await revocationList([bob]);
          const { port, records, context } = await startTls(
            t,
            way,
            settings([await served(["a.test"], { clients: ruleFor("required", { crl }) })]),
          );
          const told = t.mock.method(context.notices, "onCertificateRefused");
          const good = await connect(t, port, { maxVersion, cert: alice.certificate, key: alice.key });
          assert.match(await ask(good), /^HTTP\/1\.1 200 /);
          assert.equal(records.length, 1);
          assert.match(await refusal(t, port, { maxVersion }), /^ERR_SSL/);
          assert.equal(await refusal(t, port, { maxVersion, cert: bob.certificate, key: bob.key }), "answered HTTP/1.1 400 Ba");
          const { certificate: foreign, key } = await certificateFor(["own.test"]);
          // A server's certificate is not one for clients.
          assert.equal(await refusal(t, port, { maxVersion, cert: foreign, key }), "answered HTTP/1.1 400 Ba");
          assert.deepEqual(
            records.map(({ outcome, route }) => [outcome, route]),
            [["completed", "#1"], ...[1, 2].map(() => ["client_certificate_refused", ""])],
          );
          assert.deepEqual(
            told.mock.calls.map(({ arguments: [{ serverName, why, subject }] }) => [serverName, why, subject]),
            [
              ["a.test", "none was shown, and client_certificates.mode is required", ""],
              ["a.test", "it is revoked (client_certificates.crl_file)", "CN=bob"],
              ["a.test", "its extended key usage does not allow it for clients", "CN=own.test"],
            ],
          );
        });

        test("a stricter rule holds for open connections too: after the request that is under way they close", async (t) => {
          const alice = await clientCertificate("CN=alice");
          const open = await served(["a.test"], { clients: ruleFor("optional") });
          const { port, context } = await startTls(t, way, settings([open, await served(["b.test"])]));
          const [idle, other] = [await connect(t, port, { maxVersion }), await connect(t, port, { maxVersion, servername: "b.test" })];
          const requests = (socket: tls.TLSSocket, name: string): Promise<[Buffer]> => {
            socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
            return once(socket, "data") as Promise<[Buffer]>;
          };
          await requests(idle, "a.test");
          await requests(other, "b.test");
          const closed = once(idle, "close");
          context.useTls(settings([{ ...open, ocsp: null }, await served(["b.test"])]));
          assert.equal(String(await requests(idle, "a.test")).includes("Connection: close"), false);
          const crl = await revocationList([alice]);
          context.useTls(settings([{ ...open, clients: ruleFor("required", { crl }) }, await served(["b.test"])]));
          assert.match(String(await requests(idle, "a.test")), /\r\nConnection: close\r\n/);
          await closed;
          assert.equal(String(await requests(other, "b.test")).includes("Connection: close"), false);
        });

        test("optional: without a certificate a client is served, with a wrong one it is not", async (t) => {
          const { port } = await startTls(t, way, settings([await served(["a.test"], { clients: ruleFor("optional") })]));
          assert.match(await ask(await connect(t, port, { maxVersion })), /^HTTP\/1\.1 200 /);
          const { certificate: cert, key } = await certificateFor(["own.test"]);
          assert.equal(await refusal(t, port, { maxVersion, cert, key }), "answered HTTP/1.1 400 Ba");
        });

        test("large bodies pass whole in both directions, with a reader that is slow", async (t) => {
          const body = Buffer.alloc(3 * 1024 ** 2, "abcdefghij");
          let received = 0;
          const { port } = await startTls(t, way, settings([await served(["a.test"])]), (socket, data) => {
            received += data.length;
            if (received >= body.length)
              socket.end(Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body]));
          });
          const socket = await connect(t, port, { maxVersion });
          socket.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`);
          socket.write(body);
          const chunks: Buffer[] = [];
          for await (const chunk of socket as AsyncIterable<Buffer>) {
            chunks.push(chunk);
            if (chunks.length % 16 === 0) await new Promise(setImmediate);
          }
          const answer = Buffer.concat(chunks);
          assert.ok(answer.subarray(answer.indexOf("\r\n\r\n") + 4).equals(body));
        });

        test("an answer's end is said: close_notify comes before the connection's end", async (t) => {
          const { port } = await startTls(t, way, settings([await served(["a.test"])]));
          const records = await recordTypes(t, port, maxVersion);
          // In TLS 1.3 an alert looks like data: the last record is as long as one alert.
          assert.equal(maxVersion === "TLSv1.2" ? records.at(-1)?.type : records.at(-1)?.length, maxVersion === "TLSv1.2" ? 21 : 19);
        });
      });
    }
  });
}

/** A relay that passes what clients send byte by byte, each in a packet of its own. */
async function slowly(target: number): Promise<{ readonly port: number; close(): void }> {
  const server = net.createServer((from) => {
    const to = net.connect({ port: target, host: "127.0.0.1", noDelay: true });
    from.on("error", () => {}).on("close", () => to.destroy());
    to.on("error", () => {}).on("close", () => from.destroy());
    to.pipe(from);
    let sending: Promise<void> = Promise.resolve();
    from.on("data", (data: Buffer) => {
      sending = sending.then(async () => {
        for (let at = 0; at < data.length; at++) {
          to.write(data.subarray(at, at + 1));
          await new Promise(setImmediate);
        }
      });
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as net.AddressInfo).port, close: () => server.close() };
}

/** Type and length of all records that the listener sends on one connection with one request. */
async function recordTypes(
  t: Parameters<typeof connect>[0],
  target: number,
  maxVersion: tls.SecureVersion,
): Promise<readonly { readonly type: number; readonly length: number }[]> {
  const seen: Buffer[] = [];
  const server = net.createServer((from) => {
    const to = net.connect(target, "127.0.0.1");
    to.on("data", (data: Buffer) => void seen.push(data));
    from
      .on("error", () => {})
      .pipe(to)
      .on("error", () => {})
      .pipe(from);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  await ask(await connect(t, (server.address() as net.AddressInfo).port, { maxVersion }));
  const bytes = Buffer.concat(seen);
  const records = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    records.push({ type: bytes[at] ?? 0, length: bytes.readUInt16BE(at + 3) });
  }
  return records;
}
