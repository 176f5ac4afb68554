/** Memory of a process with its descendants, from /proc (Linux), in bytes. What the kernel holds for its sockets is not in it. */
import { readFileSync, writeFileSync } from "node:fs";
import { processTree } from "./process-tree.ts";

/** What is resident now; pages that several processes share count in each. */
export function residentMemory(pid: number): number {
  return total(processTree(pid), (each) => kilobytes(readFileSync(`/proc/${each}/status`, "utf8"), "VmRSS"));
}

/** The most that was resident at a time since `resetPeak`, summed over processes. */
export function peakMemory(pid: number): number {
  return total(processTree(pid), (each) => kilobytes(readFileSync(`/proc/${each}/status`, "utf8"), "VmHWM"));
}

/** proc(5): 5 written to clear_refs sets VmHWM to what is resident now. */
export function resetPeak(pid: number): void {
  for (const each of processTree(pid)) writeFileSync(`/proc/${each}/clear_refs`, "5");
}

/** The number of a line such as `VmRSS:	  1234 kB` in bytes; 0 when there is none: a process that has just ended has no memory. */
export function kilobytes(text: string, name: string): number {
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
}

function total(tree: readonly number[], of: (pid: number) => number): number {
  return tree.reduce((sum, each) => sum + of(each), 0);
}
