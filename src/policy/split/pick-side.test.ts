import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KeyHash } from "../../shared/key-hash.ts";
import { pickByChance, pickByHash, sharesOf } from "./pick-side.ts";
import type { Side } from "./pick-side.ts";

const COUNT = 40_000;

/** Evenly spread numbers from a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sidesOf = (weights: Readonly<Record<string, number>>): Side[] =>
  Object.entries(weights).map(([upstream, weight]) => ({ upstream, weight }));

const hash = new KeyHash(0, 0);
const byKey = (sides: readonly Side[], key: string): string => {
  const position = pickByHash(sides, (upstream) => {
    hash.update(`${upstream}\n${key}`);
    return (hash.high + 0.5) / 2 ** 32;
  });
  return sides[position]?.upstream ?? "";
};

/** The chi-square statistic of how often each side was taken; 18.5 is passed by chance once in a thousand runs with four sides. */
function unevenness(sides: readonly Side[], taken: ReadonlyMap<string, number>): number {
  const shares = sharesOf(sides);
  return sides.reduce((sum, { upstream }, at) => {
    const expected = (shares[at] ?? 0) * COUNT;
    const found = taken.get(upstream) ?? 0;
    if (expected === 0) return sum + (found === 0 ? 0 : Infinity);
    return sum + (found - expected) ** 2 / expected;
  }, 0);
}

const counted = (pick: (at: number) => string): Map<string, number> => {
  const counts = new Map<string, number>();
  for (let at = 0; at < COUNT; at++) {
    const name = pick(at);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
};

const SPLITS: readonly Readonly<Record<string, number>>[] = [
  { app: 90, next: 10 },
  { app: 1, next: 1 },
  { app: 999, next: 1 },
  { off: 0, app: 5, none: 0, next: 3, third: 2 },
  { only: 7 },
];

describe("sides are taken as often as their weights say", () => {
  for (const weights of SPLITS) {
    const sides = sidesOf(weights);
    test(JSON.stringify(weights), () => {
      const random = seeded(27);
      const byChance = counted(() => sides[pickByChance(sides, random())]?.upstream ?? "");
      assert.ok(unevenness(sides, byChance) < 18.5, `by chance: ${JSON.stringify([...byChance])}`);
      const byHash = counted((at) => byKey(sides, `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`));
      assert.ok(unevenness(sides, byHash) < 18.5, `by hash: ${JSON.stringify([...byHash])}`);
    });
  }

  test("also at both ends of what is random", () => {
    const sides = sidesOf({ off: 0, app: 1, next: 3, none: 0 });
    assert.equal(pickByChance(sides, 0), 1);
    assert.equal(pickByChance(sides, 1 - 2 ** -53), 2);
    assert.equal(pickByChance(sides, 0.25), 2);
    // What rounding may leave over.
    assert.equal(pickByChance(sides, 1), 2);
  });
});

describe("a key", () => {
  const keys = Array.from({ length: COUNT }, (_, at) => `client ${at}`);

  test("stays at its side, whatever the order of the sides", () => {
    const sides = sidesOf({ app: 70, next: 20, third: 10 });
    const turned = sides.toReversed();
    for (const key of keys.slice(0, 2000)) assert.equal(byKey(turned, key), byKey(sides, key));
  });

  test("moves only to the side that has grown, and no more move than must", () => {
    const before = sidesOf({ app: 90, next: 10 });
    const after = sidesOf({ app: 80, next: 20 });
    const moved = keys.filter((key) => byKey(before, key) !== byKey(after, key));
    assert.ok(moved.every((key) => byKey(after, key) === "next"));
    assert.ok(Math.abs(moved.length / COUNT - 0.1) < 0.01, `${moved.length}`);
  });

  test("moves only away from a side that gets nothing any more, or to one that is new", () => {
    const before = sidesOf({ app: 50, next: 30, third: 20 });
    const without = sidesOf({ app: 50, next: 0, third: 20 });
    const more = sidesOf({ app: 50, next: 30, third: 20, fourth: 100 });
    for (const key of keys.slice(0, 5000)) {
      const was = byKey(before, key);
      if (was !== "next") assert.equal(byKey(without, key), was);
      assert.ok([was, "fourth"].includes(byKey(more, key)));
    }
  });
});

test("shares add up", () => {
  assert.deepEqual(sharesOf(sidesOf({ app: 3, off: 0, next: 1 })), [0.75, 0, 0.25]);
});
