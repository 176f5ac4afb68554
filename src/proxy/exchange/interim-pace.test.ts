import assert from "node:assert/strict";
import { test } from "node:test";
import { InterimPace } from "./interim-pace.ts";

/** How many interim responses are allowed, of those that come at that interval in milliseconds. */
function allowed(everyMs: number, count: number): number {
  const pace = new InterimPace(1000);
  for (let sent = 0; sent < count; sent++) if (!pace.allows(1000 + sent * everyMs)) return sent;
  return count;
}

test("one a second may come for ever", () => {
  assert.equal(allowed(1000, 10_000), 10_000);
  assert.equal(allowed(10_000, 10_000), 10_000);
});

test("32 may come at once, the next one is too many", () => {
  assert.equal(allowed(0, 100), 32);
});

test("faster than one a second it ends when the excess is 32", () => {
  assert.equal(allowed(500, 1000), 63);
  assert.equal(allowed(750, 10_000), 125);
});

test("a quiet time does not allow a larger burst later", () => {
  const pace = new InterimPace(0);
  for (let at = 0; at < 600_000; at += 10_000) assert.ok(pace.allows(at));
  let burst = 0;
  while (pace.allows(600_000)) burst++;
  assert.equal(burst, 32);
});
