/** Names the settings that a reload cannot change. A reload that changes one of them is refused as a whole. */
import type { Config } from "../config/schema/schema.ts";
import { WORKERS_MAX } from "../shared/endpoint-table.ts";

/** The number of workers that a configuration means. @param parallelism how many threads the machine runs at once */
export function workersOf({ workers }: Pick<Config, "workers">, parallelism: number): number {
  return Math.min(workers === "auto" ? parallelism : workers, WORKERS_MAX);
}

/**
 * One line for each such change between two configurations. Empty: the reload is possible.
 * @param workers how many workers the process has
 */
export function restartNeeded(before: Config, after: Config, workers: number, parallelism: number): string[] {
  return [...adminLines(before.admin, after.admin), ...workerLines(before, after, workers, parallelism)];
}

type Admin = Config["admin"];

/** Both servers of one address cannot listen at once, and what kind it is of is decided when it begins. */
function adminLines(before: Admin, after: Admin): string[] {
  if (before === undefined || after === undefined || before.address !== after.address || kindOf(before) === kindOf(after)) return [];
  return [`admin.tls: changing ${kindOf(before)} to ${kindOf(after)} needs another admin.address, or a restart`];
}

function kindOf({ tls }: NonNullable<Admin>): string {
  if (tls === undefined) return "plain HTTP";
  return tls.client_certificates === undefined ? "TLS" : "TLS with client certificates";
}

function workerLines(before: Config, after: Config, workers: number, parallelism: number): string[] {
  // Tables in shared memory are sized for the number of workers at the start. `auto` stays what it was then.
  if (before.workers === after.workers || workersOf(after, parallelism) === workers) return [];
  const inUse = before.workers === "auto" ? `auto (${workers})` : String(before.workers);
  return [`workers: changing ${inUse} to ${after.workers} needs a restart`];
}
