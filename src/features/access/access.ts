/** Refuses clients by their address: by lists of addresses, by country, by autonomous system. */
import { compileCidrs } from "../../base/cidr.ts";
import { countryNumber } from "../../policy/geoip/country-codes.ts";
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
};

type Lists = FeatureContext["lists"];

export function accessMiddleware(config: AccessConfig, { lists }: Pick<FeatureContext, "lists">): Middleware {
  const allowed = allowedBy(config, lists);
  const denied = deniedBy(config, lists);
  /** The verdict on the last client is kept, because most requests in a row come from one client. */
  let lastClient = "";
  let lastChanges = -1;
  let lastAdmitted = false;
  return {
    name: "access",
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
