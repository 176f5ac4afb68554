import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { NO_ENDPOINT } from "./balancer.ts";
import type { Balancer, Usable } from "./balancer.ts";
import { makeBalancer } from "./make-balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/** The contract, run over every balancer. `make` gets weights; one that knows none gets equal ones. */
const balancers: { readonly name: string; readonly weighted: boolean; make(weights: readonly number[], start: number): Balancer }[] = [
  { name: "round robin", weighted: false, make: (weights, start) => new RoundRobin(weights.length, start) },
  { name: "weighted round robin", weighted: true, make: (weights, start) => new WeightedRoundRobin(weights, start) },
  { name: "made by weights", weighted: true, make: byWeights },
];

function byWeights(weights: readonly number[], start: number): Balancer {
  return makeBalancer(
    weights.map((weight) => ({ weight })),
    start,
  );
}

const all: Usable = { usable: () => true };
function without(...down: number[]): Usable {
  return { usable: (index) => !down.includes(index) };
}

function countChoices(balancer: Balancer, choices: number, usable: Usable, endpoints: number): number[] {
  const counts = Array<number>(endpoints).fill(0);
  for (let choice = 0; choice < choices; choice++) {
    const index = balancer.next(usable);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

for (const { name, weighted, make } of balancers) {
  const weightsOf = weighted
    ? fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 })
    : fc.integer({ min: 1, max: 12 }).map((count) => Array<number>(count).fill(1));

  test(`${name}: none usable, none chosen`, () => {
    assert.equal(make([], 0).next(all), NO_ENDPOINT);
    assert.equal(make([1, 1], 1).next({ usable: () => false }), NO_ENDPOINT);
  });

  test(`${name}: exact over every cycle, wherever it starts`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(300), fc.nat(50), (weights, start, warmUp) => {
        const balancer = make(weights, start);
        for (let choice = 0; choice < warmUp; choice++) balancer.next(all);
        const cycle = weights.reduce((sum, weight) => sum + weight, 0);
        assert.deepEqual(countChoices(balancer, cycle, all, weights.length), weights);
      }),
    );
  });

  test(`${name}: yields every endpoint once as the tried ones are excluded, then none`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(20), (weights, start) => {
        const balancer = make(weights, start);
        const tried: number[] = [];
        for (let attempt = 0; attempt < weights.length; attempt++) {
          const index = balancer.next(without(...tried));
          assert.ok(index >= 0 && index < weights.length && !tried.includes(index));
          tried.push(index);
        }
        assert.equal(balancer.next(without(...tried)), NO_ENDPOINT);
      }),
    );
  });

  test(`${name}: the share of endpoints that are down spreads by weight over all others`, () => {
    fc.assert(
      fc.property(weightsOf, fc.array(fc.nat(11), { maxLength: 6 }), fc.nat(40), (weights, down, before) => {
        const up = weights.map((weight, index) => (down.includes(index) ? 0 : weight));
        const cycle = up.reduce((sum, weight) => sum + weight, 0);
        if (cycle === 0) return;
        const balancer = make(weights, 0);
        for (let choice = 0; choice < before; choice++) balancer.next(all);
        // What was earned while all were up is paid back once. A credit is never larger than the sum W of all weights, and each choice
        // takes from the one that is owed most, so a few W choices later nothing of it is left.
        const earned = weights.reduce((sum, weight) => sum + weight, 0);
        for (let choice = 0; choice < 4 * earned; choice++) balancer.next(without(...down));
        const cycles = 50;
        const counts = countChoices(balancer, cycles * cycle, without(...down), weights.length);
        for (const [index, weight] of up.entries()) {
          assert.ok(Math.abs((counts[index] ?? 0) - cycles * weight) <= weights.length, `${counts} for ${up}`);
        }
      }),
      { examples: [[[1, 13, 1], [1], 5]] },
    );
  });

  test(`${name}: an endpoint that comes back gets its share and no burst`, () => {
    const balancer = make([1, 1, 1, 1], 0);
    countChoices(balancer, 999, without(2), 4);
    assert.deepEqual(countChoices(balancer, 4, all, 4), [1, 1, 1, 1]);
  });

  test(`${name}: one endpoint that always fails costs each of the others the same`, () => {
    const balancer = make([1, 1, 1, 1], 0);
    const served = [0, 0, 0, 0];
    for (let exchange = 0; exchange < 3_000; exchange++) {
      let index = balancer.next(all);
      if (index === 1) index = balancer.next(without(1));
      served[index] = (served[index] ?? 0) + 1;
    }
    assert.deepEqual(served, [1_000, 0, 1_000, 1_000]);
  });
}

test("smooth: the choices of a heavy endpoint are spread", () => {
  const balancer = new WeightedRoundRobin([5, 1, 1], 0);
  assert.deepEqual(
    Array.from({ length: 7 }, () => balancer.next(all)),
    [0, 0, 1, 0, 2, 0, 0],
  );
});

test("threads start at different endpoints", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((start) => byWeights([1, 1, 1], start).next(all)),
    [0, 1, 2, 0],
  );
  assert.notEqual(byWeights([2, 1], 0).next(all), byWeights([2, 1], 1).next(all));
});

test("equal weights need no weighing", () => {
  assert.ok(byWeights([3, 3], 0) instanceof RoundRobin);
  assert.ok(byWeights([3, 2], 0) instanceof WeightedRoundRobin);
});

test("a thousand weighted endpoints are chosen from in microseconds", () => {
  const weights = Array.from({ length: 1_000 }, (_, index) => (index % 1_000) + 1);
  const balancer = new WeightedRoundRobin(weights, 255);
  const started = performance.now();
  for (let choice = 0; choice < 2_000; choice++) balancer.next(all);
  assert.ok((performance.now() - started) / 2_000 < 0.2);
});
