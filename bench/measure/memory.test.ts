import assert from "node:assert/strict";
import { test } from "node:test";
import { kilobytes, memory, peakMemory, resetPeak } from "./memory.ts";

const LINUX = process.platform === "linux" ? false : "reads /proc";

test("lines of /proc in bytes", () => {
  const status = "Name:\tVmRSS: 7 kB\nVmHWM:\t  4096 kB\nVmRSS:\t    12 kB\nPss_Dirty:  3 kB\nPss:   5 kB\n";
  assert.equal(kilobytes(status, "VmRSS"), 12_288);
  assert.equal(kilobytes(status, "VmHWM"), 4_194_304);
  assert.equal(kilobytes(status, "Pss"), 5120);
  assert.equal(kilobytes("Name:\tzombie\n", "VmRSS"), 0);
});

test("what this process takes is resident and is its peak", { skip: LINUX }, () => {
  resetPeak(process.pid);
  const before = memory(process.pid);
  const peakBefore = peakMemory(process.pid);
  const size = 64 << 20;
  const block = Buffer.alloc(size, 1);
  const after = memory(process.pid);
  assert.ok(after.resident - before.resident > size * 0.7, `${before.resident} to ${after.resident}`);
  assert.ok(after.proportional - before.proportional > size * 0.7, `${before.proportional} to ${after.proportional}`);
  assert.ok(peakMemory(process.pid) - peakBefore > size * 0.7, String(block.length));
});
