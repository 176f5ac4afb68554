import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { GatheredBytes } from "./gathered-bytes.ts";

test("pieces of any size come out in one, in order, and are copies", () => {
  const gathered = new GatheredBytes();
  assert.equal(gathered.bytes.length, 0);
  let expected = "";
  for (const size of [1, 0, 4095, 1, 10_000, 3]) {
    const piece = Buffer.from(`<${"abcdefghij".repeat(1000).slice(0, size)}>`);
    gathered.add(piece, 1, 1 + size);
    expected += piece.toString("latin1", 1, 1 + size);
    piece.fill("#");
    assert.equal(gathered.size, expected.length);
    assert.ok(gathered.bytes.toString("latin1") === expected);
  }
});

test("views that were returned stay valid after `letGo`", () => {
  const gathered = new GatheredBytes();
  gathered.add(Buffer.from("abc"), 0, 3);
  const { bytes } = gathered;
  gathered.letGo();
  gathered.add(Buffer.from("xyz"), 0, 3);
  assert.deepEqual([bytes.toString(), gathered.bytes.toString()], ["abc", "xyz"]);
});

test("pieces of one byte lie in one buffer, at most twice as large as they are", () => {
  const gathered = new GatheredBytes();
  const byte = Buffer.from("a");
  for (let count = 0; count < 300_000; count++) gathered.add(byte, 0, 1);
  assert.equal(gathered.size, 300_000);
  assert.ok(gathered.bytes.buffer.byteLength <= 600_000);
});
