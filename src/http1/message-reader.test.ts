/** The protocol of calls that both readers share: feed, next, restart, takeRest, endOfInput; and the limits of a section. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { keptTrailers } from "../http/forward-fields.ts";
import { Framing } from "./body-framing.ts";
import { Http1RequestHead } from "./http1-request-head.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { Event } from "./message-reader.ts";
import { RequestReader } from "./request-reader.ts";
import { ResponseReader } from "./response-reader.ts";
import { assertSame, cutPoints, everyByte, latin1, readRequests, readResponses } from "./transcript.test.ts";

const HEAD = "POST /x HTTP/1.1\r\nHost: a.test\r\n";
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;

function fed(wire: string, limits: MessageLimits = DEFAULT_LIMITS): RequestReader {
  const reader = new RequestReader(limits);
  reader.feed(latin1(wire), 0, wire.length);
  return reader;
}

/** Calls `next` until it asks for more, ends or refuses, and returns the events. */
function drain(reader: RequestReader | ResponseReader): number[] {
  const events: number[] = [];
  for (;;) {
    const event = reader.next();
    events.push(event);
    if (event !== Event.head && event !== Event.data) return events;
  }
}

test("the events of a message come in order, and end stays end", () => {
  const reader = fed(`${HEAD}Content-Length: 5\r\n\r\nhello`);
  assert.deepEqual(drain(reader), [Event.head, Event.data, Event.end]);
  assert.equal(reader.next(), Event.end);
  assert.equal(reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd), "hello");
  assert.equal(reader.hasRest, false);
});

test("only the given part of a fed buffer is read", () => {
  const reader = new RequestReader(DEFAULT_LIMITS);
  const wire = `${HEAD}Content-Length: 5\r\n\r\nhello`;
  reader.feed(latin1(`XX${wire}YY`), 2, 2 + wire.length);
  assert.deepEqual(drain(reader), [Event.head, Event.data, Event.end]);
  assert.equal(reader.head.method, "POST");
  assert.equal(reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd), "hello");
  assert.equal(reader.hasRest, false);
});

test("a fed buffer may be overwritten once the reader asked for more, at every split", () => {
  // The harness overwrites every piece. Here the facts of a head that came in pieces are also checked one by one.
  const wire = latin1(`${HEAD}X-A: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 2\r\nX-U: 3\r\n\r\n`);
  for (let at = 1; at < wire.length; at++) {
    const reader = new RequestReader(DEFAULT_LIMITS);
    const buffer = Buffer.alloc(wire.length);
    let body = "";
    for (const [from, to] of [
      [0, at],
      [at, wire.length],
    ] as const) {
      wire.copy(buffer, 0, from, to);
      reader.feed(buffer, 0, to - from);
      for (let event = reader.next(); event === Event.head || event === Event.data; event = reader.next()) {
        if (event === Event.data) body += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      }
      buffer.fill(0x2a);
    }
    const { head, trailers } = reader;
    assert.equal(reader.next(), Event.end, `cut at ${at}`);
    assert.deepEqual(
      [head.method, head.target, head.value(1), head.value(2), body],
      ["POST", "/x", "1", "chunked", "hello"],
      `cut at ${at}`,
    );
    assert.equal(trailers?.text, "X-T: 2\r\nX-U: 3\r\n", `cut at ${at}`);
  }
});

test("a head's text and offsets are those of the head alone, even after another message", () => {
  const reader = fed(`${HEAD}Content-Length: 2\r\n\r\nhiGET /two HTTP/1.1\r\nHost: b.test\r\nX-Long: v\r\n\r\n`);
  assert.deepEqual(drain(reader), [Event.head, Event.data, Event.end]);
  assert.equal(reader.hasRest, true);
  const first = reader.head;
  const second = new Http1RequestHead();
  reader.restart(second);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(second.startLine, "GET /two HTTP/1.1\r\n");
  assert.equal(second.text, "Host: b.test\r\nX-Long: v\r\n");
  assert.equal(second.value(1), "v");
  assert.equal(first.target, "/x", "the head of the exchange before stays as it is");
  assert.equal(first.value(0), "a.test");
});

test("a head without fields has an empty field section", () => {
  const reader = fed("GET / HTTP/1.0\r\n\r\n");
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.head.count, 0);
  assert.equal(reader.head.text, "");
});

test("bytes after a message are not read before restart", () => {
  const reader = fed("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n\0garbage");
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.next(), Event.end);
  assert.equal(reader.hasRest, true);
  assert.equal(reader.takeRest().toString("latin1"), "\0garbage");
  assert.equal(reader.hasRest, false);
});

