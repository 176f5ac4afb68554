/** Wire tests of responses: the status line (RFC 9112 section 4), and the faults of origin servers that a proxy repairs. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { Known } from "../http/known-fields.ts";
import { connectionOptions } from "../http/connection-options.ts";
import { FieldSection } from "../http/field-section.ts";
import { keptText } from "../http/forward-fields.ts";
import { Framing } from "./body-framing.ts";
import { Http1ResponseHead } from "./http1-response-head.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { MessageLimits } from "./limits.ts";
import { LineScan, folded, needMore, readFieldLine, readFold } from "./field-lines.ts";
import { Event } from "./message-reader.ts";
import { ResponseReader } from "./response-reader.ts";
import { assertSame, cutPoints, everyByte, latin1, readRequests, readResponses } from "./transcript.test.ts";

function headOf(wire: string): Http1ResponseHead | string {
  const reader = new ResponseReader(DEFAULT_LIMITS, new Http1ResponseHead());
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
  // Status and reason phrase are forwarded (docs/forwarding.md).
  for (const reason of ["Hi", "ok", "OK", "  ", "O", "OKK"]) assert.deepEqual(facts(`HTTP/1.1 200 ${reason}`), [200, reason, 1, true]);
  assert.deepEqual(facts("HTTP/1.1 201 OK"), [201, "OK", 1, true]);
});

test("a status line without its second space is understood, and not forwarded unchanged", () => {
  assert.deepEqual(facts("HTTP/1.1 200"), [200, "", 1, false]);
});

test("a status line with another minor version is not forwarded unchanged", () => {
  assert.deepEqual(facts("HTTP/1.0 200 OK"), [200, "OK", 0, false]);
  assert.deepEqual(facts("HTTP/1.2 200 OK"), [200, "OK", 1, false]);
});

test("a malformed status line is refused", () => {
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

test("nothing may come before the status line, and only CRLF ends it", () => {
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

test("field faults in a response are the same as in a request, except for the two that RFC 9112 has repaired", () => {
  const codes = {
    nonsense: "bad_field_name",
    ": x": "bad_field_name",
    "X: a\0b": "bad_field_value",
    "X: a\rb": "bare_carriage_return",
    "X: a\nb: c": "bare_line_feed",
    " X: 1": "folded_line",
    "\tX: 1": "folded_line",
    " : 1": "folded_line",
    "X :1\nY: 2": "bare_line_feed",
    "X \n": "bare_line_feed",
    "X Y: 1": "bad_field_name",
    "X \t": "bad_field_name",
    "X \r\n : 1": "bad_field_name",
    "X: a\r\n b\0": "bad_field_value",
    "X: a\r\n b\n c": "bare_line_feed",
    "X: a\r\n b\rc": "bare_carriage_return",
    "X: a\r\n\nb": "bare_line_feed",
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

test("the same fields after another status line, or in a response to HEAD, are framed anew", () => {
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

test("misplaced framing fields are hidden in every message with the same lines", () => {
  const reader = new ResponseReader(DEFAULT_LIMITS);
  const seen: unknown[] = [];
  const read = (status: string, body: string): void => {
    const wire = latin1(`HTTP/1.1 ${status}\r\nX-A: 1\r\nContent-Length: 2\r\n\r\n${body}`);
    // Fed from the same memory each time, like a connection's read buffer, so that the whole head is recalled.
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

/** Name, value and forwarded text of each line of a section, at every split of its bytes; or the fault. */
function repaired(lines: string): unknown {
  const head = `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`;
  const trailers = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n\r\n`;
  const read = (wire: string, cuts: readonly number[]): unknown => {
    const reader = new ResponseReader(DEFAULT_LIMITS);
    let from = 0;
    for (const to of [...cuts, wire.length]) {
      reader.feed(latin1(wire), from, to);
      from = to;
      for (let event = reader.next(); event !== Event.needMore; event = reader.next()) {
        if (event === Event.fault) return reader.fault.code;
        if (event === Event.head && wire === trailers) continue;
        const section = wire === head ? reader.head : reader.trailers;
        assert.ok(section !== null && to === wire.length);
        const values = Array.from({ length: section.count }, (_, index) => [section.name(index), section.value(index)]);
        return [values, keptText(section, 0, [])];
      }
    }
    return "more";
  };
  const outcomes = [head, trailers].map((wire) => {
    const whole = read(wire, []);
    for (const at of everyByte(wire.length)) assert.deepEqual(read(wire, [at]), whole, `${JSON.stringify(wire)} cut at ${at}`);
    const bytewise = everyByte(wire.length);
    assert.deepEqual(read(wire, bytewise), whole, `${JSON.stringify(wire)} byte by byte`);
    // With an empty piece after each.
    assert.deepEqual(
      read(
        wire,
        [...bytewise, ...bytewise].sort((a, b) => a - b),
      ),
      whole,
      `${JSON.stringify(wire)} byte by byte and nothing`,
    );
    return whole;
  });
  assert.deepEqual(outcomes[0], outcomes[1], "a trailer section is read as a head is");
  return outcomes[0];
}

test("white space before the colon of a response's field is removed (RFC 9112 section 5.1)", () => {
  for (const space of [" ", "\t", " \t  "]) {
    assert.deepEqual(repaired(`X-A${space}: 1`), [[["X-A", "1"]], "X-A: 1\r\n"]);
    assert.deepEqual(repaired(`X-A${space}:`), [[["X-A", ""]], "X-A: \r\n"]);
    assert.deepEqual(repaired(`X-A${space}::\r\nX-B:\t2`), [
      [
        ["X-A", ":"],
        ["X-B", "2"],
      ],
      "X-A: :\r\nX-B:\t2\r\n",
    ]);
  }
  assert.deepEqual(repaired("X-0: 0\r\nX-A : a\t \r\nX-B: b"), [
    [
      ["X-0", "0"],
      ["X-A", "a"],
      ["X-B", "b"],
    ],
    "X-0: 0\r\nX-A: a\r\nX-B: b\r\n",
  ]);
});

test("folded lines of a response become one, with SP (RFC 9112 section 5.2)", () => {
  const one = (value: string): unknown => [
    [
      ["X-0", "0"],
      ["X-A", value],
      ["X-B", "b"],
    ],
    `X-0: 0\r\nX-A: ${value}\r\nX-B: b\r\n`,
  ];
  for (const [folded, value] of [
    ["X-A: a\r\n b", "a b"],
    ["X-A: a \t\r\n\t b", "a b"],
    ["X-A: a\r\n b\r\n\tc d", "a b c d"],
    ["X-A:\r\n a", "a"],
    ["X-A: \r\n \r\n a", "a"],
    ["X-A:\r\n ", ""],
    ["X-A: a\r\n ", "a"],
    ["X-A: a\r\n \r\n b \r\n \t ", "a b"],
    ["X-A\t: a\r\n b", "a b"],
    ["X-A: a\r\n X-C: c", "a X-C: c"],
    ["X-A: a\r\n Content-Length: 5", "a Content-Length: 5"],
    ["X-A: a\r\n : b", "a : b"],
  ]) {
    assert.deepEqual(repaired(`X-0: 0\r\n${folded}\r\nX-B: b`), one(value ?? ""), JSON.stringify(folded));
  }
});

test("a folded length or coding is refused, as is a fold with no line before it", () => {
  for (const name of ["Content-Length", "content-length ", "Transfer-Encoding", "TRANSFER-ENCODING\t"]) {
    for (const rest of ["5\r\n ", "\r\n 5", "\r\n\t5", "chunked\r\n ,chunked", "5\r\n \r\n 5"]) {
      assert.equal(repaired(`X-A: 1\r\n${name}: ${rest}`), "folded_line", `${name}: ${rest}`);
    }
  }
  assert.equal(repaired(" X-A: 1"), "folded_line");
  assert.equal(repaired(" \r\nX-A: 1"), "folded_line");
});

test("a folded Connection field is read as it is forwarded", () => {
  const head = headOf("HTTP/1.1 200 OK\r\nConnection: X-A\r\n , close\r\nKeep-Alive:\r\n\ttimeout=5\r\nContent-Length: 0\r\n\r\n");
  assert.ok(typeof head !== "string");
  assert.deepEqual([connectionOptions(head).close, connectionOptions(head).named], [true, ["x-a"]]);
  assert.equal(head.knownValue(Known.keepAlive), "timeout=5");
});

test("a request is not repaired", () => {
  for (const [line, code] of [
    ["X-A : 1", "bad_field_name"],
    ["X-A\t: 1", "bad_field_name"],
    ["X-A: 1\r\n 2", "folded_line"],
    ["X-A:\r\n 2", "folded_line"],
  ]) {
    for (const wire of [
      `GET / HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`,
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${line}\r\n\r\n`,
    ]) {
      const seen = readRequests(latin1(wire));
      assert.equal(seen.fault, `${code} 400`);
      for (const at of everyByte(wire.length)) assertSame(seen, readRequests(latin1(wire), { cuts: [at] }), `cut at ${at}`);
    }
  }
});

