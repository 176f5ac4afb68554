import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker, isMainThread, workerData } from "node:worker_threads";
import fc from "fast-check";
import { FULL, InFlightTable, NO_ROOM } from "./in-flight-table.ts";

interface Job {
  readonly buffer: SharedArrayBuffer;
  readonly worker: number;
  readonly rounds: number;
  readonly max: number;
  /** Two cells: the most that were ever under way, and how many are. */
  readonly seen: SharedArrayBuffer;
}

// This file is its own worker.
if (!isMainThread) {
  const { buffer, worker, rounds, max, seen } = workerData as Job;
  const table = new InFlightTable(buffer);
  const keys = table.keysOf("limit");
  const cells = new Int32Array(seen);
  for (let round = 0; round < rounds; round++) {
    const place = table.take(keys, "key", max, worker);
    if (place < 0) continue;
    const now = Atomics.add(cells, 1, 1) + 1;
    for (let most = Atomics.load(cells, 0); most < now; most = Atomics.load(cells, 0)) Atomics.compareExchange(cells, 0, most, now);
    Atomics.sub(cells, 1, 1);
    table.release(place, worker);
  }
}

function newTable(workers: number = 2, rows: number = 1024): InFlightTable {
  return new InFlightTable(InFlightTable.create(workers, 1, 2, rows));
}

if (isMainThread) {
  test("as many as the limit says, over all workers; what ends makes room", () => {
    const table = newTable();
    const keys = table.keysOf("a");
    const places = [table.take(keys, "k", 3, 0), table.take(keys, "k", 3, 1), table.take(keys, "k", 3, 1)];
    assert.ok(places.every((place) => place > 0));
    assert.equal(table.take(keys, "k", 3, 0), FULL);
    assert.ok(table.take(keys, "other", 3, 0) > 0);
    assert.ok(table.take(table.keysOf("b"), "k", 3, 0) > 0);
    table.release(places[1] ?? 0, 1);
    assert.ok(table.take(keys, "k", 3, 0) > 0);
    assert.equal(table.take(keys, "k", 3, 0), FULL);
    assert.ok(table.take(keys, "k", 4, 0) > 0, "another limit on the same key");
  });

  test("a dead worker's requests no longer count, nor does its lock", () => {
    const buffer = InFlightTable.create(3, 1, 2, 64);
    const table = new InFlightTable(buffer);
    const keys = table.keysOf("a");
    for (let count = 0; count < 5; count++) assert.ok(table.take(keys, "k", 6, 2) > 0);
    const own = table.take(keys, "k", 6, 0);
    assert.equal(table.take(keys, "k", 6, 0), FULL);
    table.clearWorker(2);
    for (let count = 0; count < 5; count++) assert.ok(table.take(keys, "k", 6, 1) > 0);
    assert.equal(table.take(keys, "k", 6, 0), FULL);
    table.release(own, 0);
  });

  test("when no row is free the key is not counted, and rows in use stay as they are", () => {
    const table = newTable(1, 8);
    const keys = table.keysOf("a");
    const places = Array.from({ length: 8 }, (_, index) => table.take(keys, `k${index}`, 1, 0));
    assert.ok(places.every((place) => place > 0));
    assert.equal(table.take(keys, "k8", 1, 0), NO_ROOM);
    for (let index = 0; index < 8; index++) assert.equal(table.take(keys, `k${index}`, 1, 0), FULL);
    table.release(places[3] ?? 0, 0);
    assert.ok(table.take(keys, "k8", 1, 0) > 0);
    assert.equal(table.take(keys, "k3", 1, 0), NO_ROOM);
  });

  test("any order of beginnings and ends: never more than the limit, and never refused below it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(1), fc.boolean()), { maxLength: 200 }),
        fc.integer({ min: 1, max: 4 }),
        (steps, max) => {
          const table = newTable(2, 64);
          const keys = table.keysOf("a");
          const open = new Map<string, (readonly [place: number, worker: number])[]>();
          for (const [key, worker, begins] of steps) {
            const own = open.get(`${key}`) ?? [];
            open.set(`${key}`, own);
            if (begins) {
              const place = table.take(keys, `${key}`, max, worker);
              assert.equal(place === FULL, own.length >= max);
              if (place >= 0) own.push([place, worker]);
            } else {
              const last = own.pop();
              if (last !== undefined) table.release(...last);
            }
            assert.equal(table.total, [...open.values()].flat().length);
          }
        },
      ),
    );
  });

  test("over real threads never more than the limit are under way, and none is left", { timeout: 60_000 }, async () => {
    const buffer = InFlightTable.create(4, 1, 2, 64);
    const seen = new SharedArrayBuffer(8);
    await Promise.all(
      [0, 1, 2, 3].map(
        (worker) =>
          new Promise<void>((resolve, reject) => {
            const workerDataOf: Job = { buffer, worker, rounds: 20_000, max: 2, seen };
            const thread = new Worker(new URL(import.meta.url), { workerData: workerDataOf });
            thread.once("error", reject);
            thread.once("exit", () => resolve());
          }),
      ),
    );
    const [most = 0, left = -1] = new Int32Array(seen);
    assert.ok(most >= 1 && most <= 2, `${most}`);
    assert.equal(left, 0);
    const table = new InFlightTable(buffer);
    assert.ok(table.take(table.keysOf("limit"), "key", 1, 0) > 0);
  });

  test("foreign memory is refused", () => {
    assert.throws(() => new InFlightTable(new SharedArrayBuffer(1024)), RangeError);
  });
}
