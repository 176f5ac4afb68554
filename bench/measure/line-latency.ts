/**
 * How long the machine takes to bring a cache line that a core's own caches do not hold: 16 MiB, walked in no order. On a virtual machine the
 * cache beyond them is shared with others, and what many objects or sockets cost follows them: 45 ns in a quiet moment, 120 in another.
 */
import { fileURLToPath } from "node:url";
import type { Processes } from "../processes.ts";
import { median } from "./round.ts";

const PROGRAM = fileURLToPath(new URL("./line-latency-program.ts", import.meta.url));

/** Nanoseconds a line, measured on that core for a tenth of a second. */
export async function lineLatency(processes: Processes, core: number): Promise<number> {
  return Number(await processes.run([process.execPath, PROGRAM], core));
}

/** What a reader of ratios near 1 must know of the machine. */
export function lineLatencyNote(nanoseconds: readonly number[]): string {
  const [least, most] = [Math.min(...nanoseconds), Math.max(...nanoseconds)];
  return `a cache line from beyond the core took ${median(nanoseconds).toFixed(0)} ns (${least.toFixed(0)} to ${most.toFixed(0)})`;
}
