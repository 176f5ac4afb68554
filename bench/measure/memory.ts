/** Memory of a process and its descendants in bytes, from /proc (Linux). The kernel's memory for their sockets is not included. */
import { readFileSync, writeFileSync } from "node:fs";
import { processTree } from "./process-tree.ts";

/** Resident memory now. Pages that several processes share count once for each. */
export function residentMemory(pid: number): number {
  return total(processTree(pid), (each) => kilobytes(readFileSync(`/proc/${each}/status`, "utf8"), "VmRSS"));
}

/** The peak of resident memory since `resetPeak`, summed over the processes. */
export function peakMemory(pid: number): number {
  return total(processTree(pid), (each) => kilobytes(readFileSync(`/proc/${each}/status`, "utf8"), "VmHWM"));
}

/** Sets the peak to what is resident now, by writing 5 to clear_refs (proc(5)). */
export function resetPeak(pid: number): void {
  for (const each of processTree(pid)) writeFileSync(`/proc/${each}/clear_refs`, "5");
}

/** The value, in bytes, of a line such as `VmRSS:	  1234 kB`; 0 if there is no such line, as for a process that has just ended. */
export function kilobytes(text: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
}

function total(tree: readonly number[], of: (pid: number) => number): number {
  return tree.reduce((sum, each) => sum + of(each), 0);
}
