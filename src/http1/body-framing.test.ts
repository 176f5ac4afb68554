/** The steps of RFC 9112 section 6.3, one test each, in its order and numbering, for both roles; then Content-Length's grammar. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { FieldSection } from "../http/field-section.ts";
import { Known, bit } from "../http/known-fields.ts";
import { BodyFraming, Framing, decideFraming, parseLength } from "./body-framing.ts";
import type { MessageFacts } from "./body-framing.ts";
import { LineScan, readFieldLine, sectionEnd } from "./field-lines.ts";

const REQUEST: MessageFacts = { status: 0, toHead: false, minor: 1 };
const REQUEST_1_0: MessageFacts = { status: 0, toHead: false, minor: 0 };
const response = (status: number, toHead: boolean = false, minor: 0 | 1 = 1): MessageFacts => ({ status, toHead, minor });

function section(...lines: readonly string[]): FieldSection {
  const bytes = Buffer.from(`${lines.map((line) => `${line}\r\n`).join("")}\r\n`, "latin1");
  const fields = new FieldSection();
  let at = 0;
  while (at >= 0) {
    const result = readFieldLine(bytes, at, bytes.length, 0, fields, new LineScan());
    assert.ok(result >= sectionEnd, "the test's own lines are well formed");
    at = result;
  }
  fields.text = bytes.toString("latin1", 0, bytes.length - 2);
  return fields;
}

/** The decision as text: `kind`, `length n`, or the code of the fault; then the misplaced fields, and whether it is doubtful. */
function decided(facts: MessageFacts, ...lines: readonly string[]): string {
  // Left over from another message: the decision must not depend on it.
  const framing: BodyFraming = Object.assign(new BodyFraming(), { kind: Framing.tunnel, length: 77, misplaced: 1 << 30, doubtful: true });
  const fault = decideFraming(section(...lines), facts, framing);
  if (fault !== null) return fault.code;
  const gone = [
    ...((framing.misplaced & bit(Known.contentLength)) === 0 ? [] : ["length"]),
    ...((framing.misplaced & bit(Known.transferEncoding)) === 0 ? [] : ["coding"]),
  ];
  assert.equal(framing.misplaced & ~(bit(Known.contentLength) | bit(Known.transferEncoding)), 0);
  const without = gone.length === 0 ? "" : ` without ${gone.join(" and ")}`;
  return `${bodyOf(framing)}${without}${framing.doubtful ? ", doubtful" : ""}`;
}

function bodyOf(framing: BodyFraming): string {
  if (framing.kind !== Framing.length) assert.equal(framing.length, 0);
  const kind = Object.entries(Framing).find(([, value]) => value === framing.kind)?.[0] ?? "?";
  return framing.kind === Framing.length ? `length ${framing.length}` : kind;
}

const CHUNKED = "Transfer-Encoding: chunked";

test("1. responses to HEAD, and 1xx, 204 and 304, have no body, whatever their fields say", () => {
  for (const status of [200, 206, 404, 500]) {
    for (const lines of [[], ["Content-Length: 5"], ["Content-Length: 0"], [CHUNKED]])
      assert.equal(decided(response(status, true), ...lines), "none");
  }
  for (const toHead of [false, true]) {
    assert.equal(decided(response(304, toHead), "Content-Length: 5"), "none");
    assert.equal(decided(response(304, toHead), CHUNKED), "none");
    for (const status of [100, 102, 103, 199, 204, 304]) assert.equal(decided(response(status, toHead)), "none");
    assert.equal(decided(response(304, toHead), "Content-Length: 0"), "none");
  }
});

