/** Names the settings that a reload cannot change. A reload that changes one of them is refused as a whole. */
import type { Config } from "../config/schema.ts";

/** One line for each such change between two configurations. Empty: the reload is possible. */
export function restartNeeded(before: Config, after: Config): string[] {
  // Tables in shared memory are sized for the number of workers at the start.
  if (before.workers === after.workers) return [];
  return [`workers: changing ${before.workers} to ${after.workers} needs a restart`];
}
