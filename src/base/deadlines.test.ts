import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Deadlines, Timed } from "./deadlines.ts";

interface Fired {
  readonly name: number;
  readonly now: number;
}

class Alarm extends Timed {
  readonly onDeadline: () => void;

  constructor(onDeadline: () => void) {
    super();
    this.onDeadline = onDeadline;
  }
}

function wheel(): {
  deadlines: Deadlines;
  make: (name: number, then?: () => void) => Timed;
  fired: Fired[];
  advance: (to: number) => void;
} {
  const deadlines = new Deadlines(10, 0);
  const fired: Fired[] = [];
  let now = 0;
  return {
    deadlines,
    fired,
    make: (name, then) =>
      new Alarm(() => {
        fired.push({ name, now });
        then?.();
      }),
    advance: (to) => {
      for (; now < to;) {
        now = Math.min(to, now + 10);
        deadlines.advance(now);
      }
    },
  };
}

describe("deadlines", () => {
  test("fire once, not early, at most one tick late", () => {
    const { deadlines, make, fired, advance } = wheel();
    deadlines.set(make(1), 25);
    advance(20);
    assert.deepEqual(fired, []);
    advance(1000);
    assert.deepEqual(fired, [{ name: 1, now: 30 }]);
  });

  test("move later and earlier, and can be cancelled", () => {
    const { deadlines, make, fired, advance } = wheel();
    const [later, earlier, cancelled] = [make(1), make(2), make(3)];
    deadlines.set(later, 20);
    deadlines.set(later, 500);
    deadlines.set(earlier, 500);
    deadlines.set(earlier, 20);
    deadlines.set(cancelled, 20);
    deadlines.cancel(cancelled);
    advance(1000);
    assert.deepEqual(fired, [
      { name: 2, now: 20 },
      { name: 1, now: 500 },
    ]);
  });

  test("reach further than one turn of the wheel", () => {
    const { deadlines, make, fired, advance } = wheel();
    deadlines.set(make(1), 123_456);
    advance(200_000);
    assert.deepEqual(fired, [{ name: 1, now: 123_460 }]);
  });

  test("may be set, moved and removed by a handler, those of the same slot included", () => {
    const { deadlines, make, fired, advance } = wheel();
    const third = make(3);
    const second = make(2);
    const first = make(1, () => {
      deadlines.remove(second);
      deadlines.set(third, 55);
      deadlines.set(first, 75);
    });
    // The deadline that was filed last is visited first.
    deadlines.set(third, 20);
    deadlines.set(second, 20);
    deadlines.set(first, 20);
    advance(70);
    assert.deepEqual(fired, [
      { name: 1, now: 20 },
      { name: 3, now: 60 },
    ]);
    deadlines.remove(first);
    advance(1000);
    assert.equal(fired.length, 2);
  });

  test("isOver is true from the deadline on, and false while none is set", () => {
    const deadlines = new Deadlines(25, 1000.5);
    const alarm = new Alarm(() => {});
    assert.equal(deadlines.isOver(alarm, 1e9), false);
    deadlines.set(alarm, 1040);
    assert.equal(deadlines.isOver(alarm, 1050), false);
    assert.equal(deadlines.isOver(alarm, 1050.5), true);
    deadlines.cancel(alarm);
    assert.equal(deadlines.isOver(alarm, 1e9), false);
  });

  test("after a long stall everything due fires", () => {
    const { deadlines, make, fired } = wheel();
    for (let name = 0; name < 100; name++) deadlines.set(make(name), name * 97);
    deadlines.advance(1_000_000);
    assert.equal(fired.length, 100);
  });

  test("agree with a plain list for any sequence of operations", () => {
    const operation = fc.record({ which: fc.nat(7), what: fc.constantFrom("set", "cancel", "remove", "advance"), by: fc.nat(12_000) });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const { deadlines, make, fired, advance } = wheel();
        const all = Array.from({ length: 8 }, (_, name) => make(name));
        const due = new Map<number, number>();
        const expected: number[] = [];
        let now = 0;
        for (const { which, what, by } of operations) {
          const deadline = all[which];
          assert.ok(deadline !== undefined);
          if (what === "set") {
            deadlines.set(deadline, now + by);
            due.set(which, now + by);
          } else if (what === "advance") {
            now += Math.ceil(by / 10) * 10;
            advance(now);
            // A deadline set for the past fires at the next tick.
            const over = [...due].filter(([, at]) => Math.max(Math.ceil(at / 10) * 10, at) <= now && by > 0);
            for (const [name] of over) due.delete(name);
            expected.push(...over.map(([name]) => name));
            assert.deepEqual(fired.map(({ name }) => name).toSorted(), expected.toSorted());
          } else {
            deadlines[what](deadline);
            due.delete(which);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
