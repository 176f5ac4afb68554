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

/** With its descendants. */
export function cpuTime(pid: number): CpuTime {
  const sum = { user: 0, kernel: 0 };
  for (const each of processTree(pid)) {
    const { user, kernel } = parseStat(readFileSync(`/proc/${each}/stat`, "utf8"));
    sum.user += user * TICK_MICROSECONDS;
    sum.kernel += kernel * TICK_MICROSECONDS;
  }
  return sum;
}

/** Milliseconds since the system began in which that core had something to run and the machine under it ran something else. */
export function stolenTime(core: number): number {
  return (parseSteal(readFileSync("/proc/stat", "utf8"), core) * TICK_MICROSECONDS) / 1000;
}

/** The eighth number of a core's line in /proc/stat, in ticks; 0 where there is no such line. */
export function parseSteal(stat: string, core: number): number {
  const line = stat.split("\n").find((each) => each.startsWith(`cpu${core} `));
  return Number(line?.split(" ")[8] ?? 0);
}

/** utime and stime in ticks, fields 14 and 15 of proc(5); the name in field 2 may hold spaces and parentheses. */
export function parseStat(stat: string): CpuTime {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { user: Number(fields[11]), kernel: Number(fields[12]) };
}
