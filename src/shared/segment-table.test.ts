import assert from "node:assert/strict";
import { test } from "node:test";
import { MAIN, NO_WORKER, SMALL, SegmentTable } from "./segment-table.ts";
import type { Queue } from "./segment-table.ts";

/** Where the lock of the lists is. */
const LOCK = 3;

function tableOf(
  segments: number,
  seats: number = 2,
): { readonly buffer: SharedArrayBuffer; readonly tables: readonly [SegmentTable, SegmentTable] } {
  const buffer = SegmentTable.create(segments, seats);
  return { buffer, tables: [new SegmentTable(buffer, 0), new SegmentTable(buffer, 1)] };
}

/** A segment that is full, in a queue. */
function sealed(table: SegmentTable, queue: Queue): number {
  const segment = table.take(queue, 0);
  table.seal(segment);
  return segment;
}

test("each segment is given to one worker, and those that are to be spared are not given", () => {
  const { tables } = tableOf(10);
  const taken = Array.from({ length: 8 }, (_, index) => tables[index % 2 === 0 ? 0 : 1].take(SMALL, 2));
  assert.equal(new Set(taken).size, 8);
  assert.equal(tables[0].take(SMALL, 2), -1);
  assert.ok(tables[1].take(MAIN, 0) >= 0);
});

test("the small queue gives way while it has more than a tenth, then the main one; each the oldest first", () => {
  const { tables } = tableOf(20);
  const [table] = tables;
  const main = [sealed(table, MAIN), sealed(table, MAIN)];
  const small = [sealed(table, SMALL), sealed(table, SMALL), sealed(table, SMALL)];
  assert.equal(table.takeVictim(), small[0]);
  assert.equal(table.takeVictim(), main[0]);
  assert.equal(table.queueOf(main[0] ?? 0), MAIN);
  assert.equal(table.takeVictim(), main[1]);
  assert.equal(table.takeVictim(), small[1]);
});

test("a segment in which a record is unfinished is not given up", () => {
  const { tables } = tableOf(20);
  const [table] = tables;
  const segment = table.take(SMALL, 0);
  table.begun(segment);
  table.seal(segment);
  assert.equal(table.takeVictim(), -1);
  const later = sealed(table, SMALL);
  assert.equal(table.takeVictim(), later);
  table.ended(segment);
  assert.equal(table.takeVictim(), segment);
});

test("a segment that somebody reads is not used again before", () => {
  const { tables } = tableOf(2);
  const [writer, reader] = tables;
  const segment = sealed(writer, SMALL);
  const before = writer.generation(segment);
  reader.pin(segment);
  reader.pin(segment);
  assert.equal(writer.takeVictim(), segment);
  writer.evicted(segment);
  assert.notEqual(reader.generation(segment), before);
  assert.ok(writer.take(SMALL, 0) >= 0);
  assert.equal(writer.take(SMALL, 0), -1);
  reader.unpin(segment);
  assert.equal(writer.take(SMALL, 0), -1);
  reader.unpin(segment);
  assert.equal(writer.take(SMALL, 0), segment);
});

test("a dead worker's segments are in the queues again, and nothing is pinned by it; it is not waited for", () => {
  const { buffer, tables } = tableOf(4, 3);
  const [dead, other] = tables;
  const [active, read] = [dead.take(SMALL, 0), sealed(other, SMALL)];
  dead.begun(active);
  dead.pin(read);
  const victim = sealed(dead, MAIN);
  assert.equal(dead.takeVictim(), victim);
  dead.seal(dead.take(MAIN, 0));
  // Another worker, which is dead too, had the lock of the lists.
  const cells = new Int32Array(buffer);
  Atomics.store(cells, LOCK, 3);
  const keeper = new SegmentTable(buffer, NO_WORKER);
  keeper.clearWorker(0);
  assert.equal(Atomics.load(cells, LOCK), 3);
  keeper.clearWorker(2);
  assert.equal(Atomics.load(cells, LOCK), 0);
  const given = Array.from({ length: 4 }, () => other.takeVictim());
  assert.deepEqual(new Set(given), new Set([0, 1, 2, 3]));
  for (const segment of given) other.evicted(segment);
  assert.equal(keeper.counts().free, 4);
});

test("foreign memory is refused, and so is a seat that there is not", () => {
  assert.throws(() => new SegmentTable(new SharedArrayBuffer(4096), 0), RangeError);
  assert.throws(() => new SegmentTable(SegmentTable.create(4, 2), 2), RangeError);
});
