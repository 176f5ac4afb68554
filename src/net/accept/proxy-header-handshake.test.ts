import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { compileCidrs } from "../../base/cidr.ts";
import { IPV4_ADDRESSES, buildV2, tlsTlv } from "../../proxy-protocol/build-v2.fixture.ts";
import { MemoryNetwork } from "../transport/memory/memory-network.ts";
import type { AcceptedTransport, Transport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { Handshake } from "./handshake.ts";
import { LineHandshake } from "./line-handshake.fixture.ts";
import { ProxyHeaderHandshake } from "./proxy-header-handshake.ts";

/** Keeps what comes over a connection. */
class End implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(256);
  transport: Transport | null = null;
  received: string = "";
  isOver: boolean = false;

  onRead(buffer: Buffer, count: number): void {
    this.received += buffer.toString("latin1", 0, count);
  }

  onEnd(): void {
    this.isOver = true;
  }

  onClosed(): void {
    this.isOver = true;
  }

  onWritten(): void {}
  onWriteFailed(): void {}
}

interface Course {
  readonly said: readonly string[];
  readonly facts: ConnectionFacts | null;
  /** What the reader after the handshake got. */
  readonly received: string;
  readonly limitMs: number;
}

/** Lets a sender at 10.0.0.1 send these pieces. */
function course(
  pieces: readonly (string | Uint8Array)[],
  next: Handshake | null = null,
  after: (client: Transport) => void = () => {},
): Course {
  const network = new MemoryNetwork();
  const said: string[] = [];
  const reader = new End();
  let facts: ConnectionFacts | null = null;
  const onRefused = (sender: string, why: string): void => void said.push(`${sender} ${why}`);
  const onTurnedAway = (limit: string, client: string): void => void said.push(`${client} ${limit}`);
  const handshake = new ProxyHeaderHandshake({ from: compileCidrs(["10.0.0.0/24"]), limitMs: 5000, next, onRefused, onTurnedAway });
  network.listen("proxy:80", (open, peer) => {
    handshake.begin(open, peer ?? "", {
      finished(open, found) {
        facts = found;
        const transport: AcceptedTransport = open(reader, reader);
        transport.start();
      },
      refused: () => assert.fail(),
      closed: () => void said.push("closed"),
    });
  });
  const client = new End();
  network.connect("proxy:80", client, client, (transport) => (client.transport = transport), "10.0.0.1");
  network.settle();
  assert.ok(client.transport !== null);
  for (const piece of pieces) {
    client.transport.write(typeof piece === "string" ? piece : [Buffer.from(piece)]);
    network.settle();
  }
  after(client.transport);
  network.settle();
  return { said, facts, received: reader.received, limitMs: handshake.limitMs };
}

const V1 = "PROXY TCP4 192.0.2.1 198.51.100.2 258 443\r\n";
const REQUEST = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

