import { test } from "node:test";
import assert from "node:assert/strict";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import fc from "fast-check";
import { BUCKET_ENTRIES, BucketTable } from "./bucket-table.ts";

const NOW = 1_790_000_000_000;

/** Adds to the time of a key as a rate limiter does. */
function add(table: BucketTable, key: string, now: number, worker: number, ms: number): number {
  const tat = Math.max(table.open(table.keysOf("limiter"), key, now, worker), now) + ms;
  table.close(tat, worker);
  return tat;
}

function read(table: BucketTable, key: string, now: number, limiter: string = "limiter"): number {
  const tat = table.open(table.keysOf(limiter), key, now, 0);
  table.close(tat, 0);
  return tat;
}

interface Job {
  readonly buffer: SharedArrayBuffer;
  readonly worker: number;
  readonly rounds: number;
  readonly keys: number;
  /** Whether the worker dies while it holds the lock of "victim". */
  readonly dies: boolean;
  /** Gives the lock in this cell another holder once a millisecond, `times` times, then releases it and sets `over` to 1. */
  readonly juggles?: { readonly cell: number; readonly times: number; readonly over: SharedArrayBuffer };
}

// This file is its own worker.
if (!isMainThread) {
  const job = workerData as Job;
  const table = new BucketTable(job.buffer);
  if (job.dies) {
    table.open(table.keysOf("limiter"), "victim", NOW, job.worker);
    process.exit(1);
  }
  if (job.juggles !== undefined) {
    const { cell, times, over } = job.juggles;
    const [cells, isOver] = [new Int32Array(job.buffer), new Int32Array(over)];
    for (let count = 0; count < times; count++) {
      Atomics.store(cells, cell, 10 + (count % 50));
      Atomics.wait(isOver, 0, 0, 1);
    }
    Atomics.store(isOver, 0, 1);
    Atomics.store(cells, cell, 0);
  }
  for (let round = 0; round < job.rounds; round++) add(table, `key ${round % job.keys}`, NOW, job.worker, 1);
}

function run(job: Omit<Job, "dies"> & { readonly dies?: boolean }): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { dies: false, ...job } });
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

