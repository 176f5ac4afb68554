/** The key `access` of a route: its schema, texts and checks. */
import { z } from "zod";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";
import { filePath, listedAddress } from "../../values/texts.ts";
import { accessFacts } from "./facts.ts";

const listFile = z.strictObject({
  file: filePath.meta({
    description:
      "The file of an address list: an address or block a line, with comments after `#` or `;`. Read again when it changes, without a reload (docs/access.md). Relative to the configuration's folder.",
  }),
});

/** An address, a block, or a list of them in a file. */
const entry = z.union([listedAddress, listFile]).meta({ title: "address or block, or file" });

export const accessSchema = z.strictObject({
  allow: z.array(entry).min(1, { error: "expected at least one address or block" }).optional().meta({
    description:
      "Addresses and blocks that are admitted; all others are refused. `{ file: PATH }` stands for those of a list. Absent: everybody who is not in `deny`.",
  }),
  deny: z.array(entry).default([]).meta({
    description: "Addresses and blocks that are refused, also those in `allow`. `{ file: PATH }` stands for those of a list.",
  }),
});

/** The paths of files are absolute. */
export type AccessConfig = z.output<typeof accessSchema>;

export const accessDeclaration = {
  facts: accessFacts,
  schema: accessSchema,
  description:
    "Refuses clients by their address with 403. The address is the one that `trusted_proxies` tell. A client whose address is not known is refused. Absent: everybody is admitted.",
  lists: ["allow.*.file", "deny.*.file"],
  calledElsewhere: {
    "": "ip_whitelist ip_allowlist ip_allow_list ip_restriction allow_deny ip_filter acl whitelist blacklist",
    allow: "allowed permit source_range whitelist_source_range allow_from remote_ip",
    deny: "denied block blocked deny_from",
    "allow[].file": "include list list_file ip_list",
  },
  check,
} as const satisfies FeatureDeclaration;

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const [allow, deny] = [at(value, "allow"), listOf(at(value, "deny"))];
  const findings: Finding[] = [];
  if (allow === undefined && deny.length === 0) findings.push(warning(path, "it admits everybody: it has neither allow nor deny", true));
  for (const [index, entry] of deny.entries())
    if (typeof entry === "string" && entry.endsWith("/0"))
      findings.push(warning([...path, "deny", index], "it refuses everybody of its family"));
  return findings;
}
