import assert from "node:assert/strict";
import { test } from "node:test";
import { Latencies } from "./latencies.ts";

test("quantiles are exact to one per cent", () => {
  const latencies = new Latencies();
  for (let value = 10_000; value >= 1; value--) latencies.add(value / 100);
  for (const share of [0.001, 0.5, 0.99, 0.999, 1]) {
    const exact = share * 100;
    const got = latencies.quantile(share);
    assert.ok(got >= exact * 0.9999 && got <= exact * 1.0101, `${share}: ${got}`);
  }
  assert.deepEqual([latencies.count, latencies.longest], [10_000, 100]);
});

test("no latencies, the shortest and the longest latency", () => {
  const latencies = new Latencies();
  assert.equal(latencies.quantile(0.99), 0);
  latencies.add(0);
  assert.equal(latencies.quantile(1), 0);
  latencies.add(1e9);
  assert.ok(latencies.quantile(1) > 100_000);
});
