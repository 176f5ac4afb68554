import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { renewalTime } from "./renewal-time.ts";
import { NO_FAILURES, failedAgain, retryTime } from "./retry-time.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const term = { fromMs: 0, untilMs: 90 * DAY_MS };

test("without a window a certificate is renewed after two thirds of its term, spread over some days", () => {
  assert.equal(renewalTime(term, null, 0), 60 * DAY_MS);
  assert.equal(renewalTime(term, null, 0.5), 62.25 * DAY_MS);
});

test("with a window it is renewed at a moment of it", () => {
  const window = { startMs: 10 * DAY_MS, endMs: 20 * DAY_MS };
  assert.equal(renewalTime(term, window, 0), 10 * DAY_MS);
  assert.equal(renewalTime(term, window, 0.5), 15 * DAY_MS);
});

test("it is never renewed so late that no time is left for a second try", () => {
  const window = fc.record({ startMs: fc.nat(200), length: fc.nat(200) });
  fc.assert(
    fc.property(window, fc.double({ min: 0, max: 0.999, noNaN: true }), ({ startMs, length }, random) => {
      const at = renewalTime(term, { startMs: startMs * DAY_MS, endMs: (startMs + length) * DAY_MS }, random);
      return at <= 86 * DAY_MS;
    }),
  );
});

test("pauses after failures grow, with no more than four tries in the first hour", () => {
  let failures = NO_FAILURES;
  const tries = [0];
  for (let now = 0; tries.length < 12; now = retryTime(failures, 0)) {
    failures = failedAgain(failures, now, null);
    tries.push(retryTime(failures, 0));
  }
  assert.equal(tries.filter((at) => at < 60 * MINUTE_MS).length, 4);
  assert.equal((tries[11] ?? 0) - (tries[10] ?? 0), 360 * MINUTE_MS);
});

test("the authority's word counts where it wants to be left alone for longer", () => {
  assert.equal(retryTime(failedAgain(NO_FAILURES, 1000, 5 * DAY_MS), 0), 1000 + 5 * DAY_MS);
  assert.equal(retryTime(failedAgain(NO_FAILURES, 1000, 1), 0), 1000 + 2 * MINUTE_MS);
});

test("after a start the pause is short, but not against the authority's word", () => {
  const many = { count: 20, lastMs: 0, notBeforeMs: 0 };
  assert.equal(retryTime(many, 0, true), 15 * MINUTE_MS);
  assert.equal(retryTime({ ...many, notBeforeMs: DAY_MS }, 0, true), DAY_MS);
});
