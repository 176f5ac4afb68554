import assert from "node:assert/strict";
import { test } from "node:test";
import { BucketTable } from "../../shared/bucket-table.ts";
import { WindowLimiter } from "./window-limiter.ts";
import type { Moment } from "./window-limiter.ts";

const NOON = Date.parse("2026-11-30T12:00:00Z");

/** Two threads with one table. */
function threads(max: number): readonly [WindowLimiter, WindowLimiter] {
  const memory = BucketTable.create(1, 2, 1024);
  const limiterOf = (workerIndex: number): WindowLimiter =>
    new WindowLimiter(max, "hour", { buckets: new BucketTable(memory), workerIndex, now: () => 0 }, "id");
  return [limiterOf(0), limiterOf(1)];
}

const after = (ms: number): Moment => ({ nowMs: 5000 + ms, epochMs: NOON + ms });

function take(limiter: WindowLimiter, key: string, ms: number, cost: number): boolean {
  return limiter.take(key, limiter.window(after(ms)), after(ms), cost);
}

test("threads count together, exactly, and each key by itself", () => {
  const [one, other] = threads(1000);
  let taken = 0;
  for (let n = 0; n < 500; n++) {
    if (take(one, "a", n, 3)) taken += 3;
    if (take(other, "a", n, 1)) taken += 1;
  }
  assert.equal(taken, 1000);
  assert.deepEqual([take(one, "a", 500, 1), one.left], [false, 0]);
  assert.deepEqual([take(one, "b", 500, 999), take(other, "b", 500, 2), other.left], [true, false, 1]);
});

test("what is settled belongs to the window in which it was taken, however late", () => {
  const [limiter] = threads(100);
  const first = limiter.window(after(0));
  assert.ok(take(limiter, "a", 0, 60));
  limiter.settle("a", first, after(1000), 30);
  assert.deepEqual([take(limiter, "a", 2000, 11), limiter.left], [false, 10]);
  limiter.settle("a", first, after(3000), -50);
  assert.ok(take(limiter, "a", 4000, 60));
  // An hour later nothing of it counts, nor what is settled for the hour before.
  limiter.settle("a", first, after(3_600_000), 1000);
  assert.ok(take(limiter, "a", 3_600_001, 100));
  assert.ok(!take(limiter, "a", 3_600_002, 1));
});

test("more than everything may be settled, and no less than nothing", () => {
  const [limiter] = threads(100);
  const window = limiter.window(after(0));
  limiter.settle("a", window, after(0), -1e15);
  assert.ok(take(limiter, "a", 1, 100));
  limiter.settle("a", window, after(2), 1e15);
  assert.deepEqual([take(limiter, "a", 3, 1), limiter.left], [false, 0]);
  assert.ok(take(limiter, "a", 3_600_000, 100));
});
