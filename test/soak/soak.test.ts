/** The soak, short: every kind of exchange, some tunnels, and the whole audit afterwards. `npm run soak` is the long one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { reportTable } from "./report-table.ts";
import { soak } from "./soak.ts";
import type { SoakOptions } from "./soak.ts";

const SETTINGS = { workers: 4, seed: 9110, concurrency: 24, parts: 1, restMs: 0, limitMs: 180_000 };

test("6,000 exchanges with faults on both sides and 100 tunnels leave nothing behind", { timeout: 240_000 }, async (t) => {
  await leavesNothing(t, { ...SETTINGS, exchanges: 6000, tunnels: 100, warmUp: 1000, overTls: false });
});

test("2,000 exchanges over TLS and 100 tunnels leave nothing behind", { timeout: 240_000 }, async (t) => {
  await leavesNothing(t, { ...SETTINGS, exchanges: 2000, tunnels: 100, warmUp: 1000, overTls: true });
});

async function leavesNothing(t: TestContext, options: Omit<SoakOptions, "onProgress">): Promise<void> {
  const report = await soak({ ...options, onProgress: (line) => t.diagnostic(line) });
  assert.equal(report.books.violationsTotal, 0, reportTable(report));
  assert.equal(report.books.exchanges, options.exchanges + options.warmUp);
  // Both measurements were made, on every thread.
  assert.equal(report.after.threads.length, 5);
  assert.ok(report.after.threads.every(({ heapBytes }) => heapBytes > 1024 ** 2));
  assert.ok(report.log.lines > options.exchanges);
}
