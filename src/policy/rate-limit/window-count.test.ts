import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WINDOW_COUNT_MAX, countIn, numberFor, windowAt } from "./window-count.ts";
import type { WindowLength } from "./window-count.ts";

test("windows are those of UTC", () => {
  const ends = (epoch: string, per: WindowLength): readonly string[] => {
    const { startMs, endMs } = windowAt(Date.parse(epoch), per);
    return [startMs, endMs].map((ms) => new Date(ms).toISOString().slice(0, 16));
  };
  assert.deepEqual(ends("2026-11-30T23:59:59.999Z", "hour"), ["2026-11-30T23:00", "2026-12-01T00:00"]);
  assert.deepEqual(ends("2026-11-30T23:59:59.999Z", "day"), ["2026-11-30T00:00", "2026-12-01T00:00"]);
  assert.deepEqual(ends("2026-12-31T12:00:00Z", "month"), ["2026-12-01T00:00", "2027-01-01T00:00"]);
  assert.deepEqual(ends("2028-02-29T00:00:00Z", "month"), ["2028-02-01T00:00", "2028-03-01T00:00"]);
  assert.notEqual(windowAt(Date.parse("2026-11-30"), "month").name, windowAt(Date.parse("2027-11-30"), "month").name);
});

test("a number holds its count exactly until its window has ended, on any clock", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 2 ** 40, noNaN: true }),
      fc.double({ min: 0, max: 31 * 86_400_000, noNaN: true }),
      fc.array(fc.nat(20_000_000_000), { minLength: 1, maxLength: 5 }),
      (nowMs, leftMs, counts) => {
        let stored = 0;
        let sum = 0;
        for (const count of counts) {
          sum = Math.min(WINDOW_COUNT_MAX, countIn(stored, nowMs) + count);
          stored = numberFor(sum, stored, nowMs, leftMs);
        }
        assert.equal(countIn(stored, nowMs), sum);
        assert.equal(countIn(stored, nowMs + leftMs), sum);
        assert.equal(countIn(stored, nowMs + leftMs + 2 ** 25 + 1), 0);
      },
    ),
  );
});

test("a thread that thinks the window ends sooner does not shorten the life of the number", () => {
  const stored = numberFor(5, 0, 1000, 2_000_000_000);
  const later = numberFor(7, stored, 1000, 10);
  assert.equal(countIn(later, 1_900_000_000), 7);
});

test("no count is no entry, and no count is below none or above the largest", () => {
  assert.equal(numberFor(0, 12_345_678, 1000, 5000), 0);
  assert.equal(numberFor(-3, 12_345_678, 1000, 5000), 0);
  assert.equal(countIn(0, 1000), 0);
  assert.equal(countIn(numberFor(1e15, 0, 1000, 5000), 1000), WINDOW_COUNT_MAX);
});
