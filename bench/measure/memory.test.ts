import assert from "node:assert/strict";
import { test } from "node:test";
import { kilobytes, peakMemory, residentMemory, resetPeak } from "./memory.ts";

const LINUX = process.platform === "linux" ? false : "reads /proc";

test("lines of /proc in bytes", () => {
  const status = "Name:\tVmRSS: 7 kB\nVmHWM:\t  4096 kB\nVmRSS:\t    12 kB\nVmRSSx:  3 kB\n";
  assert.equal(kilobytes(status, "VmRSS"), 12_288);
  assert.equal(kilobytes(status, "VmHWM"), 4_194_304);
  assert.equal(kilobytes("Name:\tzombie\n", "VmRSS"), 0);
});

test("what this process takes is resident and is its peak", { skip: LINUX }, () => {
  resetPeak(process.pid);
  const before = residentMemory(process.pid);
  const peakBefore = peakMemory(process.pid);
  const size = 64 << 20;
  const block = Buffer.alloc(size, 1);
  const after = residentMemory(process.pid);
  assert.ok(after - before > size * 0.7, `${before} to ${after}`);
  assert.ok(peakMemory(process.pid) - peakBefore > size * 0.7, String(block.length));
});
