import type { Run } from "./operation.ts";

export interface Timing {
  /** Nanoseconds per operation: the middle one of all rounds, and the fastest. */
  readonly median: number;
  readonly minimum: number;
  /** The sum of everything that the operation returned. */
  readonly sum: number;
}

/** Runs the operation until it is compiled, then measures `rounds` rounds of about `roundMs` milliseconds each. */
export function measure(run: Run, rounds: number, roundMs: number): Timing {
  let sum = 0;
  let count = 1;
  // The count that fills a round is found by doubling it, which warms up as well.
  for (;;) {
    const start = process.hrtime.bigint();
    sum += run(count);
    if (Number(process.hrtime.bigint() - start) >= roundMs * 1e6) break;
    count *= 2;
  }
  const each: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.hrtime.bigint();
    sum += run(count);
    each.push(Number(process.hrtime.bigint() - start) / count);
  }
  each.sort((a, b) => a - b);
  return { median: each[each.length >> 1] ?? 0, minimum: each[0] ?? 0, sum };
}