if (isMainThread) {
  test("keeps one time per key", () => {
    const table = new BucketTable(BucketTable.create(1, 2, 1024));
    assert.equal(read(table, "a", NOW), 0);
    add(table, "a", NOW, 0, 100);
    add(table, "b", NOW, 0, 200);
    assert.equal(read(table, "a", NOW), NOW + 100);
    assert.equal(read(table, "b", NOW), NOW + 200);
    assert.equal(read(table, "c", NOW), 0);
    assert.equal(table.evictions, 0);
  });

  test("a question takes no entry", () => {
    const table = new BucketTable(BucketTable.create(1, 2, 5));
    const keys = table.keysOf("limiter");
    for (const key of ["a", "b", "c", "d", "e"]) add(table, key, NOW, 0, 100);
    for (let key = 0; key < 100; key++) table.peek(keys, String(key), NOW, 0);
    for (const key of ["a", "b", "c", "d", "e"]) assert.equal(read(table, key, NOW), NOW + 100);
    assert.equal(table.evictions, 0);
  });

  test("equal keys of different limiters are different keys, in every table on the same memory", () => {
    const buffer = BucketTable.create(1, 2, 1024);
    const table = new BucketTable(buffer);
    add(table, "a", NOW, 0, 100);
    assert.equal(read(table, "a", NOW, "another"), 0);
    assert.equal(read(table, "a", NOW), NOW + 100);
    assert.equal(read(new BucketTable(buffer), "a", NOW), NOW + 100);
  });

  test("agrees with a map as long as no entry is evicted", () => {
    const operations = fc.array(
      fc.record({ key: fc.constantFrom("a", "b", "c", "\u{1f600}", ""), step: fc.nat(50), ms: fc.integer({ min: 1, max: 200 }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(operations, fc.integer(), fc.integer(), (list, seedLow, seedHigh) => {
        const table = new BucketTable(BucketTable.create(seedLow, seedHigh, 1024));
        const model = new Map<string, number>();
        let now = NOW;
        for (const { key, step, ms } of list) {
          now += step;
          const expected = Math.max(model.get(key) ?? 0, now) + ms;
          model.set(key, expected);
          assert.equal(add(table, key, now, 3, ms), expected);
        }
      }),
    );
  });

  test("an entry whose time has passed is reused without an eviction", () => {
    const table = new BucketTable(BucketTable.create(1, 2, 64));
    for (let key = 0; key < 10_000; key++) add(table, `key ${key}`, NOW + key * 10, 0, 5);
    assert.equal(table.evictions, 0);
  });

  test("when all entries of a set are live, the one nearest to expiry is evicted, and that is counted", () => {
    const table = new BucketTable(BucketTable.create(1, 2, 16));
    assert.equal(table.capacity, 20);
    for (let key = 0; key < 100; key++) add(table, `key ${key}`, NOW, 0, 1_000 + key);
    assert.equal(table.evictions, 100 - 20);
    assert.equal(read(table, "key 99", NOW), NOW + 1_099);
  });

  test("a limited client stays limited while other keys come, fifteen times as many as the table has entries", () => {
    const table = new BucketTable(BucketTable.create(0x12345678, 0x9abcdef0, 16_384));
    const started = performance.now();
    add(table, "victim", NOW, 0, 60_000);
    for (let key = 0; key < 250_000; key++) {
      add(table, `flood ${key}`, NOW, 0, 600);
      if (key % 1_000 === 0) assert.equal(read(table, "victim", NOW), NOW + 60_000);
    }
    assert.ok(table.evictions > 225_000 && table.evictions < 250_000);
    assert.ok(performance.now() - started < 10_000);
  });

  test("of a million live keys hardly one in a hundred evicts another", () => {
    // The test has a tenth of the keys and a tenth of the entries.
    const table = new BucketTable(BucketTable.create(7, 9, BUCKET_ENTRIES / 10));
    const keys = table.keysOf("limiter");
    for (let key = 0; key < 100_000; key++) {
      table.open(keys, `key ${key}`, NOW, 0);
      table.close(NOW + 600, 0);
    }
    assert.ok(table.evictions < 1250, `${table.evictions}`);
  });

  test("counts exactly over real threads", { timeout: 60_000 }, async () => {
    const buffer = BucketTable.create(3, 4, 1024);
    const table = new BucketTable(buffer);
    const rounds = 60_000;
    const keys = 3;
    await Promise.all([0, 1, 2, 3].map((worker) => run({ buffer, worker, rounds, keys })));
    for (let key = 0; key < keys; key++) assert.equal(read(table, `key ${key}`, NOW), NOW + (4 * rounds) / keys);
  });

  test("the lock of a dead worker is released", { timeout: 30_000 }, async () => {
    const buffer = BucketTable.create(5, 6, 1024);
    const table = new BucketTable(buffer);
    await run({ buffer, worker: 1, rounds: 0, keys: 1, dies: true });
    table.releaseLockOf(0);
    const started = performance.now();
    table.releaseLockOf(1);
    assert.equal(add(table, "victim", NOW, 0, 10), NOW + 10);
    assert.ok(performance.now() - started < 200);
  });

  test("without a supervisor the lock of a dead worker is taken after a while", { timeout: 30_000 }, async () => {
    const buffer = BucketTable.create(5, 6, 1024);
    const table = new BucketTable(buffer);
    await run({ buffer, worker: 1, rounds: 0, keys: 1, dies: true });
    const started = performance.now();
    assert.equal(add(table, "victim", NOW, 0, 10), NOW + 10);
    assert.ok(performance.now() - started >= 200);
    assert.equal(add(table, "victim", NOW, 0, 10), NOW + 20);
  });

  test("a lock that other workers pass among themselves is waited for, however long that takes", { timeout: 30_000 }, async () => {
    const buffer = BucketTable.create(5, 6, 1024);
    const table = new BucketTable(buffer);
    table.open(table.keysOf("limiter"), "victim", NOW, 77);
    const cell = new Int32Array(buffer).indexOf(78);
    const over = new SharedArrayBuffer(4);
    // More than twice the quarter of a second after which a holder that does not change counts as dead.
    const juggling = run({ buffer, worker: 1, rounds: 0, keys: 1, juggles: { cell, times: 600, over } });
    while (Atomics.load(new Int32Array(buffer), cell) === 78) await new Promise(setImmediate);
    assert.equal(add(table, "victim", NOW, 0, 10), NOW + 10);
    assert.equal(Atomics.load(new Int32Array(over), 0), 1, "it was taken while others passed it on");
    await juggling;
  });

  test("a replacement of the same index is not held up by its predecessor", async () => {
    const buffer = BucketTable.create(5, 6, 1024);
    const table = new BucketTable(buffer);
    await run({ buffer, worker: 1, rounds: 0, keys: 1, dies: true });
    const started = performance.now();
    assert.equal(add(table, "victim", NOW, 1, 10), NOW + 10);
    assert.ok(performance.now() - started < 200);
  });

  test("sizes", () => {
    assert.equal(BucketTable.create(1, 2, 1).byteLength, BucketTable.bytes(1));
    assert.equal(new BucketTable(BucketTable.create(1, 2, 1_001)).capacity, 1_005);
    assert.ok(BucketTable.bytes() <= 32_000_000);
    assert.throws(() => new BucketTable(new SharedArrayBuffer(BucketTable.bytes(64))), RangeError);
  });
}
