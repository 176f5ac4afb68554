import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyPace, SPAN_MS } from "./body-pace.ts";

const IDLE_MS = 60_000;
const RATE = 240;

test("a body that keeps the rate passes, span after span", () => {
  const pace = new BodyPace();
  pace.begin(0);
  for (let now = 100; now <= 10 * SPAN_MS; now += 100) {
    pace.add(24, now);
    assert.equal(pace.tooSlow(now, IDLE_MS, RATE, false), false, String(now));
  }
});

test("a body that drips is too slow at the end of its first span, not before", () => {
  const pace = new BodyPace();
  pace.begin(0);
  for (let now = 100; now < SPAN_MS; now += 100) {
    pace.add(1, now);
    assert.equal(pace.tooSlow(now, IDLE_MS, RATE, false), false);
  }
  assert.equal(pace.tooSlow(SPAN_MS, IDLE_MS, RATE, false), true);
  assert.equal(pace.tooSlow(SPAN_MS, IDLE_MS, 0, false), false, "rate 0 is off");
});

test("a pause longer than the idle limit is too long, at any rate", () => {
  const pace = new BodyPace();
  pace.begin(0);
  pace.add(1_000_000, 10);
  assert.equal(pace.tooSlow(1009, 1000, 0, false), false);
  assert.equal(pace.nextCheckMs(510, 1000), 500);
  assert.equal(pace.tooSlow(1010, 1000, 0, false), true);
});

test("time in which the proxy does not read is no fault of the client", () => {
  const pace = new BodyPace();
  pace.begin(0);
  assert.equal(pace.tooSlow(10 * SPAN_MS, 1000, RATE, true), false);
  pace.goesOn(10 * SPAN_MS);
  assert.equal(pace.tooSlow(10 * SPAN_MS + 10, 1000, RATE, false), false, "what was held up before is excused");
  assert.equal(pace.tooSlow(10 * SPAN_MS + 1000, 1000, RATE, false), true);
});

test("being held up for a moment excuses that moment, not the span after it", () => {
  const pace = new BodyPace();
  pace.begin(0);
  pace.goesOn(1);
  pace.add(10, 2);
  assert.equal(pace.tooSlow(1 + SPAN_MS, 2 * SPAN_MS, RATE, false), true);
});
