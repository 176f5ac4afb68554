/** A reader that remembers earlier messages must give the same results as a reader that remembers nothing. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { Http1RequestHead } from "../http1-request-head.ts";
import { DEFAULT_LIMITS, RESPONSE_LIMITS } from "../limits.ts";
import { Event } from "../message-reader.ts";
import { RequestReader } from "../request-reader.ts";
import { ResponseReader } from "../response-reader.ts";
import { latin1, readRequests } from "../transcript.test.ts";

const START_LINES = [
  "GET / HTTP/1.1",
  "GET /longer?q=1 HTTP/1.1",
  "POST / HTTP/1.1",
  "HEAD /a HTTP/1.0",
  "OPTIONS * HTTP/1.1",
  "TRACE / HTTP/1.1",
];
const LINES = [
  "Host: a.test",
  "Host: b.test",
  "X-A: 1",
  "X-A: 2",
  "X_A: 1",
  "Content-Length: 0",
  "Content-Length: 3",
  "Transfer-Encoding: chunked",
  "Connection: close",
  "X-Long: vvvvvvvv",
  "X-Bad: \x00",
];
const BODIES: Readonly<Record<string, string>> = { "Content-Length: 3": "abc", "Transfer-Encoding: chunked": "3\r\nabc\r\n0\r\n\r\n" };

const message = fc
  .record({ start: fc.constantFrom(...START_LINES), lines: fc.array(fc.constantFrom(...LINES), { maxLength: 4 }), host: fc.boolean() })
  .map(({ start, lines, host }) => {
    const all = host ? ["Host: a.test", ...lines] : lines;
    const body = all.map((line) => BODIES[line] ?? "").find((text) => text !== "") ?? "";
    return `${start}\r\n${all.map((line) => `${line}\r\n`).join("")}\r\n${body}`;
  });

test("one reader for many similar messages gives the same as a fresh reader for each", () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 2, maxLength: 6 }), fc.array(fc.nat(600), { maxLength: 3 }), (wires, cuts) => {
      const wire = latin1(wires.join(""));
      const within = cuts.map((cut) => cut % wire.length).sort((a, b) => a - b);
      const together = readRequests(wire, { cuts: within });
      for (const [index, seen] of together.messages.entries()) {
        const alone = readRequests(latin1(wires[index] ?? "")).messages[0];
        assert.deepEqual(seen, alone);
      }
      const fault = readRequests(latin1(wires[together.messages.length] ?? "")).fault;
      if (together.messages.length < wires.length) assert.equal(together.fault, fault);
    }),
    { numRuns: 2000 },
  );
});

test("the same holds when messages come at the same place in memory: whole, in pieces, or several at once", () => {
  const repeated = fc.array(fc.record({ wire: message, repeat: fc.integer({ min: 1, max: 5 }) }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(repeated, fc.array(fc.nat(600), { maxLength: 2 }), fc.array(fc.nat(20), { maxLength: 2 }), (all, cuts, joined) => {
      const wires = all.flatMap(({ wire, repeat }) => Array.from({ length: repeat }, () => wire));
      let length = 0;
      const ends = wires.map((wire) => (length += wire.length)).filter((_, index) => !joined.includes(index));
      const within = [...ends, ...cuts.map((cut) => cut % length)].sort((a, b) => a - b);
      const together = readRequests(latin1(wires.join("")), { cuts: within, inPlace: true });
      for (const [index, seen] of together.messages.entries()) {
        assert.deepEqual(seen, readRequests(latin1(wires[index] ?? "")).messages[0]);
      }
      const fault = readRequests(latin1(wires[together.messages.length] ?? "")).fault;
      if (together.messages.length < wires.length) assert.equal(together.fault, fault);
    }),
    { numRuns: 2000 },
  );
});

test("smaller limits apply to a head that was accepted before", () => {
  const wire = latin1("GET /some/path HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\n\r\n");
  for (const [limits, code] of [
    [{ startLineBytesMax: 20 }, "start_line_too_long"],
    [{ headBytesMax: wire.length - 1 }, "head_too_large"],
  ] as const) {
    const reader = new RequestReader(DEFAULT_LIMITS);
    for (let count = 0; count < 4; count++) {
      reader.feed(wire, 0, wire.length, true);
      assert.deepEqual([reader.next(), reader.next()], [Event.head, Event.end]);
      reader.restart(reader.head);
    }
    reader.limitTo({ ...DEFAULT_LIMITS, ...limits });
    reader.feed(wire, 0, wire.length, true);
    assert.equal(reader.next(), Event.fault);
    assert.equal(reader.fault.code, code);
  }
});

test("a head at the same place as the previous one is not taken for it, nor for one that was forgotten", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const memory = Buffer.alloc(256);
  const ask = (wire: string): Http1RequestHead => {
    memory.write(wire, 0, "latin1");
    reader.feed(memory, 0, wire.length, true);
    assert.deepEqual([reader.next(), reader.next()], [Event.head, Event.end]);
    const { head } = reader;
    reader.restart(head);
    return head;
  };
  const wire = `GET / HTTP/1.1\r\nHost: a.test\r\nCookie: ${"c".repeat(40)}\r\nX-Changing: ?\r\n\r\n`;
  const editions = [1, 2, 3, 4, 5].map(() => ask(wire).edition);
  assert.equal(new Set(editions.slice(1)).size, 1);
  reader.head.hidden = -1;
  assert.equal(ask(wire).get("host"), "a.test");
  // One line stays and one changes: most messages are read by runs, which do not remember the whole head, and some are not.
  const askFor = (value: string): void => assert.equal(ask(wire.replace("?", value)).get("x-changing"), value);
  for (let count = 0; count < 200; count++) for (const which of ["a", "a", "a", "b", "a", "b"]) askFor(`${which}${count}`);
  assert.equal(ask(wire.replace("a.test", "b.test")).host, "b.test");
  assert.equal(ask(wire).host, "a.test");
  reader.forget();
  assert.equal(ask(wire.replace("a.test", "c.test")).host, "c.test");
});

test("lines that change once a second are recognised from the second message on that has them", () => {
  const reader = new ResponseReader(RESPONSE_LIMITS);
  reader.toHead = true;
  const ask = (second: number): number => {
    const wire = latin1(
      `HTTP/1.1 200 OK\r\nDate: Mon, 23 Nov 2026 10:00:0${second} GMT\r\nServer: one of many words\r\nContent-Length: 0\r\n\r\n`,
    );
    reader.feed(wire, 0, wire.length);
    assert.deepEqual([reader.next(), reader.next()], [Event.head, Event.end]);
    assert.match(reader.head.get("date") ?? "", new RegExp(`0${second} GMT`));
    reader.restart(reader.head);
    return reader.head.edition;
  };
  for (let second = 0; second < 10; second++) {
    const editions = Array.from({ length: 6 }, () => ask(second));
    // A connection's first message is not remembered.
    assert.equal(new Set(editions.slice(second === 0 ? 1 : 0)).size, 1, `second ${second}`);
  }
});

test("the lines of a refused or incomplete message are not used for the next one", () => {
  const head = new Http1RequestHead();
  const limits = DEFAULT_LIMITS;
  const feed = (reader: RequestReader, wire: string): number => {
    const bytes = Buffer.from(wire, "latin1");
    reader.feed(bytes, 0, bytes.length);
    return reader.next();
  };
  const first = new RequestReader(limits, head);
  assert.equal(feed(first, "GET / HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\n\r\n"), 1);
  // The same head object serves another connection. Its lines come in two pieces and overwrite the remembered ones.
  const second = new RequestReader(limits, head);
  assert.equal(feed(second, "GET / HTTP/1.1\r\nX-B"), 0);
  assert.equal(feed(second, ": 2\r\nHost: b.test\r\n\r\n"), 1);
  assert.deepEqual([head.count, head.name(0), head.value(1)], [2, "X-B", "b.test"]);
});

test("lines are recalled up to the size of large cookies, and longer ones are read each time", () => {
  for (const [length, isRecalled] of [
    [100, true],
    [900, true],
    [3900, true],
    [16_000, true],
    [17_000, false],
  ] as const) {
    const reader = new RequestReader(DEFAULT_LIMITS);
    const wire = latin1(`GET / HTTP/1.1\r\nHost: a.test\r\nCookie: ${"c".repeat(length)}\r\n\r\n`);
    const [first, ...editions] = [1, 2, 3, 4].map(() => {
      reader.feed(wire, 0, wire.length);
      assert.deepEqual([reader.next(), reader.head.get("cookie")?.length, reader.next()], [Event.head, length, Event.end]);
      const { edition } = reader.head;
      reader.restart(reader.head);
      return edition;
    });
    assert.equal(new Set(editions).size === 1, isRecalled, `${length}`);
    assert.notEqual(first, editions[0], "of the first message of a connection nothing is remembered");
    reader.forget();
  }
});

test("a Host that was checked on another connection is accepted, and a malformed one is refused on every connection", () => {
  const ask = (host: string): string => {
    const reader = new RequestReader(DEFAULT_LIMITS);
    const wire = Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, "latin1");
    reader.feed(wire, 0, wire.length);
    return reader.next() === Event.head ? `${reader.head.authority} ${reader.head.host}` : reader.fault.code;
  };
  const hosts = ["A.test:80", "A.test:80", "", "", "a b", "A.test:80", "b.test.", "\u00e4", "b.test."];
  const seen = ["A.test:80 a.test", "A.test:80 a.test", "host_invalid", "host_invalid", "host_invalid", "A.test:80 a.test"];
  assert.deepEqual(hosts.map(ask), [...seen, "b.test. b.test", "host_invalid", "b.test. b.test"]);
});