test("the rest that is taken is a copy", () => {
  const wire = latin1("GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET /two");
  const reader = new RequestReader(DEFAULT_LIMITS);
  reader.feed(wire, 0, wire.length);
  drain(reader);
  const rest = reader.takeRest();
  wire.fill(0);
  assert.equal(rest.toString("latin1"), "GET /two");
  reader.restart(reader.head);
  reader.feed(rest, 0, rest.length);
  assert.deepEqual(drain(reader), [Event.needMore]);
  reader.feed(latin1(" HTTP/1.1\r\nHost: b\r\n\r\n"), 0, 22);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.head.target, "/two");
});

test("the rest inside a body can be taken and fed again", () => {
  for (const wire of [`${HEAD}Content-Length: 8\r\n\r\n12345678`, `${CHUNKED}4\r\n1234\r\n4;x=y\r\n5678\r\n0\r\nX-T: 1\r\n\r\n`]) {
    const whole = readRequests(latin1(wire));
    const reader = fed(wire);
    assert.equal(reader.next(), Event.head);
    const rest = reader.takeRest();
    assert.equal(reader.next(), Event.needMore);
    let body = "";
    reader.feed(rest, 0, rest.length);
    for (let event = reader.next(); event !== Event.end; event = reader.next()) {
      assert.equal(event, Event.data);
      body += reader.bytes.toString("latin1", reader.dataStart, reader.dataEnd);
      const more = reader.takeRest();
      reader.feed(more, 0, more.length);
    }
    assert.equal(body, whole.messages[0]?.body);
    assert.equal(reader.trailers?.count ?? 0, whole.messages[0]?.trailers?.length ?? 0);
  }
});

test("taking the rest while a line is unfinished and feeding it again changes nothing", () => {
  // A driver that has to wait does this between any two reads, so also within a trailer section.
  const wire = `${CHUNKED}0\r\nX-A: 1\r\nX-B: 2\r\n\r\n`;
  const trailersAt = wire.indexOf("X-A");
  for (let at = trailersAt; at < wire.length; at++) {
    const reader = fed(wire.slice(0, at));
    assert.deepEqual(drain(reader), [Event.head, Event.needMore]);
    const rest = reader.takeRest();
    reader.feed(rest, 0, rest.length);
    assert.deepEqual(drain(reader), [Event.needMore], `cut at ${at}`);
    reader.feed(latin1(wire.slice(at)), 0, wire.length - at);
    assert.deepEqual(drain(reader), [Event.end], `cut at ${at}`);
    assert.equal(keptTrailers(reader.trailers), "X-A: 1\r\nX-B: 2\r\n", `cut at ${at}`);
  }
});

test("trailers belong to their message only", () => {
  const reader = fed(`${CHUNKED}0\r\nX-T: 1\r\n\r\n${CHUNKED}0\r\n\r\nGET / HTTP/1.0\r\n\r\n`);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.trailers?.value(0), "1");
  reader.restart(reader.head);
  assert.equal(reader.trailers, null);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.trailers, null);
  reader.restart(reader.head);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
});

test("the end of the input, in each state of a request", () => {
  const cases: readonly (readonly [wire: string, event: number])[] = [
    ["", Event.needMore],
    ["G", Event.fault],
    ["GET / HTTP/1.1\r", Event.fault],
    ["GET / HTTP/1.1\r\n", Event.fault],
    ["GET / HTTP/1.1\r\nHost: a.test\r\n", Event.fault],
    ["GET / HTTP/1.1\r\nHost: a.test\r\n\r", Event.fault],
    ["GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", Event.end],
    [`${HEAD}Content-Length: 5\r\n\r\n`, Event.fault],
    [`${HEAD}Content-Length: 5\r\n\r\nhell`, Event.fault],
    [`${HEAD}Content-Length: 5\r\n\r\nhello`, Event.end],
    [CHUNKED, Event.fault],
    [`${CHUNKED}5\r\nhello`, Event.fault],
    [`${CHUNKED}5\r\nhello\r\n`, Event.fault],
    [`${CHUNKED}5\r\nhello\r\n0\r\n`, Event.fault],
    [`${CHUNKED}5\r\nhello\r\n0\r\nX-T: 1\r\n`, Event.fault],
    [`${CHUNKED}5\r\nhello\r\n0\r\n\r\n`, Event.end],
  ];
  for (const [wire, event] of cases) {
    for (const cuts of [[], everyByte(wire.length)]) {
      const reader = new RequestReader(DEFAULT_LIMITS);
      for (const [index, to] of [...cuts, wire.length].entries()) {
        const from = index === 0 ? 0 : (cuts[index - 1] ?? 0);
        reader.feed(latin1(wire.slice(from, to)), 0, to - from);
        drain(reader);
      }
      assert.equal(reader.endOfInput(), event, JSON.stringify(wire));
      if (event === Event.fault) assert.deepEqual([reader.fault.code, reader.next()], ["incomplete", Event.fault]);
    }
  }
});