test("1. framing fields of a 1xx or 204 are not forwarded, and what follows is doubtful unless the length is 0", () => {
  for (const toHead of [false, true]) {
    for (const minor of [0, 1] as const) {
      for (const [status, kind] of [
        [100, "none"],
        [101, "tunnel"],
        [103, "none"],
        [199, "none"],
        [204, "none"],
      ] as const) {
        const facts = response(status, toHead, minor);
        for (const zero of ["0", "000"]) assert.equal(decided(facts, `Content-Length: ${zero}`), `${kind} without length`);
        for (const value of ["5", "five", "", "0, 0", "-1"]) {
          assert.equal(decided(facts, `Content-Length: ${value}`), `${kind} without length, doubtful`);
        }
        assert.equal(decided(facts, "Content-Length: 0", "Content-Length: 0"), `${kind} without length, doubtful`);
        for (const value of ["chunked", "gzip, chunked", "identity", ""]) {
          assert.equal(decided(facts, `Transfer-Encoding: ${value}`), `${kind} without coding, doubtful`);
        }
        assert.equal(decided(facts, CHUNKED, "Content-Length: 0"), `${kind} without length and coding, doubtful`);
      }
    }
  }
});

test("1. in responses to HEAD and in 304, faulty framing fields are not forwarded, and what follows is doubtful", () => {
  for (const facts of [response(200, true), response(404, true), response(304), response(304, true)]) {
    for (const value of ["five", "", "5, 5", "-1"]) {
      assert.equal(decided(facts, `Content-Length: ${value}`), "none without length, doubtful");
    }
    assert.equal(decided(facts, "Content-Length: 5", "content-length: 5"), "none without length, doubtful");
    for (const value of ["gzip, chunked", "identity", "", "chunked, chunked"]) {
      assert.equal(decided(facts, `Transfer-Encoding: ${value}`), "none without coding, doubtful");
    }
    assert.equal(decided(facts, CHUNKED, CHUNKED), "none without coding, doubtful");
    assert.equal(decided(facts, CHUNKED, "Content-Length: 5"), "none without length and coding, doubtful");
    assert.equal(decided(facts, "Content-Length: 0", CHUNKED), "none without length and coding, doubtful");
    // RFC 9112 section 6.1: an HTTP/1.0 message has no Transfer-Encoding.
    assert.equal(decided({ ...facts, minor: 0 }, CHUNKED), "none without coding, doubtful");
    assert.equal(decided({ ...facts, minor: 0 }, "Content-Length: 5"), "none");
  }
});

test("1. a 101 begins a tunnel", () => {
  assert.equal(decided(response(101)), "tunnel");
  assert.equal(decided(response(101), "Upgrade: websocket"), "tunnel");
});

test("1. 205 is not among them: its fields frame its body", () => {
  assert.equal(decided(response(205), "Content-Length: 0"), "none");
  assert.equal(decided(response(205), "Content-Length: 5"), "length 5");
  assert.equal(decided(response(205), CHUNKED), "chunked");
});

test("3. Transfer-Encoding and Content-Length together are refused, in both roles and whatever the status", () => {
  for (const facts of [REQUEST, response(200), response(205), response(500)]) {
    for (const length of ["0", "5"]) {
      assert.equal(decided(facts, `Content-Length: ${length}`, CHUNKED), "ambiguous_length");
      assert.equal(decided(facts, CHUNKED, `Content-Length: ${length}`), "ambiguous_length");
    }
  }
});

test("4. chunked, alone and once, in any case of its letters, frames the body", () => {
  for (const facts of [REQUEST, response(200), response(500)]) {
    for (const value of ["chunked", "CHUNKED", "Chunked", "chunked \t"])
      assert.equal(decided(facts, `Transfer-Encoding: ${value}`), "chunked");
    assert.equal(decided(facts, "tRANSFER-eNCODING:chunked"), "chunked");
  }
});

test("4. anything that is not exactly one chunked is refused", () => {
  const values = [
    "",
    "identity",
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    ",chunked",
    "chunked,",
    "chunked;q=1",
    '"chunked"',
    "chunked\xa0",
    "\xa0chunked",
    "xchunked",
    "chunkedx",
    "chunk ed",
    "chun\xadked",
  ];
  for (const value of values)
    for (const facts of [REQUEST, response(200), response(205)]) {
      assert.equal(decided(facts, `Transfer-Encoding: ${value}`), "bad_transfer_encoding", value);
    }
  assert.equal(decided(REQUEST, CHUNKED, CHUNKED), "bad_transfer_encoding");
  assert.equal(decided(REQUEST, CHUNKED, "Transfer-Encoding: identity"), "bad_transfer_encoding");
  assert.equal(decided(REQUEST, "Transfer-Encoding: gzip", CHUNKED), "bad_transfer_encoding");
});

