/** Processor time of a process with all its threads and descendants, from /proc (Linux). */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { processTree } from "./process-tree.ts";

/** Microseconds since the process began. */
export interface CpuTime {
  readonly user: number;
  readonly kernel: number;
}

/** The clock of /proc/PID/stat: 100 ticks a second on every Linux that matters, but ask. */
const TICK_MICROSECONDS = 1_000_000 / Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

/** The processor time of a process and its descendants so far. */
export function cpuTime(pid: number): CpuTime {
  const sum = { user: 0, kernel: 0 };
  for (const each of processTree(pid)) {
    const { user, kernel } = parseStat(readFileSync(`/proc/${each}/stat`, "utf8"));
    sum.user += user * TICK_MICROSECONDS;
    sum.kernel += kernel * TICK_MICROSECONDS;
  }
  return sum;
}

/** Steal time of a core since the system's start, in milliseconds: the core had work, but the host ran something else. */
export function stolenTime(core: number): number {
  return (parseSteal(readFileSync("/proc/stat", "utf8"), core) * TICK_MICROSECONDS) / 1000;
}

/** The steal time of a core in the text of /proc/stat, in ticks: the eighth number of its line. 0 if there is no such line. */
export function parseSteal(stat: string, core: number): number {
  const line = stat.split("\n").find((each) => each.startsWith(`cpu${core} `));
  return Number(line?.split(" ")[8] ?? 0);
}

/** The times in the text of /proc/PID/stat, in ticks: fields 14 and 15 (proc(5)). The name in field 2 may have spaces and parentheses. */
export function parseStat(stat: string): CpuTime {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { user: Number(fields[11]), kernel: Number(fields[12]) };
}