test("the end of the input, in each state of a response", () => {
  const end = (wire: string): string => readResponses(latin1(wire)).endOfInput;
  assert.equal(end(""), "needMore");
  assert.equal(end("HTTP/1.1 2"), "incomplete");
  assert.equal(end("HTTP/1.1 200 OK\r\nX: 1\r\n"), "incomplete");
  assert.equal(end("HTTP/1.1 200 OK\r\n\r\n"), "end");
  assert.equal(end("HTTP/1.1 200 OK\r\n\r\nto the end"), "end");
  assert.equal(end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1"), "incomplete");
  assert.equal(end("HTTP/1.1 100 Continue\r\n\r\n"), "needMore");
});

test("an empty line before a request does not begin it: the reader stays idle, at every split", () => {
  // RFC 9112 section 2.2. Old clients send CRLF after a body; a FIN then is a clean end, and no head has begun.
  for (const wire of ["\r\n", "\r\n\r\n", `${HEAD}Content-Length: 2\r\n\r\nhi\r\n`]) {
    for (const cuts of [[], [wire.length - 1], everyByte(wire.length)]) {
      assert.equal(readRequests(latin1(wire), { cuts }).endOfInput, "needMore", JSON.stringify([wire, cuts]));
    }
  }
  const reader = fed("\r");
  assert.deepEqual(drain(reader), [Event.needMore]);
  reader.feed(latin1("\n"), 0, 1);
  assert.deepEqual(drain(reader), [Event.needMore]);
  assert.equal(reader.insideHead, false);
});

test("insideHead is true from a head's first byte to its last", () => {
  const wire = `${HEAD}Content-Length: 2\r\n\r\nhi`;
  const head = wire.length - 2;
  const reader = new RequestReader(DEFAULT_LIMITS);
  assert.equal(reader.insideHead, false);
  for (let at = 0; at < wire.length; at++) {
    reader.feed(latin1(wire.slice(at, at + 1)), 0, 1);
    drain(reader);
    assert.equal(reader.insideHead, at + 1 < head, `after byte ${at + 1}`);
  }
  reader.restart(reader.head);
  assert.equal(reader.insideHead, false);
  reader.feed(latin1("G"), 0, 1);
  drain(reader);
  assert.equal(reader.insideHead, true);
});

test("a refused message stays refused and gives its bytes to nobody", () => {
  const reader = fed(`${HEAD}Content-Length: x\r\n\r\nGET /two HTTP/1.1\r\nHost: a.test\r\n\r\n`);
  assert.deepEqual(drain(reader), [Event.fault]);
  assert.deepEqual(drain(reader), [Event.fault]);
  assert.equal(reader.fault.code, "bad_content_length");
  assert.equal(reader.endOfInput(), Event.fault);
  assert.equal(reader.fault.code, "bad_content_length");
});

test("until the connection closes: every byte is data", () => {
  const seen = readResponses(latin1("HTTP/1.1 200 OK\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"));
  assert.equal(seen.messages[0]?.body, "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
  assert.equal(seen.endOfInput, "end");
});

test("after a 101 all further bytes belong to the tunnel", () => {
  const wire = latin1("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x05hello");
  const whole = readResponses(wire);
  assert.deepEqual([whole.messages[0]?.framing, whole.rest, whole.endOfInput], ["tunnel", "\x81\x05hello", "none"]);
  for (const at of everyByte(wire.length)) assertSame(whole, readResponses(wire, { cuts: [at] }), `cut at ${at}`);
});

test("a reader of responses reads one exchange after another", () => {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
  reader.toHead = true;
  reader.feed(latin1(answer), 0, answer.length);
  assert.deepEqual(drain(reader), [Event.head, Event.end]);
  assert.equal(reader.framing.kind, Framing.none);
  reader.restart(reader.head);
  reader.toHead = false;
  reader.feed(latin1(`${answer}abc`), 0, answer.length + 3);
  assert.deepEqual(drain(reader), [Event.head, Event.data, Event.end]);
  assert.deepEqual([reader.framing.kind, reader.framing.length], [Framing.length, 3]);
});

// ---- limits -----------------------------------------------------------------------------------------------------------

const SMALL: MessageLimits = { headBytesMax: 200, fieldsMax: 5, startLineBytesMax: 100 };

/** The code of the fault that refuses the wire, the same at every split, or null. */
function refusal(wire: string, limits: MessageLimits): string | null {
  const whole = readRequests(latin1(wire), { limits });
  for (const at of cutPoints(wire.length)) assertSame(whole, readRequests(latin1(wire), { limits, cuts: [at] }), `cut at ${at}`);
  assertSame(whole, readRequests(latin1(wire), { limits, cuts: everyByte(wire.length) }), "byte by byte");
  return whole.fault;
}

test("the limit of a head counts every byte of it, empty line included", () => {
  const head = (length: number): string => {
    const frame = "GET / HTTP/1.1\r\nHost: a.test\r\nX: ";
    return `${frame}${"v".repeat(length - frame.length - 4)}\r\n\r\n`;
  };
  assert.equal(head(200).length, 200);
  assert.equal(refusal(head(200), SMALL), null);
  assert.equal(refusal(head(201), SMALL), "head_too_large 431");
  assert.equal(refusal(head(400), SMALL), "head_too_large 431");
  assert.equal(refusal(head(200) + head(200), SMALL), null, "each head has the limit for itself");
});

test("a body does not count for the limit of the head", () => {
  assert.equal(refusal(`${HEAD}Content-Length: 500\r\n\r\n${"b".repeat(500)}`, SMALL), null);
});

test("the limit of fields counts lines", () => {
  const head = (count: number): string => `GET / HTTP/1.1\r\nHost: a.test\r\n${"X: 1\r\n".repeat(count - 1)}\r\n`;
  assert.equal(refusal(head(5), SMALL), null);
  assert.equal(refusal(head(6), SMALL), "too_many_fields 431");
});

test("a trailer section has the limits of a head", () => {
  const wire = (trailers: string): string => `${CHUNKED}1\r\na\r\n0\r\n${trailers}\r\n`;
  assert.equal(refusal(wire(`X: ${"v".repeat(200 - 7)}\r\n`), SMALL), null);
  assert.equal(refusal(wire(`X: ${"v".repeat(201 - 7)}\r\n`), SMALL), "head_too_large 431");
  assert.equal(refusal(wire("X: 1\r\n".repeat(5)), SMALL), null);
  assert.equal(refusal(wire("X: 1\r\n".repeat(6)), SMALL), "too_many_fields 431");
});

test("the default limits hold 128 fields and 32 KiB, and not one more", () => {
  const fields = (count: number): string => `GET / HTTP/1.1\r\nHost: a.test\r\n${"X: 1\r\n".repeat(count - 1)}\r\n`;
  assert.equal(readRequests(latin1(fields(128))).fault, null);
  assert.equal(readRequests(latin1(fields(129))).fault, "too_many_fields 431");
  const frame = "GET / HTTP/1.1\r\nHost: a.test\r\nX: \r\n\r\n".length;
  const bytes = (length: number): string => `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${"v".repeat(length - frame)}\r\n\r\n`;
  assert.equal(readRequests(latin1(bytes(32 * 1024))).fault, null);
  assert.equal(readRequests(latin1(bytes(32 * 1024 + 1))).fault, "head_too_large 431");
});

test("bytes past the limit of a head are not judged: the fault is the same however the bytes arrive", () => {
  const filler = `X: ${"v".repeat(60)}\r\n`;
  const beyond = `GET / HTTP/1.1\r\nHost: a.test\r\n${filler.repeat(3)}`;
  assert.ok(beyond.length > SMALL.headBytesMax);
  assert.equal(refusal(`${beyond}bad line\r\n\r\n`, SMALL), "head_too_large 431");
  assert.equal(refusal(`${beyond}${filler.repeat(4)}\r\n`, SMALL), "head_too_large 431");
  assert.equal(refusal(`GET / HTTP/1.1\r\nHost: a.test\r\nX: ${"v".repeat(200)}\0\r\n\r\n`, SMALL), "head_too_large 431");
});

test("an unfinished section that has reached its limit is refused at once: the next byte could only be one too many", () => {
  const head = `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${"v".repeat(300)}`;
  assert.equal(refusal(head.slice(0, 199), SMALL), null);
  assert.equal(refusal(head.slice(0, 200), SMALL), "head_too_large 431");
  const line = `GET /${"a".repeat(300)}`;
  assert.equal(refusal(line.slice(0, 99), SMALL), null);
  assert.equal(refusal(line.slice(0, 100), SMALL), "start_line_too_long 414");
});

test("a faulty line before the limit is a faulty line", () => {
  assert.equal(refusal(`GET / HTTP/1.1\r\nbad line\r\nX: ${"v".repeat(300)}\r\n\r\n`, SMALL), "bad_field_name 400");
});
