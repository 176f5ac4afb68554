import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { nextHealth, UNKNOWN_HEALTH } from "./next-health.ts";
import type { HealthState } from "./next-health.ts";
import { nextProbeAtMs } from "./schedule.ts";

const thresholds = { healthy_threshold: 2, unhealthy_threshold: 3 };

/** Results as a word of + and -; the healths after each, as a word of h and u, upper case where it changed. */
function run(results: string, start: HealthState = UNKNOWN_HEALTH): string {
  let state = start;
  let word = "";
  for (const result of results) {
    const next = nextHealth(state, result === "+", thresholds);
    const letter = next.state.health === "healthy" ? "h" : "u";
    word += next.changed ? letter.toUpperCase() : letter;
    assert.equal(next.changed, next.state.health !== state.health);
    state = next.state;
  }
  return word;
}

test("the first result decides at once", () => {
  assert.equal(run("+"), "H");
  assert.equal(run("-"), "U");
});

test("flips after the threshold, counted in a row", () => {
  assert.equal(run("+--+---"), "Hhhhhh" + "U");
  assert.equal(run("-+-++"), "Uuuu" + "H");
  assert.equal(run("+---+++"), "HhhU" + "uHh");
});

test("a threshold of one flips with every result", () => {
  const one = { healthy_threshold: 1, unhealthy_threshold: 1 };
  assert.equal(nextHealth({ health: "healthy", against: 0 }, false, one).changed, true);
  assert.equal(nextHealth({ health: "unhealthy", against: 0 }, true, one).changed, true);
});

test("is what the last results in a row say", () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      (results, healthy, unhealthy) => {
        let state = UNKNOWN_HEALTH;
        let inARow = 0;
        for (const [index, ok] of results.entries()) {
          inARow = index > 0 && results[index - 1] === ok ? inARow + 1 : 1;
          const before = state.health;
          state = nextHealth(state, ok, { healthy_threshold: healthy, unhealthy_threshold: unhealthy }).state;
          const flips = before === "unknown" || inARow >= (ok ? healthy : unhealthy);
          assert.equal(state.health, flips ? (ok ? "healthy" : "unhealthy") : before);
        }
      },
    ),
  );
});

test("the first probe is due at once, the others after the interval, give or take a tenth", () => {
  assert.equal(nextProbeAtMs(null, 5_000, 10_000, 0.9), 5_000);
  assert.equal(nextProbeAtMs(5_000, 5_100, 10_000, 0.5), 15_000);
  assert.equal(nextProbeAtMs(5_000, 5_100, 10_000, 0), 14_000);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.integer({ min: 0, max: 9_000 }), (random, tookMs) => {
      const at = nextProbeAtMs(5_000, 5_000 + tookMs, 10_000, random);
      assert.ok(at >= 14_000 && at <= 16_000);
    }),
  );
});

test("a probe that took longer than the interval is followed at once", () => {
  assert.equal(nextProbeAtMs(5_000, 40_000, 10_000, 0.5), 40_000);
});
