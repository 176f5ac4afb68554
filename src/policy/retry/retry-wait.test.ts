import { test } from "node:test";
import assert from "node:assert/strict";
import { backoffMs, retryAfterMs, withinBudget } from "./retry-wait.ts";

const backoff = { baseMs: 20, maxMs: 100 };

test("the wait doubles, up to the longest one, and a random part of it is waited", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 50].map((attempt) => backoffMs(backoff, attempt, 0.5)),
    [10, 20, 40, 50, 50, 50],
  );
  assert.equal(backoffMs(backoff, 3, 0), 0);
  assert.equal(backoffMs({ baseMs: 0, maxMs: 100 }, 3, 0.9), 0);
});

test("Retry-After in seconds and as a date", () => {
  const now = Date.UTC(2026, 0, 1, 0, 0, 0);
  assert.equal(retryAfterMs("2", now), 2000);
  assert.equal(retryAfterMs("0", now), 0);
  assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", now), 5000);
  assert.equal(retryAfterMs("Wed, 31 Dec 2025 23:59:59 GMT", now), 0);
  for (const value of ["", "-1", "1.5", "soon", "1e3", "99999999999", "1, 2", "Thu, nonsense"]) {
    assert.equal(retryAfterMs(value, now), null, value);
  }
});

test("three at once in any case, above that a share of the exchanges in flight", () => {
  assert.deepEqual(
    [0, 2, 3].map((retrying) => withinBudget(retrying, 1, 0.2)),
    [true, true, false],
  );
  assert.deepEqual(
    [3, 19, 20].map((retrying) => withinBudget(retrying, 100, 0.2)),
    [true, true, false],
  );
  assert.equal(withinBudget(3, 1000, 0), false);
});
