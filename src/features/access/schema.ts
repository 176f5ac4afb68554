/** The key `access` of a route: its schema, texts and checks. */
import { z } from "zod";
import { codeProblem } from "../../policy/geoip/country-codes.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { editedField } from "../../values/field-edits.ts";
import { at, error, listOf, warning } from "../../values/finding.ts";
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

/** What stands in a list for the addresses that the database does not know. */
export const UNKNOWN = "unknown";

const country = z
  .string()
  .regex(/^(?:[A-Za-z]{2}|unknown)$/, { error: "expected a country's two letters, such as DE, or unknown" })
  .transform((code) => (code === UNKNOWN ? code : code.toUpperCase()))
  .meta({ title: "country, or unknown" });

const asnProblem = "expected the number of an autonomous system, such as 64496 or AS64496, or unknown";
const asn = z
  .union(
    [
      z.literal(UNKNOWN),
      z.int().min(1, { error: asnProblem }).max(0xffff_ffff, { error: asnProblem }),
      z.string().regex(/^[Aa][Ss](?:[1-9][0-9]{0,8}|[1-3][0-9]{9})$/, { error: asnProblem }),
    ],
    { error: asnProblem },
  )
  .transform((given) => (typeof given === "string" && given !== UNKNOWN ? Number(given.slice(2)) : given))
  .meta({ title: "number of an autonomous system, or unknown" });

const toldField = editedField("request", "write");

export const accessSchema = z.strictObject({
  allow: z.array(entry).min(1, { error: "expected at least one address or block" }).optional().meta({
    description:
      "Addresses and blocks that are admitted; all others are refused, unless one of the other `allow_` keys admits them. `{ file: PATH }` stands for those of a list. Absent: everybody who is not refused by `deny` or another key.",
  }),
  deny: z.array(entry).default([]).meta({
    description: "Addresses and blocks that are refused, also those in `allow`. `{ file: PATH }` stands for those of a list.",
  }),
  geoip_file: filePath.optional().meta({
    description:
      "A database of countries in MaxMind's format (.mmdb), such as GeoLite2-Country. Read again when it changes, without a reload (docs/access.md). Relative to the configuration's folder.",
  }),
  allow_countries: z.array(country).min(1, { error: "expected at least one country" }).optional().meta({
    description:
      "Countries that are admitted, by their two letters (ISO 3166-1); `unknown` stands for addresses that the database does not know, such as private ones. All others are refused, unless `allow` or `allow_asns` admits them. Where an address is said to be is a guess: it keeps people away, no attacker.",
  }),
  deny_countries: z.array(country).default([]).meta({
    description: "Countries that are refused, `unknown` too if it is listed, also where another key admits the address.",
  }),
  forward_country: toldField.optional().meta({
    description:
      "The field that tells upstreams the client's country, such as `X-Country`. It is absent where the country is not known. No client can send this field, on whatever route. Absent: upstreams are told nothing.",
  }),
  asn_file: filePath.optional().meta({
    description:
      "A database of autonomous systems in the same format, such as GeoLite2-ASN. It may be the file of `geoip_file` if that has both.",
  }),
  allow_asns: z.array(asn).min(1, { error: "expected at least one autonomous system" }).optional().meta({
    description:
      "Numbers of autonomous systems whose addresses are admitted, such as `64496` or `AS64496`, or `unknown`; as `allow_countries`.",
  }),
  deny_asns: z.array(asn).default([]).meta({
    description:
      "Numbers of autonomous systems whose addresses are refused, such as those of providers that rent machines; as `deny_countries`.",
  }),
  forward_asn: toldField.optional().meta({
    description:
      "The field that tells upstreams the number of the client's autonomous system, such as `X-ASN: 64496`; as `forward_country`.",
  }),
});

/** The paths of files are absolute. */
export type AccessConfig = z.output<typeof accessSchema>;

export const accessDeclaration = {
  facts: accessFacts,
  schema: accessSchema,
  description:
    "Refuses clients by their address with 403: by lists of addresses, by country, by autonomous system. The address is the one that `trusted_proxies` tell. A client whose address is not known is refused. Absent: everybody is admitted.",
  lists: ["allow.*.file", "deny.*.file"],
  countries: ["geoip_file"],
  asns: ["asn_file"],
  calledElsewhere: {
    "": "ip_whitelist ip_allowlist ip_allow_list ip_restriction allow_deny ip_filter acl whitelist blacklist geoblock geoip geo_block maxmind_geolocation",
    allow: "allowed permit source_range whitelist_source_range allow_from remote_ip",
    deny: "denied block blocked deny_from",
    geoip_file: "db_path database geoip2 geoip_country geoip_database mmdb geo_file",
    allow_countries: "countries allowed_countries allow_country country_codes",
    deny_countries: "denied_countries blocked_countries block_countries deny_country",
    allow_asns: "allow_asn allowed_asns",
    deny_asns: "deny_asn blocked_asns block_asns",
    forward_country: "country_header country_field geoip_header",
    forward_asn: "asn_header asn_field",
    "allow[].file": "include list list_file ip_list",
  },
  check,
} as const satisfies FeatureDeclaration;

/** The keys that need a database, with the key that names it. */
const NEEDS: readonly (readonly [file: string, ...users: readonly string[]])[] = [
  ["geoip_file", "allow_countries", "deny_countries", "forward_country"],
  ["asn_file", "allow_asns", "deny_asns", "forward_asn"],
];

function check(value: unknown, path: KeyPath): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const findings: Finding[] = [];
  const given = (key: string): boolean => (key.startsWith("deny") ? listOf(at(value, key)).length > 0 : at(value, key) !== undefined);
  // With a database the log and middleware know more of the client, even if nobody is refused.
  const all = ["allow", "deny", ...NEEDS.flat()];
  if (!all.some(given)) findings.push(warning(path, "it admits everybody: nothing says whom it refuses", true));
  for (const [index, entry] of listOf(at(value, "deny")).entries())
    if (typeof entry === "string" && entry.endsWith("/0"))
      findings.push(warning([...path, "deny", index], "it refuses everybody of its family"));
  for (const [file, ...users] of NEEDS) {
    const wanting = users.find(given);
    if (wanting !== undefined && at(value, file) === undefined) findings.push(error([...path, wanting], `it needs ${file}`, true));
  }
  for (const key of ["allow_countries", "deny_countries"])
    for (const [index, code] of listOf(at(value, key)).entries()) {
      const problem = typeof code === "string" && /^[A-Za-z]{2}$/.test(code) ? codeProblem(code.toUpperCase()) : null;
      if (problem !== null) findings.push(warning([...path, key, index], problem));
    }
  findings.push(...sameField(value, path));
  return findings;
}

function sameField(value: unknown, path: KeyPath): Finding[] {
  const [country, asn] = [at(value, "forward_country"), at(value, "forward_asn")];
  if (typeof country !== "string" || typeof asn !== "string" || country.toLowerCase() !== asn.toLowerCase()) return [];
  return [error([...path, "forward_asn"], "forward_country has this field")];
}
