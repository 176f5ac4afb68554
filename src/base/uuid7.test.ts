import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Uuid7 } from "./uuid7.ts";

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Bytes that differ each time. */
function counting(): (bytes: Uint8Array) => void {
  let next = 1;
  return (bytes) => {
    for (let index = 0; index < bytes.length; index++) bytes[index] = (next = (next * 48_271) % 0x7fff_ffff) >>> 7;
  };
}

function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

test("an id has the form of version 7 and begins with the time", () => {
  const id = new Uuid7(counting()).next(1_790_000_000_123.9);
  assert.match(id, FORM);
  assert.equal(timeOf(id), 1_790_000_000_123);
});

test("all bits at their least and greatest", () => {
  assert.equal(new Uuid7((bytes) => void bytes.fill(0)).next(0), "00000000-0000-7000-8000-000000000000");
  assert.equal(new Uuid7((bytes) => void bytes.fill(0xff)).next(2 ** 48 - 1), "ffffffff-ffff-77ff-bfff-ffffffffffff");
});

test("each id is greater than the one before, whatever the clock does", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -5, max: 5 })), { minLength: 2, maxLength: 600 }), (steps) => {
      const ids = new Uuid7(counting());
      let now = 1_790_000_000_000;
      let before = "";
      for (const step of steps) {
        const id = ids.next((now += step));
        assert.match(id, FORM);
        assert.ok(id > before, `${id} after ${before}`);
        before = id;
      }
    }),
    { numRuns: 30 },
  );
});

test("a millisecond with more ids than the counter has runs ahead, and the clock catches up", () => {
  const ids = new Uuid7(counting());
  const all = Array.from({ length: 10_000 }, () => ids.next(5000));
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(all.toSorted(), all);
  const last = timeOf(all.at(-1) ?? "");
  assert.ok(last > 5000 && last <= 5005, `${last}`);
  assert.equal(timeOf(ids.next(6000)), 6000);
});

test("two threads make different ids at the same time", () => {
  const [one, other] = [new Uuid7((bytes) => void bytes.fill(1)), new Uuid7((bytes) => void bytes.fill(2))];
  assert.notEqual(one.next(7).slice(19), other.next(7).slice(19));
});
