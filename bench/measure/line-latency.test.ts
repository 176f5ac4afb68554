import assert from "node:assert/strict";
import { test } from "node:test";
import { Processes } from "../processes.ts";
import { lineLatency, lineLatencyNote } from "./line-latency.ts";
import { allowedCores } from "./machine.ts";

const LINUX = process.platform === "linux" ? false : "taskset pins the program";

// Bounds that hold on any machine: no cache beyond a core is faster than 3 ns, and no memory a hundred times slower than usual.
test("a cache line takes a plausible time", { skip: LINUX }, async () => {
  const nanoseconds = await lineLatency(new Processes(), allowedCores()[0] ?? 0);
  assert.ok(nanoseconds > 3 && nanoseconds < 20_000, `${nanoseconds}`);
});

test("what is said of them: the median, the least and the most", () => {
  assert.equal(lineLatencyNote([81.6, 45.2, 120.4]), "a cache line from beyond the core took 82 ns (45 to 120)");
});
