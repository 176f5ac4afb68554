/**
 * Child process of count-allocations.ts, under flags of V8 that make it repeatable: prints as JSON how many bytes of the JavaScript heap one
 * operation of each kind allocates. Arguments: how often each is done to warm up, how often it is measured, and the beginnings of the names
 * that are wanted.
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
// The sum is printed so that no result can have been left out.
console.log(JSON.stringify({ bytes, sum }));

/** Bytes for one operation. What a measurement costs itself is the same for few operations and for many, and falls out. */
function cost(run: Run): number {
  sum += run(Number(warmUp));
  // The first one finds what is made once.
  allocatedBy(run, count);
  const few = allocatedBy(run, count);
  const many = allocatedBy(run, 3 * count);
  return Math.max(0, Math.round((many - few) / (2 * count)));
}

/** The young generation is empty at the start and larger than what is allocated: nothing is collected in between. */
function allocatedBy(run: Run, times: number): number {
  globalThis.gc?.({ type: "minor" });
  const before = getHeapStatistics().used_heap_size;
  sum += run(times);
  return getHeapStatistics().used_heap_size - before;
}
