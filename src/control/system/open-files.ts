/** Derives the number of sockets that the process may have from the system's limit of open files. */
import { readFileSync, readdirSync } from "node:fs";

/** Descriptors reserved for each worker: its event loop, its listening sockets, what it is about to open. */
const PER_WORKER = 8;
/** Descriptors reserved for the main thread: log, probes, admin connections, files being read. */
const OTHERS = 32;
/** The least result, however small the system's limit is: a proxy that accepts nothing helps nobody. */
const LEAST = 16;

/**
 * The number of sockets that all workers together may have open before new clients must wait. Some descriptors above that number stay
 * free, so that exchanges under way can still open connections to endpoints. Infinity: the system does not say its limit.
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

/** Reads the soft limit from the text of /proc/PID/limits (proc(5)). Node raises it to the hard limit when it starts. */
export function openFilesMax(text: string): number {
  const found = /^Max open files\s+(\d+|unlimited)\b/m.exec(text)?.[1];
  return found === undefined || found === "unlimited" ? Infinity : Number(found);
}
