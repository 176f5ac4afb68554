import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { countedLater, decide, emissionInterval, newRateDecision, shortage } from "./gcra.ts";
import type { RateDecision } from "./gcra.ts";

const NOW = 1_790_000_000_000;

/** A limiter for one key. */
function limiter(requests: number, perMs: number, burst: number): (nowMs: number) => RateDecision {
  const interval = emissionInterval(requests, perMs);
  const decision = newRateDecision();
  let tat: number | undefined;
  return (nowMs) => {
    decide(tat, nowMs, interval, burst, decision);
    tat = decision.tatMs;
    return { ...decision };
  };
}

test("100 a minute with a burst of 10: ten at once, then one per 600 ms", () => {
  const ask = limiter(100, 60_000, 10);
  for (let request = 0; request < 10; request++) assert.equal(ask(NOW).allowed, true);
  const denied = ask(NOW);
  assert.deepEqual(denied, { allowed: false, tatMs: NOW + 6_000, retryAfterMs: 600 });
  assert.equal(ask(NOW + 599).allowed, false);
  assert.equal(ask(NOW + 600).allowed, true);
  assert.equal(ask(NOW + 600).allowed, false);
  assert.equal(ask(NOW + 1_200).allowed, true);
});

test("what is left: how many requests, and when one more", () => {
  const left = (tatMs: number, nowMs: number): readonly number[] => Object.values(shortage(tatMs, nowMs, 1_000, 3));
  assert.deepEqual(left(0, NOW), [3, 0]);
  assert.deepEqual(left(NOW + 1_000, NOW), [2, 1_000]);
  assert.deepEqual(left(NOW + 2_000, NOW + 500), [1, 500]);
  assert.deepEqual(left(NOW + 3_000, NOW), [0, 1_000]);
  assert.deepEqual(left(NOW + 5_500, NOW), [0, 3_500], "in debt");
});

test("a request that costs several passes when as many are left, and never above the burst", () => {
  const interval = emissionInterval(60, 60_000);
  const decision = newRateDecision();
  const ask = (tatMs: number, cost: number): readonly unknown[] => {
    decide(tatMs, NOW, interval, 10, decision, cost);
    return [decision.allowed, decision.tatMs - NOW, decision.retryAfterMs];
  };
  assert.deepEqual(ask(0, 10), [true, 10_000, 0]);
  assert.deepEqual(ask(NOW + 4_000, 6), [true, 10_000, 0]);
  assert.deepEqual(ask(NOW + 5_000, 6), [false, 5_000, 1_000]);
  assert.equal(ask(0, 11)[0], false);
});

test("what is counted later goes up to the debt, and what is given back no further than a full bucket", () => {
  const later = (ahead: number, count: number, debtMs: number): number => countedLater(NOW + ahead, NOW, 1_000, 3, count, debtMs) - NOW;
  assert.deepEqual([later(0, 2, 0), later(2_000, 5, 0), later(2_000, 5, 2_000), later(2_000, 1e15, 2_000)], [2_000, 3_000, 5_000, 5_000]);
  assert.deepEqual([later(3_000, -1, 0), later(0, -2, 0)], [2_000, -2_000]);
  const decision = newRateDecision();
  decide(NOW + 5_000, NOW, 1_000, 3, decision, 1, 2_000);
  assert.deepEqual([decision.allowed, decision.retryAfterMs], [false, 3_000]);
});

test("a burst admits exactly its number, for every rate, at every time", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2_000_000 }),
      fc.constantFrom(1_000, 60_000),
      fc.integer({ min: 1, max: 3_000 }),
      fc.double({ min: 0, max: 2 ** 41, noNaN: true }),
      (requests, perMs, burst, now) => {
        const ask = limiter(requests, perMs, burst);
        for (let request = 0; request < burst; request++) assert.equal(ask(now).allowed, true);
        assert.equal(ask(now).allowed, false);
      },
    ),
    { numRuns: 200 },
  );
});

test("one request passes after retryAfterMs, and not before", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 80 }),
      (requests, burst, steps) => {
        const ask = limiter(requests, 60_000, burst);
        let now = NOW;
        for (const step of steps) {
          now += step;
          const decision = ask(now);
          if (decision.allowed) continue;
          const probe = newRateDecision();
          const interval = emissionInterval(requests, 60_000);
          decide(decision.tatMs, now + decision.retryAfterMs, interval, burst, probe);
          assert.equal(probe.allowed, true);
          decide(decision.tatMs, now + decision.retryAfterMs - 1 / 1024, interval, burst, probe);
          assert.equal(probe.allowed, false);
        }
      },
    ),
  );
});

test("never admits more than burst + elapsed / interval", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 300 }),
      (requests, burst, steps) => {
        const ask = limiter(requests, 60_000, burst);
        let now = NOW;
        let admitted = 0;
        for (const step of steps) {
          now += step;
          if (ask(now).allowed) admitted++;
        }
        assert.ok(admitted <= burst + Math.floor((now - NOW) / emissionInterval(requests, 60_000)));
      },
    ),
  );
});

test("after the clock was set back nobody is refused for longer than an empty bucket takes to fill", () => {
  const ask = limiter(60, 60_000, 5);
  for (let request = 0; request < 5; request++) ask(NOW + 3_600_000);
  assert.equal(ask(NOW).retryAfterMs, 1_000);
  assert.equal(ask(NOW + 1_000).allowed, true);
});

test("clocks of threads that differ a little let no more requests pass", () => {
  const ask = limiter(60_000, 60_000, 10);
  let admitted = 0;
  for (let round = 0; round < 1_000; round++) for (const skew of [0, -1_500]) if (ask(NOW + skew).allowed) admitted++;
  assert.equal(admitted, 10);
});

test("the emission interval is rounded by no more than its comment says", () => {
  assert.equal(emissionInterval(100, 60_000), 600);
  for (const perSecond of [1, 3, 7, 60, 99, 100])
    assert.ok(Math.abs(emissionInterval(perSecond, 1_000) * perSecond - 1_000) < 1_000 * 5e-5);
  assert.ok(Math.abs(emissionInterval(1_000_000, 1_000) * 1_000_000 - 1_000) < 25);
  assert.ok(emissionInterval(1e12, 1_000) > 0);
});
