/** TLS towards endpoints over real sockets: verification, sessions, and how connections end. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import tls from "node:tls";
import { TestAuthority } from "../../../test/support/certificates.ts";
import { plainConfig } from "../../config/plain.ts";
import { Endpoint } from "../../proxy/upstream/endpoint.ts";
import { endpointSettings } from "../../proxy/upstream/endpoint-settings.ts";
import { NameTable } from "../../shared/name-table.ts";
import { dial } from "./dial.ts";
import { TRUNCATED } from "./raw-tls-transport.ts";
import { tlsAccess } from "./tls-access.ts";
import type { Transport, TransportReader, TransportWriter } from "./transport.ts";

const authority = await TestAuthority.create();

interface Wishes {
  readonly names?: readonly string[];
  readonly valid?: "now" | "expired";
  readonly serverName?: string;
  readonly verify?: boolean;
  readonly maxVersion?: tls.SecureVersion;
}

/** A server that answers each connection with what `serve` does, and an endpoint that leads to it. */
async function serverFor(t: TestContext, serve: (socket: tls.TLSSocket) => void, wishes: Wishes = {}): Promise<Endpoint> {
  const { chain: cert, key } = await authority.issue(wishes.names ?? ["127.0.0.1", "app.test"], { valid: wishes.valid ?? "now" });
  const server = tls.createServer({ cert, key, ...(wishes.maxVersion === undefined ? {} : { maxVersion: wishes.maxVersion }) });
  server.on("secureConnection", (socket) => serve(socket.on("error", () => {})));
  return endpointOf(t, server, wishes);
}

