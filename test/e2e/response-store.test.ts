import assert from "node:assert/strict";
import { test } from "node:test";
import { hammerStore } from "../support/hammered-store.ts";

for (const [threads, bytes, deaths, foundBetween] of [
  [2, 100_000, 60, 500],
  [3, 300_000, 40, 2000],
  [4, 120_000, 10, 10_000],
] as const) {
  test(
    `${threads} threads on ${bytes} bytes, ${deaths} of which end abruptly: nothing that is found is torn or out of date`,
    { timeout: 300_000 },
    async () => {
      const { stored, found } = await hammerStore({ threads, bytes, deaths, foundBetween });
      assert.ok(stored > found / 20, `${stored} stored, ${found} found`);
    },
  );
}