describe("after the header", () => {
  for (const [how, pieces] of [
    ["in one read with the request", [V1 + REQUEST]],
    ["alone", [V1, REQUEST]],
    ["in two pieces", [V1.slice(0, 20), V1.slice(20) + REQUEST.slice(0, 3), REQUEST.slice(3)]],
    ["byte by byte", [...V1, ...REQUEST]],
  ] as const) {
    test(`that comes ${how}, the next reader gets every byte, and the client is the peer`, () => {
      const { said, facts, received } = course(pieces);
      assert.deepEqual([said, received], [[], REQUEST]);
      const addresses = { source: "192.0.2.1", sourcePort: 258, destination: "198.51.100.2", destinationPort: 443 };
      const proxied = { sender: "10.0.0.1", header: { version: 1, addresses, details: null } };
      assert.deepEqual(facts, { peer: "192.0.2.1", client: "192.0.2.1", secure: false, tls: null, proxied });
    });
  }

  test("a second header is the protocol's own bytes", () => {
    assert.equal(course([V1 + V1 + REQUEST]).received, V1 + REQUEST);
  });

  test("a sender that speaks for itself is its own client", () => {
    const { facts } = course([buildV2({ command: 0x20, family: 0, addresses: "" }), REQUEST]);
    assert.deepEqual([facts?.peer, facts?.client, facts?.secure], ["10.0.0.1", "10.0.0.1", false]);
  });

  test("a client that speaks TLS to the sender is on https", () => {
    const { facts } = course([buildV2({ tlvs: [tlsTlv(1, 0, [{ type: 0x21, value: "TLSv1.3" }]), { type: 2, value: "a.test" }] })]);
    assert.deepEqual([facts?.secure, facts?.proxied?.header.details?.authority], [true, "a.test"]);
  });

  test("a further handshake follows, with the client as its peer", () => {
    const next = new LineHandshake(3000);
    const { said, facts, received, limitMs } = course([`${V1}for 203.0.113.9 sec`, `ure\n${REQUEST}`], next);
    assert.deepEqual([said, received, limitMs, next.begun], [[], REQUEST, 8000, 1]);
    assert.deepEqual([facts?.client, facts?.secure, facts?.proxied?.sender], ["192.0.2.1", true, "10.0.0.1"]);
  });

  test("a client that has its share of further handshakes already is closed", () => {
    const next = new LineHandshake();
    next.limitFor = (client) => (client === "192.0.2.1" ? "handshakes_per_client" : null);
    const { said, facts } = course(["PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"], next);
    assert.deepEqual([said, facts, next.begun], [["192.0.2.1 handshakes_per_client", "closed"], null, 0]);
    course(["PROXY TCP4 192.0.2.2 198.51.100.1 56324 443\r\n"], next);
    assert.equal(next.begun, 1);
  });

  test("a further handshake that fails closes the connection", () => {
    assert.deepEqual(course([`${V1}GET /\n`], new LineHandshake()).said, ["closed"]);
  });
});

describe("a connection is closed", () => {
  for (const [why, pieces] of [
    ["no_header", [REQUEST]],
    ["no_header", ["\x16\x03\x01"]],
    ["bad_line", ["PROXY TCP4 192.0.2.1\r\n"]],
    ["too_long", ["PROXY UNKNOWN ", "x".repeat(100)]],
    ["bad_length", [buildV2({ addresses: IPV4_ADDRESSES.slice(1) })]],
  ] as const) {
    test(`for ${why} in ${JSON.stringify(String(pieces[0]).slice(0, 20))}`, () => {
      assert.deepEqual(course(pieces), { said: [`10.0.0.1 ${why}`, "closed"], facts: null, received: "", limitMs: 5000 });
    });
  }

  test("if it ends within its header, and without a word if it sends nothing", () => {
    assert.deepEqual(course(["PROXY "], null, (client) => client.end()).said, ["10.0.0.1 incomplete", "closed"]);
    assert.deepEqual(course([], null, (client) => client.end()).said, ["closed"]);
    assert.deepEqual(course(["PROXY "], null, (client) => client.reset()).said, ["closed"]);
  });
});

test("a sender that may not speak for others is closed before its first byte is read", () => {
  const network = new MemoryNetwork();
  const said: string[] = [];
  const handshake = new ProxyHeaderHandshake({
    from: compileCidrs(["10.0.0.0/24"]),
    limitMs: 5000,
    next: null,
    onRefused: (sender, why) => void said.push(`${sender} ${why}`),
    onTurnedAway: () => assert.fail(),
  });
  network.listen("proxy:80", (open, peer) => {
    handshake.begin(open, peer ?? "", {
      finished: () => assert.fail(),
      refused: () => assert.fail(),
      closed: () => void said.push("closed"),
    });
    assert.deepEqual(said, ["10.0.1.1 outside"], "`closed` comes after `begin`");
  });
  const client = new End();
  network.connect("proxy:80", client, client, (transport) => void transport.write(V1 + REQUEST), "10.0.1.1");
  network.settle();
  assert.deepEqual([said, client.isOver, client.received], [["10.0.1.1 outside", "closed"], true, ""]);
});
