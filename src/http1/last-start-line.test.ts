import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { LastStartLine } from "./last-start-line.ts";

const line = (target: string): Buffer => Buffer.from(`GET ${target} HTTP/1.1\r\n`, "latin1");
const A = line("/a");

test("a line is known again where all of it stands, and only then", () => {
  const last = new LastStartLine();
  assert.equal(last.lengthAt(A, 0, A.length), 0);
  last.remember(A, 0, A.length);
  assert.equal(last.lengthAt(A, 0, A.length), A.length);
  assert.equal(last.lengthAt(Buffer.concat([Buffer.from("xx"), A, A]), 2, 2 * A.length + 2), A.length);
  for (let end = 0; end < A.length; end++) assert.equal(last.lengthAt(A, 0, end), 0);
  for (let at = 0; at < A.length; at++) {
    const other = Buffer.from(A);
    other[at] = (other[at] ?? 0) ^ 1;
    assert.equal(last.lengthAt(other, 0, other.length), 0);
  }
  last.forget();
  assert.equal(last.lengthAt(A, 0, A.length), 0);
});

test("one that is too long for it is not remembered, nor the one before", () => {
  const last = new LastStartLine();
  last.remember(A, 0, A.length);
  const long = line(`/${"x".repeat(300)}`);
  last.remember(long, 0, long.length);
  assert.equal(last.lengthAt(long, 0, long.length), 0);
  assert.equal(last.lengthAt(A, 0, A.length), 0);
});

test("where they always differ they are soon not compared, but tried again", () => {
  const last = new LastStartLine();
  const known: number[] = [];
  for (let count = 0; count < 1000; count++) {
    const each = line(`/${count < 500 ? count : 0}`);
    if (last.lengthAt(each, 0, each.length) > 0) known.push(count);
    else last.remember(each, 0, each.length);
  }
  assert.ok((known[0] ?? 1000) < 570, `the first that was known is ${known[0]}`);
  assert.equal(known.length, 1000 - (known[0] ?? 0), "from then on all are");
});
