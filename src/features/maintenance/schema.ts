/** The key `maintenance` of a route, an upstream and the whole configuration: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, error, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { WAIT, duration } from "../../values/scalars.ts";
import { filePath, trustedAddress } from "../../values/texts.ts";
import { maintenanceFacts } from "./facts.ts";

export const maintenanceSchema = z.strictObject({
  enabled: z.boolean().default(false).meta({ description: "Whether it is switched on by the configuration itself." }),
  flag_file: filePath.optional().meta({
    title: "file",
    description:
      "A file whose presence switches it on, within a second and without a reload: `touch` it, and remove it afterwards. What is in it does not matter. Relative to the configuration's folder.",
  }),
  retry_after: duration(WAIT).prefault("5m").meta({ description: "Time after which clients are told to come back, in whole seconds." }),
  unless: z
    .strictObject({
      client_ip: z.array(trustedAddress).min(1, { error: "expected at least one address or block" }).meta({
        description: "Addresses and blocks whose clients are served all the same. The address is the one that `trusted_proxies` tell.",
      }),
    })
    .optional()
    .meta({ description: "Who is served all the same. Absent: nobody." }),
});

/** `retry_after` in milliseconds; `flag_file` is absolute. */
export type MaintenanceConfig = z.output<typeof maintenanceSchema>;

export const maintenanceDeclaration = {
  facts: maintenanceFacts,
  schema: maintenanceSchema,
  everywhere: true,
  description:
    "A switch that answers requests with 503 while something is being worked on, with `Retry-After` and the page that `error_pages` have for 503. Of several places it is on if one is. Absent: requests are served.",
  calledElsewhere: { "": "maintenance_mode maintenance_page", flag_file: "file if_file_exists", enabled: "enable on active" },
  paths: ["flag_file"],
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const [enabled, file] = [at(value, "enabled"), at(value, "flag_file")];
  if (enabled === undefined && file === undefined) return [error(path, "it lacks the switch: give flag_file or enabled")];
  return enabled === true && file !== undefined
    ? [warning([...path, "flag_file"], "enabled is true, so the file has no effect", true)]
    : [];
}
