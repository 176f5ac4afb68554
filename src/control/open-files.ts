/** How many sockets the process may have, from the system's limit of open files. */
import { readFileSync, readdirSync } from "node:fs";

/** For each worker: its event loop, its listening sockets, what it is about to open. */
const PER_WORKER = 8;
/** Log, probes, admin connections, files being read. */
const OTHERS = 32;
/** However small the system's limit is: a proxy that accepts nothing helps nobody. */
const LEAST = 16;

/**
 * Sockets that the workers together may open before new clients wait. What lies between that and the system's limit is
 * left to connections to endpoints for the exchanges under way. Infinity where the system does not tell its limit.
 */
export function socketsMax(workers: number): number {
  try {
    const limit = openFilesMax(readFileSync("/proc/self/limits", "latin1"));
    const open = readdirSync("/proc/self/fd").length;
    return Math.max(LEAST, limit - open - OTHERS - PER_WORKER * workers - Math.floor(limit / 16));
  } catch {
    return Infinity;
  }
}

/** The soft limit in the text of /proc/PID/limits (proc(5)); Node has raised it to the hard one at its start. */
export function openFilesMax(text: string): number {
  const found = /^Max open files\s+(\d+|unlimited)\b/m.exec(text)?.[1];
  return found === undefined || found === "unlimited" ? Infinity : Number(found);
}
