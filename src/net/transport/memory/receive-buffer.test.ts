import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { ReceiveBuffer } from "./receive-buffer.ts";

test("bytes come out in the order in which they were added, in whatever pieces", () => {
  const received = new ReceiveBuffer();
  const target = Buffer.alloc(70_000);
  let [written, read] = ["", ""];
  for (let round = 1; round <= 60; round++) {
    const text = String.fromCharCode(32 + round).repeat((round * 7919) % 40_000);
    received.add(round % 2 === 0 ? text : Buffer.from(text, "latin1"));
    written += text;
    const count = Math.min(received.length, (round * 6007) % 50_000);
    received.moveTo(target, count);
    read += target.toString("latin1", 0, count);
    assert.equal(received.length, written.length - read.length);
  }
  const rest = received.length;
  received.moveTo(target, Math.min(rest, target.length));
  read += target.toString("latin1", 0, Math.min(rest, target.length));
  assert.ok(written.startsWith(read) && read.length > 0);
});

test("added bytes stay as they were when the writer uses its memory again", () => {
  const received = new ReceiveBuffer();
  const bytes = Buffer.from("first");
  received.add(bytes);
  bytes.fill("x");
  received.add("\u00e9");
  const target = Buffer.alloc(6);
  received.moveTo(target, 6);
  assert.equal(target.toString("latin1"), "first\u00e9");
});

test("after it was cleared it is empty and can be used again", () => {
  const received = new ReceiveBuffer();
  received.add("x".repeat(50_000));
  received.moveTo(Buffer.alloc(20_000), 20_000);
  received.clear();
  assert.equal(received.length, 0);
  received.add("again");
  const target = Buffer.alloc(5);
  received.moveTo(target, 5);
  assert.equal(target.toString("latin1"), "again");
});
