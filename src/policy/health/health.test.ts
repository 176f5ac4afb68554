import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { nextHealth, UNKNOWN_HEALTH } from "./next-health.ts";
import type { HealthState } from "./next-health.ts";
import { firstProbeInMs, nextProbeAtMs, unprovenIntervalMs } from "./schedule.ts";

const thresholds = { healthy_threshold: 2, unhealthy_threshold: 3 };

/** Takes results as a text of + and -. Gives the health after each as h, u or ? (unknown), in upper case where it changed. */
function run(results: string, start: HealthState = UNKNOWN_HEALTH): string {
  let state = start;
  let word = "";
  for (const result of results) {
    const next = nextHealth(state, result === "+", thresholds);
    const letter = { healthy: "h", unhealthy: "u", unknown: "?" }[next.state.health];
    word += next.changed ? letter.toUpperCase() : letter;
    assert.equal(next.changed, next.state.health !== state.health);
    state = next.state;
  }
  return word;
}

test("the first success decides at once, failures only after their threshold", () => {
  assert.equal(run("+"), "H");
  assert.equal(run("--+"), "??H");
  assert.equal(run("----"), "??Uu");
});

test("an endpoint that became unhealthy before its first success needs one success; later it needs the threshold", () => {
  assert.equal(run("---+"), "??UH");
  assert.equal(run("---+---+-++"), "??UHhhUuuu" + "H");
});

test("health changes after the threshold, counted in a row", () => {
  assert.equal(run("+--+---"), "Hhhhhh" + "U");
  assert.equal(run("+----+-++"), "Hhh" + "Uuuuu" + "H");
  assert.equal(run("+---+++"), "HhhU" + "uHh");
});

test("with a threshold of one, health changes with every result", () => {
  const one = { healthy_threshold: 1, unhealthy_threshold: 1 };
  assert.equal(nextHealth({ health: "healthy", against: 0, proven: true }, false, one).changed, true);
  assert.equal(nextHealth({ health: "unhealthy", against: 0, proven: true }, true, one).changed, true);
});

test("health is what the last results in a row say", () => {
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
          const first = ok && !results.slice(0, index).includes(true);
          const flips = first || inARow >= (ok ? healthy : unhealthy);
          assert.equal(state.health, flips ? (ok ? "healthy" : "unhealthy") : before);
        }
      },
    ),
  );
});

test("a probe is due after the interval, give or take a tenth", () => {
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

test("the first probes of endpoints that begin together come one after the other, within two seconds", () => {
  assert.deepEqual(
    [0, 1, 2].map((index) => firstProbeInMs(index, 3)),
    [0, 2, 4],
  );
  assert.equal(firstProbeInMs(999, 1000), 1998);
  assert.equal(firstProbeInMs(3999, 4000), 1999.5);
});

test("until its first success an endpoint is probed soon again, and less and less often up to its interval", () => {
  assert.equal(unprovenIntervalMs(0, 1, 10_000), 250);
  assert.equal(unprovenIntervalMs(8_000, 1, 10_000), 500);
  assert.equal(unprovenIntervalMs(3_600_000, 1, 10_000), 10_000);
  assert.equal(unprovenIntervalMs(0, 1, 100), 100, "never less often than configured");
  assert.equal(unprovenIntervalMs(0, 1000, 10_000), 2000, "a thousand that are down are no load");
});