test("4. Transfer-Encoding in an HTTP/1.0 message is faulty framing (RFC 9112 section 6.1)", () => {
  assert.equal(decided(REQUEST_1_0, CHUNKED), "transfer_encoding_in_1_0");
  assert.equal(decided(response(200, false, 0), CHUNKED), "transfer_encoding_in_1_0");
});

test("5. an invalid Content-Length is refused", () => {
  for (const value of ["", "x", "-1", "+1", "1.0", "1,1", "1, 2", "0x1", "1e1", "1_0", "1 1", "\xb2", "1;", "9999999999999999"]) {
    for (const facts of [REQUEST, REQUEST_1_0, response(200), response(200, false, 0), response(205)]) {
      assert.equal(decided(facts, `Content-Length: ${value}`), "bad_content_length", value);
    }
  }
});

test("5. Content-Length on two lines is refused, equal or not", () => {
  for (const facts of [REQUEST, response(200), response(205)]) {
    assert.equal(decided(facts, "Content-Length: 5", "Content-Length: 5"), "content_length_repeated");
    assert.equal(decided(facts, "Content-Length: 5", "X: 1", "content-length: 6"), "content_length_repeated");
    assert.equal(decided(facts, "Content-Length:", "Content-Length: 5"), "content_length_repeated");
  }
});

test("6. a valid Content-Length is the length of the body", () => {
  for (const facts of [REQUEST, REQUEST_1_0, response(200), response(200, false, 0), response(500)]) {
    assert.equal(decided(facts, "Content-Length: 5"), "length 5");
    assert.equal(decided(facts, "content-length:\t00005 "), "length 5");
    assert.equal(decided(facts, "Content-Length: 999999999999999"), "length 999999999999999");
    assert.equal(decided(facts, "Content-Length: 0"), "none");
  }
});

test("7. a request with neither has no body", () => {
  assert.equal(decided(REQUEST), "none");
  assert.equal(decided(REQUEST_1_0), "none");
  assert.equal(
    decided(REQUEST, "Content_Length: 5", "Transfer_Encoding: chunked", "X-Content-Length: 5", "Trailer: x", "TE: chunked"),
    "none",
  );
});

test("8. a response with neither ends with its connection", () => {
  for (const status of [200, 201, 205, 301, 404, 599]) assert.equal(decided(response(status)), "untilClose");
  assert.equal(decided(response(200, false, 0)), "untilClose");
});

test("a length is 1*DIGIT and counted exactly", () => {
  assert.equal(parseLength("0"), 0);
  assert.equal(parseLength("000"), 0);
  assert.equal(parseLength("0".repeat(40)), 0);
  assert.equal(parseLength("999999999999999"), 999_999_999_999_999);
  assert.equal(parseLength("1000000000000000"), -1, "sixteen digits");
  assert.equal(parseLength("0999999999999999"), 999_999_999_999_999, "zeros do not count");
  assert.equal(parseLength(`${"0".repeat(63)}5`), 5);
  assert.equal(parseLength(`${"0".repeat(64)}5`), -1, "an endless run of zeros");
  for (const text of ["", " 5", "5 ", "5\n", "+5", "-5", "0x5", "5e0", "5.0", "5,5", "1_0", "Infinity", "NaN", "\u0665", "\uff15"])
    assert.equal(parseLength(text), -1, JSON.stringify(text));
});

test("a length is accepted exactly if its value is below 10^15", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.integer({ min: 0, max: 30 }), (value, zeros) => {
      assert.equal(parseLength("0".repeat(zeros) + String(value)), value < 10n ** 15n ? Number(value) : -1);
    }),
    { seed: 6, numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.array(fc.constantFrom(..."0123456789 \t\n+-.,_ex\xa0"), { maxLength: 4 }), (characters) => {
      const digitsOnly = characters.length > 0 && characters.every((character) => character >= "0" && character <= "9");
      assert.equal(parseLength(characters.join("")) >= 0, digitsOnly);
    }),
    { seed: 7, numRuns: 1000 },
  );
});
