import { performance } from "node:perf_hooks";

/** Below this nothing is slow. */
const MILLISECONDS_MIN = 5;
/** How many times the yardstick's time a parser may take: what looks at pairs of characters takes some hundred times as long. */
const YARDSTICKS_MAX = 8;
const TRIES = 6;

/**
 * null where the fastest of a few runs takes no longer than one plain look at each character of a head a few times over, on this machine
 * and under its present load; else its milliseconds.
 */
export function slowestOf(run: () => void): number | null {
  const fastest = fastestOf(run, MILLISECONDS_MIN);
  if (fastest <= MILLISECONDS_MIN) return null;
  return fastest > YARDSTICKS_MAX * fastestOf(yardstick, 0) ? fastest : null;
}

function fastestOf(run: () => void, enough: number): number {
  let fastest = Infinity;
  for (let tried = 0; tried < TRIES && fastest > enough; tried++) {
    const before = process.threadCpuUsage();
    const started = performance.now();
    run();
    const { user, system } = process.threadCpuUsage(before);
    // Of both clocks the lower one: other programs stop the one, and the processor's counts in coarse steps on some systems.
    const wall = performance.now() - started;
    fastest = Math.min(fastest, wall, (user + system) / 1000 || wall);
  }
  return fastest;
}

const HEAD = "Abc-1, d; e=F ".repeat(2100);
const octets = new Set<string>();

/** A slice, a change of case and a look-up for each character. */
function yardstick(): void {
  for (let at = 0; at < HEAD.length; at++) octets.add(HEAD.slice(at, at + 3).toLowerCase());
}
