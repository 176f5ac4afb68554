import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { test } from "node:test";
import { BulkBuffer } from "./bulk-buffer.ts";
import type { BulkReader } from "./bulk-buffer.ts";

class Reader implements BulkReader {
  buffer: Buffer | null = null;
  moves = 0;
  private readonly movesMax: number;

  constructor(movesMax: number = Infinity) {
    this.movesMax = movesMax;
  }

  moveTo(buffer: Buffer): boolean {
    this.moves++;
    this.buffer = this.moves <= this.movesMax ? buffer : null;
    return this.buffer !== null;
  }
}

function joined(bulk: BulkBuffer, reader: Reader = new Reader()): Reader {
  reader.buffer = bulk.join(reader);
  return reader;
}

test("all connections read into one buffer, until one of them needs it for longer", () => {
  const bulk = new BulkBuffer();
  const [a, b, c] = [joined(bulk), joined(bulk), joined(bulk)];
  assert.ok(a.buffer !== null && a.buffer === b.buffer && b.buffer === c.buffer);
  const first = b.buffer;
  bulk.keep(b);
  assert.equal(b.buffer, first, "it is its own now");
  assert.ok(a.buffer !== null && a.buffer !== first && a.buffer === c.buffer);
  assert.deepEqual([a.moves, b.moves, c.moves], [1, 0, 1]);
  assert.equal(joined(bulk).buffer, a.buffer);
  bulk.keep(a);
  assert.deepEqual([a.moves, b.moves, c.moves], [1, 0, 2], "who has left is not moved");
});

test("a buffer that a connection keeps is given to no other one", () => {
  const bulk = new BulkBuffer();
  const kept = new Set<Buffer | null>();
  for (let count = 0; count < 50; count++) {
    const [one, other] = [joined(bulk), joined(bulk)];
    assert.equal(kept.has(one.buffer), false);
    kept.add(one.buffer);
    bulk.keep(one);
    bulk.leave(other);
  }
  assert.equal(kept.size, 50);
});

test("a connection that refuses to be moved does not use the buffer any more", () => {
  const bulk = new BulkBuffer();
  const [a, b] = [joined(bulk), joined(bulk, new Reader(0))];
  bulk.keep(a);
  assert.equal(b.buffer, null);
  const c = joined(bulk);
  bulk.keep(c);
  assert.equal(b.moves, 1);
});

test("the last connection that leaves gives the buffer back, and the number of connections is limited", () => {
  const bulk = new BulkBuffer();
  const readers = Array.from({ length: 40 }, () => joined(bulk));
  assert.equal(readers.filter(({ buffer }) => buffer !== null).length, 32);
  const { buffer } = readers[0] ?? new Reader();
  for (const reader of readers) bulk.leave(reader);
  assert.equal(joined(bulk).buffer, buffer, "the one that was used last is taken first");
});
