import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { NO_ENDPOINT } from "./balancer.ts";
import type { Balancer, Choice } from "./balancer.ts";
import { makeBalancer } from "./make-balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/** The contract of balancers, run over each. `make` gets weights; they are equal for a balancer that knows no weights. */
const balancers: { readonly name: string; readonly weighted: boolean; make(weights: readonly number[], start: number): Balancer }[] = [
  { name: "round robin", weighted: false, make: (weights, start) => new RoundRobin(weights.length, start) },
  { name: "weighted round robin", weighted: true, make: (weights, start) => new WeightedRoundRobin(weights, start) },
  { name: "made by weights", weighted: true, make: makeBalancer },
];

/** A choice among `count` endpoints without load. */
function choiceOf(count: number, usable: Choice["usable"] = () => true): Choice {
  return { count, usable, inFlight: () => 0, key: () => 1, random: () => 0.5 };
}

/** A choice among `count` endpoints of which those at the positions `down` are not usable. */
function without(count: number, ...down: number[]): Choice {
  return choiceOf(count, (index) => !down.includes(index));
}

function countChoices(balancer: Balancer, choices: number, choice: Choice): number[] {
  const endpoints = choice.count;
  const counts = Array<number>(endpoints).fill(0);
  for (let made = 0; made < choices; made++) {
    const index = balancer.next(choice);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

for (const { name, weighted, make } of balancers) {
  const weightsOf = weighted
    ? fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 })
    : fc.integer({ min: 1, max: 12 }).map((count) => Array<number>(count).fill(1));

  test(`${name}: chooses none when none is usable`, () => {
    assert.equal(make([], 0).next(choiceOf(0)), NO_ENDPOINT);
    assert.equal(make([1, 1], 1).next(choiceOf(2, () => false)), NO_ENDPOINT);
  });

  test(`${name}: shares are exact over every cycle, wherever it starts`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(300), fc.nat(50), (weights, start, warmUp) => {
        const balancer = make(weights, start);
        for (let choice = 0; choice < warmUp; choice++) balancer.next(choiceOf(weights.length));
        const cycle = weights.reduce((sum, weight) => sum + weight, 0);
        assert.deepEqual(countChoices(balancer, cycle, choiceOf(weights.length)), weights);
      }),
    );
  });

  test(`${name}: yields every endpoint once as the tried ones are excluded, then none`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(20), (weights, start) => {
        const balancer = make(weights, start);
        const tried: number[] = [];
        for (let attempt = 0; attempt < weights.length; attempt++) {
          const index = balancer.next(without(weights.length, ...tried));
          assert.ok(index >= 0 && index < weights.length && !tried.includes(index));
          tried.push(index);
        }
        assert.equal(balancer.next(without(weights.length, ...tried)), NO_ENDPOINT);
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
        for (let choice = 0; choice < before; choice++) balancer.next(choiceOf(weights.length));
        // Credits earned while all endpoints were up are paid back first. A credit is never larger than the sum W of all weights, and each
        // choice takes from the endpoint that is owed most, so after a few W choices nothing of them is left.
        const earned = weights.reduce((sum, weight) => sum + weight, 0);
        for (let choice = 0; choice < 4 * earned; choice++) balancer.next(without(weights.length, ...down));
        const cycles = 50;
        const counts = countChoices(balancer, cycles * cycle, without(weights.length, ...down));
        for (const [index, weight] of up.entries()) {
          assert.ok(Math.abs((counts[index] ?? 0) - cycles * weight) <= weights.length, `${counts} for ${up}`);
        }
      }),
      { examples: [[[1, 13, 1], [1], 5]] },
    );
  });

  test(`${name}: an endpoint that comes back gets its share and no burst`, () => {
    const balancer = make([1, 1, 1, 1], 0);
    countChoices(balancer, 999, without(4, 2));
    assert.deepEqual(countChoices(balancer, 4, choiceOf(4)), [1, 1, 1, 1]);
  });

  test(`${name}: one endpoint that always fails costs each of the others the same`, () => {
    const balancer = make([1, 1, 1, 1], 0);
    const served = [0, 0, 0, 0];
    for (let exchange = 0; exchange < 3_000; exchange++) {
      let index = balancer.next(choiceOf(4));
      if (index === 1) index = balancer.next(without(4, 1));
      served[index] = (served[index] ?? 0) + 1;
    }
    assert.deepEqual(served, [1_000, 0, 1_000, 1_000]);
  });

  test(`${name}: after endpoints have come and gone, shares are exact again`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(60), fc.array(fc.nat(11), { maxLength: 6 }), fc.nat(4), (weights, choices, gone, came) => {
        const before = make(weights, 0);
        for (let made = 0; made < choices; made++) before.next(choiceOf(weights.length));
        const positions = weights.flatMap((_, index) => (gone.includes(index) ? [] : [index]));
        for (let fresh = 0; fresh < came; fresh++) positions.splice(fresh * 2, 0, NO_ENDPOINT);
        const newWeights = positions.map((position) => weights[position] ?? 1);
        const balancer = make(newWeights, 0);
        balancer.takeOver(before, positions);
        const cycle = newWeights.reduce((sum, weight) => sum + weight, 0);
        const counts = countChoices(balancer, 20 * cycle, choiceOf(newWeights.length));
        for (const [index, weight] of newWeights.entries()) {
          assert.ok(Math.abs((counts[index] ?? 0) - 20 * weight) <= 2, `${counts} for ${newWeights}`);
        }
      }),
    );
  });

  test(`${name}: with the same endpoints the turn goes on`, () => {
    fc.assert(
      fc.property(weightsOf, fc.nat(60), (weights, choices) => {
        const [before, balancer] = [make(weights, 0), make(weights, 5)];
        for (let made = 0; made < choices; made++) before.next(choiceOf(weights.length));
        balancer.takeOver(
          before,
          weights.map((_, index) => index),
        );
        const next = (one: Balancer): number[] => Array.from({ length: 30 }, () => one.next(choiceOf(weights.length)));
        assert.deepEqual(next(balancer), next(before));
      }),
    );
  });
}

