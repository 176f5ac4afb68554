/** Wire tests of responses: the status line (RFC 9112 section 4) and what a proxy takes from a lax origin. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Known } from "../http/known-fields.ts";
import { ResponseHead } from "../http/response-head.ts";
import { Framing } from "./body-framing.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { Event } from "./message-reader.ts";
import { ResponseReader } from "./response-reader.ts";
import { assertSame, cutPoints, everyByte, latin1, readResponses } from "./transcript.test.ts";

function headOf(wire: string): ResponseHead | string {
  const reader = new ResponseReader(DEFAULT_LIMITS, new ResponseHead());
  reader.feed(latin1(wire), 0, wire.length);
  const event = reader.next();
  if (event === Event.fault) return reader.fault.code;
  assert.equal(event, Event.head, JSON.stringify(wire));
  return reader.head;
}

const facts = (statusLine: string): unknown => {
  const head = headOf(`${statusLine}\r\nContent-Length: 0\r\n\r\n`);
  return typeof head === "string" ? head : [head.status, head.reason, head.minor, head.startLineReusable];
};

test("the status line is read as it stands", () => {
  assert.deepEqual(facts("HTTP/1.1 200 OK"), [200, "OK", 1, true]);
  assert.deepEqual(facts("HTTP/1.1 404 Not Found"), [404, "Not Found", 1, true]);
  assert.deepEqual(facts("HTTP/1.1 299 \t caf\xe9  "), [299, "\t caf\xe9  ", 1, true]);
  assert.deepEqual(facts("HTTP/1.1 200 "), [200, "", 1, true]);
  assert.deepEqual(facts("HTTP/1.1 599 X"), [599, "X", 1, true]);
});

test("the reason phrase is the origin's, also one of two letters", () => {
  // Design, section 8: status and reason are passed on.
  for (const reason of ["Hi", "ok", "OK", "  ", "O", "OKK"]) assert.deepEqual(facts(`HTTP/1.1 200 ${reason}`), [200, reason, 1, true]);
  assert.deepEqual(facts("HTTP/1.1 201 OK"), [201, "OK", 1, true]);
});

test("a status line without its second space is understood, and not passed on as it stands", () => {
  assert.deepEqual(facts("HTTP/1.1 200"), [200, "", 1, false]);
});

test("another minor version is not passed on", () => {
  assert.deepEqual(facts("HTTP/1.0 200 OK"), [200, "OK", 0, false]);
  assert.deepEqual(facts("HTTP/1.2 200 OK"), [200, "OK", 1, false]);
});

test("what is no status line is refused", () => {
  const lines = [
    "HTTP/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1 2",
    "HTTP/1.1 20",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1  200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 099 X",
    "HTTP/1.1 000 X",
    "HTTP/1.1 600 X",
    "HTTP/1.1 999 X",
    "HTTP/1.1 -20 X",
    "HTTP/1.1 2x0 X",
    "HTTP/1.1 +20 X",
    "HTTP/2.0 200 OK",
    "HTTP/0.9 200 OK",
    "HTTP/1.10 200 OK",
    "HTTP/11.1 200 OK",
    "http/1.1 200 OK",
    "ICY 200 OK",
    " HTTP/1.1 200 OK",
    "HTTP/1.x 200 OK",
    "HTTP/1.1 200 O\0K",
    "HTTP/1.1 200 O\x7fK",
    "HTTP/1.1 200 O\rK",
    "HTTP/1.1 200 O\nK",
    "HTTP/1.1200 OK",
    "hello",
  ];
  for (const line of lines) assert.equal(facts(line), "bad_status_line", JSON.stringify(line));
});

test("no line, no repair: CRLF only, and nothing before the status line", () => {
  const wires = [
    "HTTP/1.1 200 OK\nX: 1\n\n",
    "HTTP/1.1 200 OK\r\r\nX: 1\r\n\r\n",
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\rX: 1\r\r",
    "HTTP/1.1 200\nX: 1\n\n",
  ];
  for (const wire of wires) assert.equal(headOf(wire), "bad_status_line", JSON.stringify(wire));
});

test("field faults in a response are the same as in a request", () => {
  const codes = {
    "X : 1": "bad_field_name",
    nonsense: "bad_field_name",
    ": x": "bad_field_name",
    "X: a\0b": "bad_field_value",
    "X: a\rb": "bare_carriage_return",
    "X: a\nb: c": "bare_line_feed",
    " X: 1": "folded_line",
    "X: 1\r\n folded": "folded_line",
  };
  for (const [line, code] of Object.entries(codes))
    assert.equal(headOf(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 0\r\n\r\n`), code, JSON.stringify(line));
});

test("interim responses come before the final one, each with its own fields", () => {
  const wire = latin1(
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
  );
  const whole = readResponses(wire);
  assert.deepEqual(
    whole.messages.map(({ start }) => (JSON.parse(start) as unknown[])[0]),
    [103, 100, 200],
  );
  assert.deepEqual(
    whole.messages.map(({ fields }) => fields),
    [["Link: </a>"], [], ["Content-Length: 2"]],
  );
  assert.deepEqual(
    whole.messages.map(({ body }) => body),
    ["", "", "hi"],
  );
  for (const at of everyByte(wire.length)) assertSame(whole, readResponses(wire, { cuts: [at] }), `cut at ${at}`);
});

test("the limit of the status line is the same however the bytes arrive", () => {
  const limits: MessageLimits = { ...DEFAULT_LIMITS, startLineBytesMax: 100 };
  const ofLine = (bytes: number): string => `HTTP/1.1 200 ${"r".repeat(bytes - 15)}\r\nContent-Length: 0\r\n\r\n`;
  assert.equal(readResponses(latin1(ofLine(100)), { limits }).fault, null);
  for (const bytes of [100, 101, 102, 103, 110, 300]) {
    const wire = latin1(ofLine(bytes));
    const whole = readResponses(wire, { limits });
    for (const at of cutPoints(wire.length)) assertSame(whole, readResponses(wire, { limits, cuts: [at] }), `${bytes} bytes, cut at ${at}`);
    assertSame(whole, readResponses(wire, { limits, cuts: everyByte(wire.length) }), `${bytes} bytes, byte by byte`);
  }
});

test("a status line that never ends is refused", () => {
  assert.equal(headOf(`HTTP/1.1 200 ${"r".repeat(9000)}`), "start_line_too_long");
});

test("the same fields behind another status line, or for HEAD, are framed by what they answer", () => {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  const framings: string[] = [];
  const read = (line: string, toHead: boolean, body: string): void => {
    const wire = latin1(`${line}\r\nContent-Length: 5\r\n\r\n${body}`);
    reader.toHead = toHead;
    reader.feed(wire, 0, wire.length);
    assert.equal(reader.next(), Event.head, line);
    framings.push(`${reader.framing.kind} ${reader.framing.length}`);
    let event = reader.next();
    while (event === Event.data) event = reader.next();
    assert.equal(event, Event.end, line);
    reader.restart(reader.head);
  };
  read("HTTP/1.1 200 OK", false, "hello");
  read("HTTP/1.1 200 OK", false, "again");
  read("HTTP/1.1 200 OK", true, "");
  read("HTTP/1.1 200 OK", true, "");
  read("HTTP/1.1 304 Not Modified", false, "");
  read("HTTP/1.1 200 OK", false, "hello");
  assert.deepEqual(framings, ["1 5", "1 5", "0 0", "0 0", "0 0", "1 5"]);
  const misplaced = latin1("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n");
  reader.feed(misplaced, 0, misplaced.length);
  assert.equal(reader.next(), Event.head);
  assert.deepEqual([reader.framing.kind, reader.framing.doubtful, reader.head.get("content-length")], [Framing.none, true, undefined]);
});

test("what a framing field without a body does not say is found again with every message of the same lines", () => {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  const seen: unknown[] = [];
  const read = (status: string, body: string): void => {
    const wire = latin1(`HTTP/1.1 ${status}\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n${body}`);
    // In one place of memory that stays, as a connection's read buffer does: then the whole head is recalled.
    scratch.set(wire);
    reader.feed(scratch, 0, wire.length, true);
    assert.equal(reader.next(), Event.head);
    seen.push([reader.framing.doubtful, reader.head.knownValue(Known.contentLength)]);
    let event = reader.next();
    while (event === Event.data) event = reader.next();
    assert.equal(event, Event.end);
    reader.restart(reader.head);
  };
  const scratch = Buffer.alloc(200);
  for (const status of ["204 No", "204 No", "204 No", "200 OK", "200 OK", "204 No", "304 Not", "204 No"])
    read(status, status === "200 OK" ? "ok" : "");
  const [without, given] = [
    [true, undefined],
    [false, "2"],
  ];
  assert.deepEqual(seen, [without, without, without, given, given, without, given, without]);
});
