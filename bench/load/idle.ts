/** Starts clients that hold idle connections, and computes how many the limit of open files allows. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { REQUEST_HEAD } from "./wrk.ts";
import type { WrkPlace } from "./wrk.ts";

const PROGRAM = fileURLToPath(new URL("./idle-program.ts", import.meta.url));
const LIMIT_MS = 120_000;
/** Files that a process opens in addition to client connections: connections to the origin, libraries, pipes. */
const FURTHER_FILES = 200;
/** The share of files that Millrace uses: it leaves a sixteenth free. */
const SHARE = 15 / 16;
/** The fewest connections that give a useful figure: with fewer, the memory of the process itself would weigh too much. */
const LEAST = 3000;

/** Opens `count` connections. Resolves with the clients' process id when each has had its answer; rejects if one failed. */
export async function openIdle({ processes, loadCore, certificate }: WrkPlace, port: number, count: number): Promise<number> {
  const argv = [process.execPath, PROGRAM, String(port), String(count), REQUEST_HEAD, ...(certificate === null ? [] : ["tls"])];
  return (await processes.until(argv, loadCore, /^open \d+$/m, LIMIT_MS)).pid;
}

/**
 * How many connections a process with this limit of open files can hold, at most `wanted`. Each takes two files, because Millrace keeps one free for
 * each client's connection to an endpoint.
 */
export function mostIdle(wanted: number, limit: number = ownLimit()): number {
  return Math.min(wanted, Math.floor((limit * SHARE - FURTHER_FILES) / 2));
}

/** Null if enough connections can be held; else a message with the command that helps. */
export function tooFewFiles(limit: number = ownLimit()): string | null {
  if (mostIdle(LEAST, limit) === LEAST) return null;
  const needed = filesFor(LEAST);
  return `${limit} open files are allowed and ${needed} are needed: ulimit -n ${needed}, as root`;
}

export function filesFor(connections: number): number {
  return Math.ceil((2 * connections + FURTHER_FILES) / SHARE);
}

/** This process's limit of open files. Node has raised the soft limit to the hard one. */
function ownLimit(): number {
  return openFiles(readFileSync("/proc/self/limits", "utf8"));
}

/** The soft limit in /proc/PID/limits. */
export function openFiles(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Infinity : Number(soft ?? 0);
}
