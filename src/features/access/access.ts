/** Refuses clients by their address: by lists of addresses, by country, by autonomous system. Tells upstreams the last two. */
import { compileCidrs } from "../../base/cidr.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import { countryCode, countryNumber } from "../../policy/geoip/country-codes.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { accessFacts } from "./facts.ts";
import type { AccessConfig } from "./schema.ts";

export const access: Feature<"access"> = {
  name: "access",
  key: "access",
  facts: accessFacts,
  compile: accessMiddleware,
  reserves: toldNames,
};

type Lists = FeatureContext["lists"];

export function accessMiddleware(config: AccessConfig, { lists }: Pick<FeatureContext, "lists">): Middleware {
  const allowed = allowedBy(config, lists);
  const denied = deniedBy(config, lists);
  /** The verdict on the last client is kept, because most requests in a row come from one client. */
  let lastClient = "";
  let lastChanges = -1;
  let lastAdmitted = false;
  const told = toldFields(config, lists);
  return {
    name: "access",
    ...(told === null ? {} : { onUpstreamRequest: told }),
    onRequest({ client }) {
      if (client !== lastClient || lists.changes !== lastChanges) {
        lastClient = client;
        lastChanges = lists.changes;
        // A client whose address is not known ("") cannot be shown to be outside of what is refused.
        lastAdmitted = client !== "" && !isIn(denied, client) && (allowed === null || isIn(allowed, client));
      }
      return lastAdmitted ? null : DENIED;
    },
  };
}

/** The fields that tell upstreams of the client, in lower case. */
function toldNames({ forward_country: country, forward_asn: asn }: AccessConfig): readonly string[] {
  return [country, asn].filter((name) => name !== undefined).map((name) => name.toLowerCase());
}

/** Writes these fields, and takes them out of what other middleware has written before. Null: there are none. */
function toldFields(config: AccessConfig, lists: Lists): NonNullable<Middleware["onUpstreamRequest"]> | null {
  const { geoip_file, forward_country: countryField, asn_file, forward_asn: asnField } = config;
  const countries = geoip_file === undefined || countryField === undefined ? null : lists.database("country", geoip_file);
  const systems = asn_file === undefined || asnField === undefined ? null : lists.database("asn", asn_file);
  if (countries === null && systems === null) return null;
  const names = new ReplacedNames(toldNames(config), toldNames(config));
  let lastClient = "";
  let lastChanges = -1;
  let lines = "";
  return ({ client }, request) => {
    if (client !== lastClient || lists.changes !== lastChanges) {
      lastClient = client;
      lastChanges = lists.changes;
      const [country, system] = [countries?.of(client) ?? 0, systems?.of(client) ?? 0];
      lines = `${country === 0 ? "" : `${countryField}: ${countryCode(country)}\r\n`}${system === 0 ? "" : `${asnField}: ${system}\r\n`}`;
    }
    request.replaceByFresh(names, lines);
  };
}

/** Something that holds addresses: the blocks of the configuration itself, those of a file, or those of countries or systems. */
interface Addresses {
  contains(address: string): boolean;
}

/** Null: everybody who is not refused. Else whoever is in one of them. */
function allowedBy({ allow, geoip_file, allow_countries, asn_file, allow_asns }: AccessConfig, lists: Lists): readonly Addresses[] | null {
  if (allow === undefined && allow_countries === undefined && allow_asns === undefined) return null;
  return [
    ...blocksOf(allow ?? [], lists),
    ...addressesOf("country", geoip_file, allow_countries ?? [], lists),
    ...addressesOf("asn", asn_file, allow_asns ?? [], lists),
  ];
}

function deniedBy({ deny, geoip_file, deny_countries, asn_file, deny_asns }: AccessConfig, lists: Lists): readonly Addresses[] {
  return [
    ...blocksOf(deny, lists),
    ...addressesOf("country", geoip_file, deny_countries, lists),
    ...addressesOf("asn", asn_file, deny_asns, lists),
  ];
}

function blocksOf(entries: AccessConfig["deny"], lists: Lists): readonly Addresses[] {
  const own = entries.filter((entry) => typeof entry === "string");
  const files = entries.filter((entry) => typeof entry !== "string");
  return [...(own.length === 0 ? [] : [compileCidrs(own)]), ...files.map(({ file }) => lists.list(file))];
}

/** The addresses that a database says to be in one of the countries or systems. It gives 0 for those that it does not know. */
function addressesOf(
  kind: "country" | "asn",
  file: string | undefined,
  entries: readonly (string | number)[],
  lists: Lists,
): readonly Addresses[] {
  if (file === undefined || entries.length === 0) return [];
  const database = lists.database(kind, file);
  const numbers = new Set(entries.map((entry) => (typeof entry === "string" ? countryNumber(entry) : entry)));
  return [{ contains: (address) => numbers.has(database.of(address)) }];
}

function isIn(all: readonly Addresses[], client: string): boolean {
  for (let index = 0; index < all.length; index++) if (all[index]?.contains(client) === true) return true;
  return false;
}

const DENIED: LocalAnswer = {
  status: 403,
  reason: "access_denied",
  detail: "This address is not admitted.",
  fields: [],
  proxyStatus: "http_request_denied",
};
