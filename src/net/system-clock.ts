import { performance } from "node:perf_hooks";

/**
 * Milliseconds of the machine's monotonic clock: the same base in every thread of the process (a worker's performance.now() begins
 * at its own start), so that shared tables can hold times.
 */
const offset = monotonicOffset();

export function monotonicMs(): number {
  return offset + performance.now();
}

function monotonicOffset(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6 - performance.now();
}
