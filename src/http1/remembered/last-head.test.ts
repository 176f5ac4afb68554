import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { LastHead } from "./last-head.ts";

const start = (target: string): Buffer => Buffer.from(`GET ${target} HTTP/1.1\r\n`, "latin1");
const START = start("/a");
const LINES = Buffer.from("Host: a.test\r\nAccept: */*\r\n\r\n", "latin1");
const HEAD = Buffer.concat([START, LINES]);
const LINES_EDITION = 7;

function remembering(): LastHead {
  const last = new LastHead();
  last.rememberStart(HEAD, 0, START.length);
  last.rememberLines(HEAD, START.length, HEAD.length, LINES_EDITION);
  return last;
}

/** `bytes` with one octet changed, for each of its first `length` octets. */
function* oneOff(bytes: Buffer, length: number): Generator<Buffer> {
  for (let at = 0; at < length; at++) {
    const other = Buffer.from(bytes);
    other[at] = (other[at] ?? 0) ^ 1;
    yield other;
  }
}

test("a start line is recognised when all of it comes again, and only then", () => {
  const last = new LastHead();
  assert.equal(last.startLengthAt(START, 0, START.length), 0);
  last.rememberStart(START, 0, START.length);
  assert.equal(last.startLengthAt(START, 0, START.length), START.length);
  assert.equal(last.startLengthAt(Buffer.concat([Buffer.from("xx"), START, START]), 2, 2 * START.length + 2), START.length);
  for (let end = 0; end < START.length; end++) assert.equal(last.startLengthAt(START, 0, end), 0);
  for (const other of oneOff(START, START.length)) assert.equal(last.startLengthAt(other, 0, other.length), 0);
  last.forget();
  assert.equal(last.startLengthAt(START, 0, START.length), 0);
});

test("a start line that is too long is not remembered, and the previous one is forgotten", () => {
  const last = new LastHead();
  last.rememberStart(START, 0, START.length);
  const long = start(`/${"x".repeat(300)}`);
  last.rememberStart(long, 0, long.length);
  assert.equal(last.startLengthAt(long, 0, long.length), 0);
  assert.equal(last.startLengthAt(START, 0, START.length), 0);
});

test("when start lines always differ, comparing them stops for a while", () => {
  const last = new LastHead();
  const known: number[] = [];
  for (let count = 0; count < 1000; count++) {
    const each = start(`/${count < 500 ? count : 0}`);
    if (last.startLengthAt(each, 0, each.length) > 0) known.push(count);
    else last.rememberStart(each, 0, each.length);
  }
  assert.ok((known[0] ?? 1000) < 570, `the first that was known is ${known[0]}`);
  assert.equal(known.length, 1000 - (known[0] ?? 0), "from then on all are");
});

test("field lines are recognised after any start line, when all of them come again with the empty line", () => {
  const last = new LastHead();
  assert.equal(last.linesLengthAt(LINES, 0, LINES.length), 0);
  last.rememberLines(LINES, 0, LINES.length, LINES_EDITION);
  assert.equal(last.edition, LINES_EDITION);
  const longer = Buffer.concat([start("/another"), LINES, LINES]);
  assert.equal(last.linesLengthAt(longer, longer.length - 2 * LINES.length, longer.length), LINES.length);
  for (let end = 0; end < LINES.length; end++) assert.equal(last.linesLengthAt(LINES, 0, end), 0);
  for (const other of oneOff(LINES, LINES.length)) assert.equal(last.linesLengthAt(other, 0, other.length), 0);
  last.forget();
  assert.equal(last.edition, 0);
  assert.equal(last.linesLengthAt(LINES, 0, LINES.length), 0);
});

test("field lines that need more memory do not make it forget the start line", () => {
  const last = remembering();
  const long = Buffer.from(`Cookie: ${"c".repeat(9000)}\r\n\r\n`, "latin1");
  last.rememberLines(long, 0, long.length, LINES_EDITION + 1);
  assert.equal(last.startLengthAt(HEAD, 0, HEAD.length), START.length);
  assert.equal(last.linesLengthAt(long, 0, long.length), long.length);
});

test("a whole head is recognised at the same place of the same memory, and only there", () => {
  const last = remembering();
  const memory = Buffer.alloc(4096);
  HEAD.copy(memory);
  assert.equal(last.lengthAtPlace(memory, HEAD.length), 0, "it has not stood there yet");
  last.rememberPlace(memory);
  assert.equal(last.lengthAtPlace(memory, HEAD.length), HEAD.length);
  assert.equal(last.lengthAtPlace(Buffer.from(memory), HEAD.length), 0, "another memory");
  // Bytes after the end are from an earlier read and do not belong to this message.
  for (let end = 0; end < HEAD.length; end++) assert.equal(last.lengthAtPlace(memory, end), 0);
  for (const other of oneOff(memory, HEAD.length)) {
    other.copy(memory);
    assert.equal(last.lengthAtPlace(memory, HEAD.length), 0);
  }
});

test("after a part of the head changed, it is recognised by two comparisons first", () => {
  const memory = Buffer.alloc(4096);
  HEAD.copy(memory);
  for (const change of [
    (last: LastHead) => last.rememberStart(START, 0, START.length),
    (last: LastHead) => last.rememberLines(LINES, 0, LINES.length, LINES_EDITION + 1),
    (last: LastHead) => last.forget(),
  ]) {
    const last = remembering();
    last.rememberPlace(memory);
    assert.equal(last.lengthAtPlace(memory, HEAD.length), HEAD.length);
    change(last);
    assert.equal(last.lengthAtPlace(memory, HEAD.length), 0);
  }
});

test("recognising a whole head resets the count of different start lines", () => {
  const last = remembering();
  const memory = Buffer.alloc(4096);
  HEAD.copy(memory);
  const other = start("/b");
  for (let count = 0; count < 10; count++) {
    last.rememberStart(other, 0, other.length);
    last.rememberStart(START, 0, START.length);
    last.rememberPlace(memory);
    assert.equal(last.lengthAtPlace(memory, HEAD.length), HEAD.length);
  }
});

test("a changed head at the same place is recognised, whether its length is the same or not", () => {
  const last = remembering();
  const memory = Buffer.alloc(4096);
  const know = (lines: string, line: Buffer = START): Buffer => {
    const head = Buffer.concat([line, Buffer.from(lines, "latin1")]);
    last.rememberStart(head, 0, line.length);
    last.rememberLines(head, line.length, head.length, LINES_EDITION);
    head.copy(memory);
    assert.equal(last.lengthAtPlace(memory, head.length), 0);
    last.rememberPlace(memory);
    assert.equal(last.lengthAtPlace(memory, head.length), head.length);
    return head;
  };
  const before = know("X-A: 1\r\n\r\n");
  know("X-A: 2\r\n\r\n");
  before.copy(memory);
  assert.equal(last.lengthAtPlace(memory, before.length), 0);
  know("X-A: 22\r\n\r\n");
  // As long as the previous one, but with the start line ending elsewhere.
  know("X-A: 2\r\n\r\n", start("/aa"));
  know(`X-A: ${"2".repeat(2000)}\r\n\r\n`);
  know("X-A: 3\r\n\r\n");
});
