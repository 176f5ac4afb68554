import assert from "node:assert/strict";
import { test } from "node:test";
import { BulkBuffer } from "./bulk-buffer.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { ReadTarget } from "./read-target.ts";
import { Sink } from "./sink.fixture.ts";

const KIB = 1024;

function targetOf(bulk: BulkBuffer, { source = new Sink(), mayKeepLoan = false } = {}): { target: ReadTarget; source: Sink } {
  const target = new ReadTarget(bulk, mayKeepLoan);
  target.transport = source;
  return { target, source };
}

/** A message of so many bytes, each read as long as there is place for it. */
function bring(target: ReadTarget, bytes: number): number[] {
  const reads: number[] = [];
  for (let rest = bytes; rest > 0;) {
    const count = Math.min(rest, target.buffer.length);
    rest -= count;
    reads.push(count / KIB);
    target.after(count, rest > 0, true);
  }
  return reads;
}

/** Has just brought a large message. */
function large(bulk: BulkBuffer, options?: Parameters<typeof targetOf>[1]): { target: ReadTarget; source: Sink } {
  const made = targetOf(bulk, options);
  bring(made.target, 100 * KIB);
  return made;
}

test("a large message comes in growing pieces, the next one in large ones, as does every other behind that", () => {
  const { target } = targetOf(new BulkBuffer());
  assert.deepEqual(bring(target, 1024 * KIB), [16, 64, 264, 264, 264, 152]);
  assert.deepEqual(bring(target, 1025 * KIB), [264, 264, 264, 233]);
  assert.deepEqual(bring(target, 529 * KIB), [264, 264, 1], "however little was left for the last read");
  assert.deepEqual(bring(target, 20 * KIB), [20]);
});

test("behind a small message, or a slow one, the next is read into the shared buffer again", () => {
  for (const small of [0.1, 16]) {
    const { target } = large(new BulkBuffer());
    assert.deepEqual(bring(target, small * KIB), [small]);
    assert.equal(target.buffer, sharedBuffer);
  }
  const { target } = large(new BulkBuffer());
  target.after(1000, true, true);
  assert.equal(target.buffer, sharedBuffer);
  target.after(1000, false, true);
  assert.equal(target.buffer, sharedBuffer);
});

test("while an unfinished write refers to what was read, others read elsewhere and nobody else gets that buffer", () => {
  const bulk = new BulkBuffer();
  const [one, other] = [large(bulk), large(bulk)];
  const { buffer } = one.target;
  assert.equal(other.target.buffer, buffer);
  one.target.after(200 * KIB, true, false);
  assert.equal(one.target.buffer, buffer, "its own: nothing more is read before the write has ended");
  assert.notEqual(other.target.buffer, buffer);
  assert.deepEqual(other.source.targets, [other.target.buffer]);
  one.target.after(10 * KIB, false, true);
  assert.equal(one.target.buffer, other.target.buffer);
  assert.notEqual(large(new BulkBuffer()).target.buffer, other.target.buffer);
});

test("behind a message of which something is still being written the buffer is left to that, and an idle connection holds none", () => {
  for (const first of [16, 600]) {
    const bulk = new BulkBuffer();
    const { target, source } = targetOf(bulk);
    bring(target, first * KIB);
    const before = new Set<Buffer>();
    for (let rest = 600 * KIB; rest > 0;) {
      before.add(target.buffer);
      const count = Math.min(rest, target.buffer.length);
      rest -= count;
      target.after(count, rest > 0, rest > 0);
    }
    assert.equal(before.has(target.buffer), false);
    target.rest();
    assert.equal(target.buffer, sharedBuffer);
    assert.deepEqual(source.targets, [sharedBuffer], "told between two reads");
    assert.equal(before.has(large(bulk).target.buffer), false);
  }
});

test("one that rests or has ended is not moved with the others", () => {
  const bulk = new BulkBuffer();
  const [one, two, three] = [large(bulk), large(bulk), large(bulk)];
  one.target.rest();
  two.target.end(true);
  three.target.after(200 * KIB, true, false);
  assert.deepEqual([one.source.targets, two.source.targets], [[sharedBuffer], []]);
  assert.deepEqual([one.target.buffer, two.target.buffer], [sharedBuffer, sharedBuffer]);
  one.target.rest();
  assert.equal(one.source.targets.length, 1);
});

test("who is moved again and again goes on by itself, and keeps its buffer for the next message where it may", () => {
  for (const mayKeepLoan of [false, true]) {
    const bulk = new BulkBuffer();
    const { target, source } = large(bulk, { mayKeepLoan });
    for (let round = 0; round < 20; round++) {
      bring(target, 100 * KIB);
      large(bulk).target.after(200 * KIB, true, false);
    }
    assert.equal(source.targets.length, 8);
    assert.deepEqual(bring(target, 1024 * KIB).slice(0, 3), mayKeepLoan ? [264, 264, 264] : [16, 64, 264]);
    assert.equal(target.buffer === sharedBuffer, !mayKeepLoan);
    target.end(true);
    assert.equal(target.buffer, sharedBuffer);
  }
});

test("one whose own writes do not end goes on by itself as well", () => {
  const { target } = large(new BulkBuffer());
  for (let message = 0; message < 8; message++) {
    assert.equal(target.buffer.length, 264 * KIB);
    target.after(100 * KIB, false, false);
  }
  assert.equal(target.buffer, sharedBuffer);
});

test("a transport that hands on what it has already reads into the shared buffer only", () => {
  const { target } = targetOf(new BulkBuffer(), { source: new Sink(false) });
  assert.deepEqual(bring(target, 64 * KIB), [16, 16, 16, 16]);
  assert.equal(target.buffer, sharedBuffer);
});

test("behind its last message a connection reads into the shared buffer", () => {
  const { target, source } = large(new BulkBuffer());
  source.readable = false;
  bring(target, 100 * KIB);
  assert.equal(target.buffer, sharedBuffer);
});
