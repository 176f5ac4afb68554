/** What a reload cannot change: things that are opened or started once. Each change is named, and then nothing of the file is applied. */
import type { Config } from "../config/schema.ts";
import { shownFile } from "../config/shown.ts";

export function restartNeeded(before: Config, after: Config): string[] {
  const changes: (readonly [key: string, before: string, after: string])[] = [
    ["workers", String(before.workers), String(after.workers)],
    ["admin.address", before.admin?.address ?? "none", after.admin?.address ?? "none"],
    ["logging.output", before.logging.output, after.logging.output],
  ];
  return changes
    .filter(([, was, is]) => was !== is)
    .map(([key, was, is]) => {
      const shown = key === "logging.output" ? shownFile : String;
      return `${key}: changing ${shown(was)} to ${shown(is)} needs a restart`;
    });
}