test("after a reload the turn goes to the next endpoint that is still there", () => {
  const before = makeBalancer([1, 1, 1, 1], 0);
  for (let made = 0; made < 2; made++) before.next(choiceOf(4));
  const after = (...positions: number[]): number => {
    const balancer = makeBalancer(Array<number>(positions.length).fill(1), 0);
    balancer.takeOver(before, positions);
    return balancer.next(choiceOf(positions.length));
  };
  assert.deepEqual([after(0, 1, 3), after(3, 0), after(0, 1), after(NO_ENDPOINT, 2), after(NO_ENDPOINT)], [2, 0, 0, 1, 0]);
});

test("after a reload a light endpoint does not wait for a cycle of the old, heavy weights", () => {
  const before = makeBalancer([1000, 999], 0);
  before.next(choiceOf(2));
  const balancer = makeBalancer([2, 1], 0);
  balancer.takeOver(before, [0, 1]);
  const counts = countChoices(balancer, 6, choiceOf(2));
  assert.deepEqual(counts, [4, 2]);
});

test("smooth: the choices of a heavy endpoint are spread", () => {
  const balancer = new WeightedRoundRobin([5, 1, 1], 0);
  assert.deepEqual(
    Array.from({ length: 7 }, () => balancer.next(choiceOf(3))),
    [0, 0, 1, 0, 2, 0, 0],
  );
});

test("threads start at different endpoints", () => {
  assert.deepEqual(
    [0, 1, 2, 3].map((start) => makeBalancer([1, 1, 1], start).next(choiceOf(3))),
    [0, 1, 2, 0],
  );
  assert.notEqual(makeBalancer([2, 1], 0).next(choiceOf(2)), makeBalancer([2, 1], 1).next(choiceOf(2)));
});

test("endpoints of equal weights get the plain round robin", () => {
  assert.ok(makeBalancer([3, 3], 0) instanceof RoundRobin);
  assert.ok(makeBalancer([3, 2], 0) instanceof WeightedRoundRobin);
});

test("a thousand weighted endpoints are chosen from in microseconds", () => {
  const weights = Array.from({ length: 1_000 }, (_, index) => (index % 1_000) + 1);
  const balancer = new WeightedRoundRobin(weights, 255);
  const choice = choiceOf(1_000);
  const started = performance.now();
  for (let made = 0; made < 2_000; made++) balancer.next(choice);
  assert.ok((performance.now() - started) / 2_000 < 0.2);
});