test("folded lines are one field, and their octets count towards the head", () => {
  const limits: MessageLimits = { headBytesMax: 300, fieldsMax: 2, startLineBytesMax: 100 };
  const folds = (count: number): string => `HTTP/1.1 200 OK\r\nX-A: 1${"\r\n 2".repeat(count)}\r\nContent-Length: 0\r\n\r\n`;
  assert.equal(readResponses(latin1(folds(60)), { limits }).fault, null);
  for (const count of [60, 61, 62, 63, 64, 65, 200]) {
    const wire = latin1(folds(count));
    const whole = readResponses(wire, { limits });
    assert.equal(whole.fault, wire.length <= 300 ? null : "head_too_large 431");
    for (const at of cutPoints(wire.length)) assertSame(whole, readResponses(wire, { limits, cuts: [at] }), `${count} folds, cut at ${at}`);
    assertSame(whole, readResponses(wire, { limits, cuts: everyByte(wire.length) }), `${count} folds, byte by byte`);
  }
  assert.equal(readResponses(latin1(`HTTP/1.1 200 OK\r\nA: 1\r\n 2\r\nB: 1\r\nC: 1\r\n\r\n`), { limits }).fault, "too_many_fields 431");
  for (const endless of ["X-A : ", "X-A ", "X-A: 1\r\n ", "X-A: 1\r\n 2\r\n\t"]) {
    const wire = latin1(`HTTP/1.1 200 OK\r\n${endless}${" ".repeat(400)}`);
    assert.equal(readResponses(wire, { limits, cuts: everyByte(wire.length) }).fault, "head_too_large 431", JSON.stringify(endless));
  }
});

