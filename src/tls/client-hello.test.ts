import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { describe, test } from "node:test";
import tls from "node:tls";
import { HELLO_BYTES_MAX, readClientHello } from "./client-hello.ts";

/** The first bytes that a client of Node's sends. */
async function helloOf(options: tls.ConnectionOptions): Promise<Buffer> {
  const socket = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _, done) => {
      socket.emit("sent", chunk);
      done();
    },
  });
  const sent = once(socket, "sent") as Promise<[Buffer]>;
  const client = tls.connect({ socket, ...options });
  client.on("error", () => {});
  const [bytes] = await sent;
  client.destroy();
  return Buffer.from(bytes);
}

interface Extension {
  readonly type: number;
  readonly body: Buffer;
}

/** A ClientHello out of parts, in one record. */
function hello(extensions: readonly Extension[] | null, { suites = 2, sessionId = 0 } = {}): Buffer {
  const all =
    extensions === null
      ? Buffer.alloc(0)
      : sized(Buffer.concat(extensions.map(({ type, body }) => Buffer.concat([uint16(type), sized(body)]))));
  const message = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([sessionId]),
    Buffer.alloc(sessionId, 1),
    sized(Buffer.alloc(suites, 0x13)),
    Buffer.from([1, 0]),
    all,
  ]);
  return record(Buffer.concat([Buffer.from([1, 0]), sized(message)]));
}

function record(fragment: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 1]), sized(fragment)]);
}

function sized(body: Buffer): Buffer {
  return Buffer.concat([uint16(body.length), body]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function sni(name: string, { kind = 0, entries = 1 } = {}): Extension {
  const entry = Buffer.concat([Buffer.from([kind]), sized(Buffer.from(name, "latin1"))]);
  return { type: 0, body: sized(Buffer.concat(Array.from({ length: entries }, () => entry))) };
}

function alpn(...names: readonly string[]): Extension {
  return {
    type: 16,
    body: sized(Buffer.concat(names.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name, "latin1")])))),
  };
}

function read(bytes: Buffer): ReturnType<typeof readClientHello> {
  return readClientHello(bytes, 0, bytes.length);
}

/** That the first bytes are no whole message, and that as many as they are said to lack are left. */
function assertMissing(bytes: Buffer, end: number): void {
  const missing = readClientHello(bytes, 0, end);
  assert.ok(typeof missing === "number" && missing > 0 && missing <= bytes.length - end, `${String(missing)} after ${end} bytes`);
}

