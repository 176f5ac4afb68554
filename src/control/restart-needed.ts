/** What a reload cannot change: what is started once. Each change is named, and then nothing of the file is applied. */
import type { Config } from "../config/schema.ts";

export function restartNeeded(before: Config, after: Config): string[] {
  // Every table in shared memory has a part for each worker.
  if (before.workers === after.workers) return [];
  return [`workers: changing ${before.workers} to ${after.workers} needs a restart`];
}
