import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { keepAwake } from "./awake.ts";

test("asks for a wake-up within 0 us, or returns false if that is not permitted", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "awake-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const device = path.join(folder, "cpu_dma_latency");
  writeFileSync(device, "");
  assert.equal(keepAwake(device), true);
  assert.deepEqual(readFileSync(device), Buffer.alloc(4));
  assert.equal(keepAwake(path.join(folder, "none", "such")), false);
});
