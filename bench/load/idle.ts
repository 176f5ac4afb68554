/** Clients that hold a connection and ask for nothing more. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Processes } from "../processes.ts";
import { REQUEST_FIELDS, REQUEST_TARGET } from "./wrk.ts";

const PROGRAM = fileURLToPath(new URL("./idle-program.ts", import.meta.url));
const HEAD = `GET ${REQUEST_TARGET} HTTP/1.1\r\n${["Host: bench.test", ...REQUEST_FIELDS].join("\r\n")}\r\n\r\n`;
const LIMIT_MS = 120_000;
/** Files beside the connections: the connections to the origin, libraries, pipes. */
const FURTHER_FILES = 1000;

/** Resolves with the clients' process id when each connection has had its answer; rejects when one failed. */
export async function openIdle(processes: Processes, core: number, port: number, count: number): Promise<number> {
  const argv = [process.execPath, PROGRAM, String(port), String(count), HEAD];
  return (await processes.until(argv, core, /^open \d+$/m, LIMIT_MS)).pid;
}

/**
 * Why so many connections cannot be held, with the command that helps; null when they can. Millrace keeps a file free for each client's
 * connection to an endpoint. Node has raised its own limit to the hard one.
 */
export function tooFewFiles(connections: number): string | null {
  const limit = openFiles(readFileSync("/proc/self/limits", "utf8"));
  const needed = 2 * connections + FURTHER_FILES;
  return limit >= needed ? null : `${limit} open files are allowed and ${needed} are needed: ulimit -n ${needed}, as root`;
}

/** The soft limit in /proc/PID/limits. */
export function openFiles(limits: string): number {
  const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return soft === "unlimited" ? Infinity : Number(soft ?? 0);
}
