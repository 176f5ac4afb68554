import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { decide, emissionInterval, newRateDecision } from "./gcra.ts";
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
  assert.deepEqual(denied, { allowed: false, tatMs: NOW + 6_000, remaining: 0, retryAfterMs: 600, resetMs: 6_000 });
  assert.equal(ask(NOW + 599).allowed, false);
  assert.equal(ask(NOW + 600).allowed, true);
  assert.equal(ask(NOW + 600).allowed, false);
  assert.equal(ask(NOW + 1_200).allowed, true);
});

test("a decision says how many more requests would pass", () => {
  const ask = limiter(60, 60_000, 3);
  assert.deepEqual(ask(NOW), { allowed: true, tatMs: NOW + 1_000, remaining: 2, retryAfterMs: 0, resetMs: 1_000 });
  assert.equal(ask(NOW).remaining, 1);
  assert.equal(ask(NOW + 500).remaining, 0);
  assert.equal(ask(NOW + 500).retryAfterMs, 500);
  assert.equal(ask(NOW + 10_000).remaining, 2);
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

test("one request passes after retryAfterMs, a whole burst after resetMs", () => {
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
          decide(decision.tatMs, now + decision.resetMs, interval, burst, probe);
          assert.equal(probe.remaining, burst - 1);
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
