/**
 * Measures how long the machine takes to fetch a cache line that a core's own caches do not hold. On a virtual machine the outer cache is shared with
 * other machines, so this time varies (45 to 120 ns), and with it the cost of many objects or sockets.
 */
import { fileURLToPath } from "node:url";
import type { Processes } from "../processes.ts";
import { median } from "./round.ts";

const PROGRAM = fileURLToPath(new URL("./line-latency-program.ts", import.meta.url));

/** Nanoseconds per cache line, measured on the core for a tenth of a second. */
export async function lineLatency(processes: Processes, core: number): Promise<number> {
  return Number(await processes.run([process.execPath, PROGRAM], core));
}

/** A note under the table, for readers of ratios near 1: the measured times per line. */
export function lineLatencyNote(nanoseconds: readonly number[]): string {
  const [least, most] = [Math.min(...nanoseconds), Math.max(...nanoseconds)];
  return `a cache line from beyond the core took ${median(nanoseconds).toFixed(0)} ns (${least.toFixed(0)} to ${most.toFixed(0)})`;
}