test("a repaired line that comes octet by octet is checked once", () => {
  for (const begun of ["X-A", "X-A: 1\r\n"]) {
    const length = begun.length + 1000;
    const wire = Buffer.from(`${begun}${" ".repeat(1000)}`);
    const section = new FieldSection();
    const scan = new LineScan(true);
    let at = 0;
    const read = (limit: number): number => {
      const result = readFieldLine(wire, at, limit, 0, section, scan);
      return result === folded ? readFold(wire, at, limit, 0, section, scan) : result;
    };
    for (let limit = 1; limit <= length; limit++) {
      const result = read(limit);
      if (result > 0) at = result;
      // Bytes that were checked are not read again, so changing them has no effect.
      if (limit > begun.length + 1) wire[limit - 1] = 0;
      if (limit > begun.length + 1) assert.equal(result, needMore, `${JSON.stringify(begun)} at ${limit}`);
    }
  }
});

test("messages with repaired lines are read the same, whatever came before them on the connection", () => {
  const lines = [
    "Server: an-origin-with-a-long-name/1.0",
    "Content-Security-Policy: default-src 'self'",
    "Date: Mon, 01 Jan 2024 00:00:00 GMT",
    "X-A: 1",
  ];
  const folded = [lines[0], "Content-Security-Policy: default-src 'self';\r\n script-src 'none'", lines[2], lines[3]];
  const spaced = [lines[0], lines[1], "Date : Mon, 01 Jan 2024 00:00:01 GMT", lines[3]];
  const later = [lines[0], lines[1], "Date: Mon, 01 Jan 2024 00:00:02 GMT", lines[3]];
  const laterFolded = [folded[0], folded[1], later[2], folded[3]];
  const end = [lines[0], lines[1], lines[2], "X-A: 1\r\n 2"];
  const kinds = [lines, folded, spaced, later, laterFolded, end].map(
    (some) => `HTTP/1.1 200 OK\r\n${some.join("\r\n")}\r\nContent-Length: 0\r\n\r\n`,
  );
  const describe = (reader: ResponseReader): unknown => {
    const { head } = reader;
    return [
      Array.from({ length: head.count }, (_, index) => `${head.name(index)}|${head.value(index)}`),
      head.present,
      keptText(head, 0, []),
    ];
  };
  const alone = kinds.map((wire) => {
    const reader = new ResponseReader(DEFAULT_LIMITS);
    reader.feed(latin1(wire), 0, wire.length);
    assert.equal(reader.next(), Event.head);
    return describe(reader);
  });
  fc.assert(
    fc.property(fc.array(fc.nat(kinds.length - 1), { minLength: 2, maxLength: 40 }), fc.boolean(), fc.nat(200), (order, stays, cut) => {
      const reader = new ResponseReader(DEFAULT_LIMITS);
      const scratch = Buffer.alloc(1000);
      for (const [place, kind] of order.entries()) {
        const wire = latin1(kinds[kind] ?? "");
        scratch.set(wire);
        const first = place % 3 === 2 ? Math.min(cut, wire.length - 1) : wire.length;
        reader.feed(scratch, 0, first, stays);
        if (first < wire.length) {
          assert.equal(reader.next(), Event.needMore);
          const rest = Buffer.from(wire.subarray(first));
          scratch.fill(0x41);
          reader.feed(rest, 0, rest.length);
        }
        assert.equal(reader.next(), Event.head);
        assert.deepEqual(describe(reader), alone[kind]);
        assert.equal(reader.next(), Event.end);
        reader.restart(reader.head);
      }
    }),
    { seed: 52, numRuns: 1500 },
  );
});
