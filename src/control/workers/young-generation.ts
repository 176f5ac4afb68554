/**
 * Sets the young generation of V8's heap for worker threads: small, of a fixed size, and collected by the worker thread itself.
 *
 * An exchange leaves about a kilobyte of garbage, so a collection happens some ten times a second and takes a fraction of a millisecond.
 * V8's helper threads would make it slower: they must be woken and, on busy processors, waited for. With its default settings V8 lets
 * the young generation grow to four times this size. Then pauses are longer (with a new connection for each request, the 99th
 * percentile of latency is three times as long), and the memory of the process goes up and down by some ten megabytes.
 */
import v8 from "node:v8";

/** Size of one half of the young generation, in MiB. docs/performance.md compares other sizes. */
const SEMI_SPACE_MIB = 4;

/** The whole young generation in MiB: both halves, and as much again for large objects. */
export const YOUNG_GENERATION_MIB: number = 3 * SEMI_SPACE_MIB;

/** Applies to threads that start after the call. A semi-space size that the user gave to Node takes precedence. */
export function fixYoungGeneration(): void {
  v8.setFlagsFromString("--no-parallel-scavenge");
  const chosen = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((options) => /semi[-_]space/.test(options));
  if (chosen) return;
  v8.setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MIB}`);
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MIB}`);
}
