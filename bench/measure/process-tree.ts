/** Process ids of a process and its descendants: nginx and others work in children of the process that was started. */
import { readFileSync, readdirSync } from "node:fs";

export function processTree(pid: number): number[] {
  return [pid, ...descendants(pid)];
}

function descendants(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
      .split(" ")
      .filter((child) => child !== "")
      .flatMap((child) => [Number(child), ...descendants(Number(child))]),
  );
}