describe("a ClientHello", () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`of a real client of ${maxVersion}, split at every byte`, async () => {
      const bytes = await helloOf({ servername: "App.Example.COM", ALPNProtocols: ["h2", "http/1.1"], maxVersion });
      for (let end = 0; end < bytes.length; end++) assertMissing(bytes, end);
      assert.deepEqual(read(bytes), { serverName: "app.example.com", protocols: ["h2", "http/1.1"] });
      const inside = Buffer.concat([Buffer.from("before"), bytes, Buffer.from("after")]);
      assert.deepEqual(readClientHello(inside, 6, inside.length - 5), read(bytes));
    });
  }

  test("without a name, and without any extension", async () => {
    assert.deepEqual(read(await helloOf({ host: "127.0.0.1" })), { serverName: null, protocols: [] });
    assert.deepEqual(read(hello(null)), { serverName: null, protocols: [] });
    assert.deepEqual(read(hello([])), { serverName: null, protocols: [] });
  });

  test("in many records, even of one byte each", () => {
    const whole = hello([sni("a.test"), alpn("http/1.1")]).subarray(5);
    for (const size of [1, 2, 3, 4, 5, 50]) {
      const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => record(whole.subarray(at * size, (at + 1) * size)));
      const bytes = Buffer.concat(pieces);
      for (let end = 0; end < bytes.length; end++) assertMissing(bytes, end);
      assert.deepEqual(read(bytes), { serverName: "a.test", protocols: ["http/1.1"] });
    }
  });

  test("what follows in further records is not looked at", () => {
    assert.deepEqual(read(Buffer.concat([hello([sni("a.test")]), Buffer.from([20, 3, 3, 0, 1, 1])])), {
      serverName: "a.test",
      protocols: [],
    });
  });

  test("a dot at the name's end is dropped", () => {
    assert.deepEqual(read(hello([sni("A.Test.")])), { serverName: "a.test", protocols: [] });
  });

  for (const [what, bytes] of [
    ["with two names", hello([sni("a.test", { entries: 2 })])],
    ["with SNI twice", hello([sni("a.test"), sni("b.test")])],
    ["with ALPN twice", hello([alpn("h2"), alpn("http/1.1")])],
    ["with an empty name", hello([sni("")])],
    ["with a name of another kind", hello([sni("a.test", { kind: 1 })])],
    ["with a control character in its name", hello([sni("a\0b")])],
    ["with a space in its name", hello([sni("a b")])],
    ["with a byte above ASCII in its name", hello([sni("\u00e4.test")])],
    ["with a name of 256 bytes", hello([sni("a".repeat(256))])],
    ["with an empty protocol", hello([alpn("")])],
    ["with an empty list of protocols", hello([alpn()])],
    ["with an extension that is longer than the message", Buffer.from(hello([sni("a.test")])).fill(0xff, 53, 55)],
    ["with a second message in its record", record(Buffer.concat([hello([sni("a.test")]).subarray(5), Buffer.from([1, 0, 0, 0])]))],
    ["in an empty record", Buffer.from([22, 3, 1, 0, 0])],
    ["in a record that is too long", Buffer.from([22, 3, 1, 0x40, 1, 1])],
    ["that another record interrupts", Buffer.concat([record(Buffer.from([1, 0])), Buffer.from([23, 3, 3, 0, 1, 0])])],
    ["that is announced longer than allowed", record(Buffer.from([1, 1, 0, 0]))],
    ["of another version than 3.x", Buffer.from([22, 2, 0])],
    ["that is another message", record(Buffer.from([2, 0, 0, 0]))],
    ["of SSL 2", Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ["that is a record of data", Buffer.from([23, 3, 3, 0, 1, 0])],
    ["that is no text and no TLS", Buffer.from([0, 1, 2])],
  ] as const) {
    test(`${what} is refused, and is never taken before that`, () => {
      assert.equal(read(bytes), "invalid");
      for (let end = 1; end < bytes.length; end++) assert.notEqual(typeof readClientHello(bytes, 0, end), "object", `after ${end} bytes`);
    });
  }

  test("plain HTTP is recognised by its first byte", () => {
    for (const text of ["G", "GET / HTTP/1.1\r\n", "post / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n"])
      assert.equal(read(Buffer.from(text)), "plain");
    assert.equal(read(Buffer.alloc(0)), 1);
  });

  test("in records of one byte is not read again with each of them", () => {
    const whole = hello([sni("a.test"), { type: 21, body: Buffer.alloc(5000) }]).subarray(5);
    const bytes = Buffer.concat([...whole].map((byte) => record(Buffer.from([byte]))));
    let readings = 1;
    let end = 0;
    for (let missing = readClientHello(bytes, 0, end); typeof missing === "number"; missing = readClientHello(bytes, 0, end)) {
      end += missing;
      readings++;
    }
    assert.ok(readings < 100, `${readings} readings`);
    assert.deepEqual(readClientHello(bytes, 0, end), { serverName: "a.test", protocols: [] });
  });

  test("that is too long with the headers of its records is refused before it is whole", () => {
    const pieces = Array.from({ length: 6000 }, (_, at) => record(Buffer.from([at === 0 ? 1 : at === 2 ? 0x40 : 0])));
    assert.equal(read(Buffer.concat(pieces.slice(0, 4000))), "invalid");
  });

  test("that never ends is refused once it is too long", () => {
    const endless = Buffer.concat(Array.from({ length: HELLO_BYTES_MAX }, () => record(Buffer.from([1]))));
    assert.equal(read(endless), "invalid");
  });

  test("bytes that are changed at random lead to an answer and never to a fault", () => {
    const good = hello([sni("a.test"), alpn("h2", "http/1.1"), { type: 43, body: Buffer.from([2, 3, 4]) }]);
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const bad = Buffer.from(good);
        bad[at] = value;
        const result = read(bad);
        assert.ok(typeof result === "object" || typeof result === "number" || ["invalid", "plain"].includes(result));
      }
    }
  });
});
