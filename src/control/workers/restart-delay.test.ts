import { test } from "node:test";
import assert from "node:assert/strict";
import { NO_RESTARTS, restartDelay } from "./restart-delay.ts";

test("the first replacement comes at once, the next ones after a delay that doubles up to 5 s; a quiet time resets it", () => {
  let history = NO_RESTARTS;
  let now = 1000;
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    const next = restartDelay(history, now);
    delays.push(next.delayMs);
    history = next.history;
    now += next.delayMs + 50;
  }
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.equal(restartDelay(history, now + 10_000).delayMs, 0);
});
