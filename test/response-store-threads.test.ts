import assert from "node:assert/strict";
import { test } from "node:test";
import { hammerStore } from "./support/hammered-store.ts";

// For longer: test/e2e/response-store.test.ts.
test(
  "threads that store, find and replace at once, and end abruptly: nothing that is found is torn or out of date",
  { timeout: 30_000 },
  async () => {
    const { stored, found } = await hammerStore({ threads: 2, bytes: 120_000, deaths: 4, foundBetween: 500 });
    assert.ok(stored > 100 && found > 2000, `${stored} stored, ${found} found`);
  },
);
