/**
 * Child process of count-allocations.ts, run with flags of V8 that make it repeatable. Prints as JSON how many bytes of the JavaScript heap one
 * operation of each kind allocates. Arguments: how many runs warm up, how many are measured, and prefixes of the wanted names.
 */
import { getHeapStatistics } from "node:v8";
import { allocating } from "./allocating.ts";
import { chosen } from "./operation.ts";
import type { Run } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";

const [warmUp = "", measured = "", ...words] = process.argv.slice(2);
const count = Number(measured);
const bytes: Record<string, number> = {};
let sum = 0;
for (const { name, prepare } of words.length === 0 ? OPERATIONS : chosen([...OPERATIONS, allocating], words)) bytes[name] = cost(prepare());
// The sum is printed, so that the compiler cannot leave out any result.
console.log(JSON.stringify({ bytes, sum }));

/** Bytes for one operation: the difference between many and few operations, so that the cost of measuring itself cancels out. */
function cost(run: Run): number {
  sum += run(Number(warmUp));
  // The first call makes what is made only once.
  allocatedBy(run, count);
  const few = allocatedBy(run, count);
  const many = allocatedBy(run, 3 * count);
  return Math.max(0, Math.round((many - few) / (2 * count)));
}

/** Bytes allocated by `times` operations. The young generation is empty before and large enough, so that nothing is collected meanwhile. */
function allocatedBy(run: Run, times: number): number {
  globalThis.gc?.({ type: "minor" });
  const before = getHeapStatistics().used_heap_size;
  sum += run(times);
  return getHeapStatistics().used_heap_size - before;
}