async function endpointOf(t: TestContext, server: net.Server, { serverName, verify = true }: Wishes = {}): Promise<Endpoint> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  server.on("connection", (socket: net.Socket) => t.after(() => socket.destroy()));
  t.after(() => server.close());
  const url = `https://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  const [config] = Object.values(plainConfig("127.0.0.1:0", url).upstreams);
  assert.ok(config !== undefined);
  const named = serverName === undefined ? {} : { server_name: serverName };
  const settings = endpointSettings(
    { ...config, tls: { ...config.tls, verify, ca_file: "ca.pem", ...named } },
    () => authority.certificate,
  );
  return new Endpoint("app", url, 0, 0, settings);
}

/** One end of a connection, with what it is told. */
class End implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(16 * 1024);
  readonly told: string[] = [];
  received: number = 0;
  transport: Transport;
  private readonly events: Map<string, () => void> = new Map();

  constructor(endpoint: Endpoint, preface: string = "") {
    this.transport = dial(
      endpoint,
      new NameTable(),
      this,
      this,
      (transport) => {
        this.transport = transport;
        this.tell("connected");
      },
      preface,
    );
  }

  /** Resolves when it is told something that begins so. */
  until(what: string): Promise<void> {
    if (this.told.some((each) => each.startsWith(what))) return Promise.resolve();
    return new Promise((resolve) => this.events.set(what, resolve));
  }

  private tell(what: string): void {
    this.told.push(what);
    for (const [wanted, resolve] of this.events) if (what.startsWith(wanted)) resolve();
  }

  onRead(_: Buffer, count: number): void {
    this.received += count;
    this.tell("read");
  }

  onEnd(): void {
    this.tell("end");
  }

  onClosed(code: string | null): void {
    this.tell(`closed ${code ?? "well"}`);
  }

  onWritten(): void {
    this.tell("written");
  }

  onWriteFailed(): void {
    this.tell("write failed");
  }
}

describe("a TLS connection to an endpoint", { skip: tlsAccess() === null, timeout: 20_000 }, () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`${maxVersion}: the next one resumes the session of the one before`, async (t) => {
      const resumed: boolean[] = [];
      const endpoint = await serverFor(
        t,
        (socket) => {
          resumed.push(socket.isSessionReused());
          socket.end("hello");
        },
        { maxVersion },
      );
      for (let count = 0; count < 3; count++) {
        const end = new End(endpoint);
        await end.until("end");
        end.transport.destroy();
        await end.until("closed");
      }
      assert.deepEqual(resumed, [false, true, true]);
    });

    test(`${maxVersion}: an end without close_notify is no end`, async (t) => {
      const endpoint = await serverFor(t, (socket) => void socket.write("cut", () => cut(socket)), { maxVersion });
      const end = new End(endpoint);
      await end.until("closed");
      assert.equal(end.received, 3);
      assert.equal(end.told.at(-1), `closed ${TRUNCATED}`);
    });
  }

  test("a certificate that is not accepted leaves no session behind, however many connections there are at once", async (t) => {
    let served = 0;
    const endpoint = await serverFor(t, (socket) => void socket.end(`${served++}`), { names: ["other.test"] });
    const ends = Array.from({ length: 5 }, () => new End(endpoint));
    await Promise.all(ends.map((end) => end.until("closed")));
    const late = new End(endpoint);
    await late.until("closed");
    for (const { told } of [...ends, late]) assert.deepEqual(told, ["closed ERR_TLS_CERT_ALTNAME_INVALID"]);
    assert.equal(endpoint.session, null);
  });

  test("an expired certificate, and one that nobody trusts, are refused", async (t) => {
    const expired = new End(await serverFor(t, (socket) => void socket.end(), { valid: "expired" }));
    await expired.until("closed");
    assert.deepEqual(expired.told, ["closed CERT_HAS_EXPIRED"]);
    const foreign = await (await TestAuthority.create()).issue(["127.0.0.1"]);
    const untrusted = new End(await endpointOf(t, tls.createServer({ cert: foreign.chain, key: foreign.key })));
    await untrusted.until("closed");
    assert.match(untrusted.told.join(), /^closed (UNABLE_TO_\w+|SELF_SIGNED_\w+)$/);
  });

  test("the certificate may carry the name that the configuration says, and need carry none without verification", async (t) => {
    for (const wishes of [{ serverName: "app.test" }, { names: ["x.test"], valid: "expired", verify: false }] as const) {
      const end = new End(await serverFor(t, (socket) => void socket.end("ok"), wishes));
      await end.until("end");
      assert.deepEqual(end.told, ["connected", "read", "end"]);
    }
  });

  test("a peer that speaks something else, says nothing, or leaves in the handshake", async (t) => {
    const plain = new End(
      await endpointOf(
        t,
        net.createServer((socket) => void socket.on("error", () => {}).end("HTTP/1.1 400 Bad\r\n\r\n")),
      ),
    );
    await plain.until("closed");
    assert.match(plain.told.join(), /^closed ERR_SSL_/);
    const leaving = new End(
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
    const end = new End(silent);
    end.transport.destroy("TIME");
    await end.until("closed");
    assert.deepEqual(end.told, ["closed TIME"]);
  });

  test("what is to go first goes before TLS", async (t) => {
    const first: Buffer[] = [];
    const server = net.createServer((socket) => void socket.on("error", () => {}).on("data", (data: Buffer) => void first.push(data)));
    const end = new End(await endpointOf(t, server), "PROXY UNKNOWN\r\n");
    while (Buffer.concat(first).length < 100) await new Promise(setImmediate);
    assert.ok(Buffer.concat(first).toString("latin1").startsWith("PROXY UNKNOWN\r\n\x16\x03\x01"));
    end.transport.destroy();
  });

  test("more than the kernel takes at once waits until the endpoint reads, and then all has arrived", async (t) => {
    const much = Buffer.alloc(12 * 1024 ** 2, "x");
    let arrived = 0;
    const { promise: accepted, resolve } = Promise.withResolvers<tls.TLSSocket>();
    const end = new End(await serverFor(t, resolve));
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
      const end = new End(endpoint);
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

/** Ends the TCP connection below TLS. */
function cut(socket: tls.TLSSocket): void {
  const { _parent: below } = socket as tls.TLSSocket & { readonly _parent?: net.Socket };
  assert.ok(below !== undefined, "no socket below");
  below.end();
}
