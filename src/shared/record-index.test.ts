import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY, RecordIndex } from "./record-index.ts";
import type { RecordHashes } from "./record-index.ts";

const SEED = [1, 2] as const;

/** Records by their locations, as if they lay in memory. */
class Records implements RecordHashes {
  private readonly hashes: Map<number, string> = new Map();
  readonly index: RecordIndex;

  constructor(records: number) {
    this.index = new RecordIndex(RecordIndex.create(records, 1, ...SEED), 0);
  }

  isAt(location: number, low: number, high: number): boolean {
    return this.hashes.get(location) === `${low} ${high}`;
  }

  put(key: string, location: number, age: number = 0): void {
    const { index } = this;
    index.hash(key);
    this.hashes.set(location, `${index.low} ${index.high}`);
    index.put(index.low, index.high, location, 5, age, this);
  }

  found(key: string): number {
    const { index } = this;
    index.hash(key);
    return index.first(index.low, index.high) ? index.location : 0;
  }

  remove(key: string, from: number, ghostAge: number = -1): boolean {
    const { index } = this;
    index.hash(key);
    return index.remove(index.low, index.high, from, ghostAge, this);
  }

  hasGhost(key: string, age: number): boolean {
    this.index.hash(key);
    return this.index.hasGhost(this.index.low, this.index.high, age, 10);
  }
}

test("an entry refers to the record that was put last, and to that generation of its segment", () => {
  const records = new Records(100);
  const { index } = records;
  assert.equal(records.found("a"), 0);
  records.put("a", 7);
  assert.equal(records.found("a"), 7);
  assert.ok(index.isStill() && index.isOfGeneration(5) && index.isOfGeneration(5 + 1024) && !index.isOfGeneration(6));
  records.put("a", 9);
  assert.ok(!index.isStill());
  assert.equal(records.found("a"), 9);
  assert.ok(!records.remove("a", 7));
  assert.ok(records.remove("a", 9));
  assert.ok(!records.remove("a", ANY));
  assert.deepEqual(index.counts(), { records: 0, crowdedOut: 0 });
});

test("how often a record was asked for counts to three; who moves it says from where on", () => {
  const records = new Records(100);
  const { index } = records;
  records.put("a", 7);
  for (const expected of [0, 1, 2, 3, 3]) {
    assert.equal(records.found("a"), 7);
    assert.equal(index.frequency, expected);
    index.touch();
  }
  assert.ok(!index.replace(index.low, index.high, 8, 9, 5, 1));
  assert.ok(index.replace(index.low, index.high, 7, 9, 5, 1));
  assert.equal(records.found("a"), 9);
  assert.equal(index.frequency, 1);
});

test("when a bucket is full, what was asked for least makes room", () => {
  // All lie in one bucket.
  const records = new Records(1);
  for (let each = 1; each <= 7; each++) records.put(`${each}`, each);
  for (let each = 1; each <= 7; each++) {
    if (each === 4) continue;
    records.found(`${each}`);
    records.index.touch();
  }
  records.put("8", 8);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8].map((each) => records.found(`${each}`)),
    [1, 2, 3, 0, 5, 6, 7, 8],
  );
  assert.deepEqual(records.index.counts(), { records: 7, crowdedOut: 1 });
});

test("a ghost is remembered for a time, and until its place is needed", () => {
  const records = new Records(1);
  for (let each = 1; each <= 7; each++) records.put(`${each}`, each);
  records.remove("2", 2, 1000);
  records.remove("3", 3, 1010);
  assert.equal(records.found("2"), 0);
  assert.deepEqual(
    [records.hasGhost("2", 1005), records.hasGhost("2", 1011), records.hasGhost("3", 1020), records.hasGhost("4", 1005)],
    [true, false, true, false],
  );
  // The age has ten bits.
  assert.ok(!records.hasGhost("3", 0) && records.hasGhost("3", 1020));
  records.put("8", 8, 1012);
  assert.deepEqual([records.hasGhost("2", 1005), records.hasGhost("3", 1015)], [false, true]);
  records.put("3", 9, 1012);
  assert.equal(records.found("3"), 9);
});

test("the lock of a dead worker is freed", () => {
  const buffer = RecordIndex.create(1, 2, ...SEED);
  const [dead, other] = [new RecordIndex(buffer, 0), new RecordIndex(buffer, 1)];
  const none: RecordHashes = { isAt: () => false };
  dead.put(1, 1, 1, 1, 0, none);
  // The bucket is the only one, and the last thing in the memory.
  const cells = new Int32Array(buffer);
  const lock = cells.length - 16;
  Atomics.store(cells, lock, 1);
  new RecordIndex(buffer, 1).clearWorker(0);
  assert.equal(Atomics.load(cells, lock), 0);
  other.put(2, 2, 2, 1, 0, none);
  assert.equal(other.counts().records, 2);
});

test("foreign memory is refused", () => {
  assert.throws(() => new RecordIndex(new SharedArrayBuffer(4096), 0), RangeError);
});
