/**
 * The young generation of V8's heap in the threads that are started from now on: small, of one size, and collected by
 * the thread itself. An exchange leaves about a kilobyte behind, so that is some ten times a second, and takes a fraction of a millisecond
 * each time, less than with helpers, who must be woken and, where processors are busy, waited for. Left to itself V8 lets it grow to four times the
 * size, collects in longer pauses (with a new connection for each request the 99th percentile is three times as long), and every few minutes
 * gives the memory back, to take it again: what the process holds goes up and down by some ten megabytes.
 */
import v8 from "node:v8";

/** Of one of its halves, in MiB; docs/performance.md has what others cost. */
const SEMI_SPACE = 4;

export function fixYoungGeneration(): void {
  v8.setFlagsFromString("--no-parallel-scavenge");
  const chosen = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((options) => /semi[-_]space/.test(options));
  if (chosen) return;
  v8.setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE}`);
  v8.setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE}`);
}
