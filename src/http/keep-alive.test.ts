import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { connectionExpiry } from "./keep-alive.ts";

test("without a Keep-Alive field the configured limit counts", () => {
  assert.equal(connectionExpiry(undefined, 60_000), 60_000);
  assert.equal(connectionExpiry("max=100", 60_000), 60_000);
  assert.equal(connectionExpiry("xtimeout=1", 60_000), 60_000);
  assert.equal(connectionExpiry("timeout=soon", 60_000), 60_000);
  assert.equal(connectionExpiry("", 60_000), 60_000);
});

test("the announced timeout, less a margin, shortens the limit", () => {
  assert.equal(connectionExpiry("timeout=5", 60_000), 4000);
  assert.equal(connectionExpiry("timeout=1", 60_000), 500);
  assert.equal(connectionExpiry("timeout=0", 60_000), 0);
  for (const value of ["max=100, timeout=5", "TIMEOUT = 5", 'timeout="5"', "timeout=5;max=1", "max=1,timeout=5"])
    assert.equal(connectionExpiry(value, 60_000), 4000, value);
});

test("the result is never longer than the limit, negative or infinite", () => {
  assert.equal(connectionExpiry("timeout=3600", 60_000), 60_000);
  fc.assert(
    fc.property(
      fc.oneof(
        fc.nat().map((seconds) => `timeout=${seconds}`),
        fc.string(),
      ),
      fc.nat(600_000),
      (value, idleMs) => {
        const expiry = connectionExpiry(value, idleMs);
        assert.ok(expiry >= 0 && expiry <= idleMs);
      },
    ),
    { seed: 24, numRuns: 500 },
  );
});

test("the timeout of one origin is not used for another", () => {
  assert.deepEqual(
    [
      connectionExpiry("timeout=5", 60_000),
      connectionExpiry("timeout=9", 60_000),
      connectionExpiry(undefined, 60_000),
      connectionExpiry("timeout=9", 3000),
    ],
    [4000, 8000, 60_000, 3000],
  );
});
