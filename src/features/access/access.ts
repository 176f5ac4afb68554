/** Refuses clients by their address: by lists of addresses, by country, by autonomous system. Tells upstreams the last two. */
import { compileCidrs } from "../../base/cidr.ts";
import { ReplacedNames } from "../../http/replaced-names.ts";
import { countryCode, countryNumber } from "../../policy/geoip/country-codes.ts";
import type { ClientPlace } from "../../policy/geoip/client-place.ts";
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
type Database = ReturnType<Lists["database"]>;

export function accessMiddleware(config: AccessConfig, { lists }: Pick<FeatureContext, "lists">): Middleware {
  const judge = new Judge(config, lists);
  const onRequest: Middleware["onRequest"] = (exchange) => {
    const { admitted, place } = judge.of(exchange.client);
    if (place !== null) exchange.locate(place);
    return admitted ? null : DENIED;
  };
  const names = toldNames(config);
  if (names.length === 0) return { name: "access", onRequest };
  const replaced = new ReplacedNames(names, names);
  return {
    name: "access",
    onRequest,
    onUpstreamRequest: ({ client }, request) => request.replaceByFresh(replaced, judge.of(client).lines),
  };
}

/** The fields that tell upstreams of the client, in lower case. */
function toldNames({ forward_country: country, forward_asn: asn }: AccessConfig): readonly string[] {
  return [country, asn].filter((name) => name !== undefined).map((name) => name.toLowerCase());
}

/** What a route makes of a client. */
interface Verdict {
  readonly admitted: boolean;
  /** Null: the route has no database. */
  readonly place: ClientPlace | null;
  /** The lines that tell upstreams of it. */
  readonly lines: string;
}

class Judge {
  private readonly config: AccessConfig;
  private readonly lists: Lists;
  private readonly allowed: readonly Addresses[] | null;
  private readonly denied: readonly Addresses[];
  private readonly countries: Database | null;
  private readonly systems: Database | null;
  /** The verdict on the last client is kept, because most requests in a row come from one client. */
  private lastClient: string | null = null;
  private lastChanges: number = -1;
  private last: Verdict = { admitted: false, place: null, lines: "" };

  constructor(config: AccessConfig, lists: Lists) {
    const { geoip_file, asn_file } = config;
    this.config = config;
    this.lists = lists;
    this.allowed = allowedBy(config, lists);
    this.denied = deniedBy(config, lists);
    this.countries = geoip_file === undefined ? null : lists.database("country", geoip_file);
    this.systems = asn_file === undefined ? null : lists.database("asn", asn_file);
  }

  of(client: string): Verdict {
    const { changes } = this.lists;
    if (client === this.lastClient && changes === this.lastChanges) return this.last;
    this.lastClient = client;
    this.lastChanges = changes;
    const place = this.placeOf(client);
    this.last = { admitted: this.admits(client), place, lines: place === null ? "" : this.linesOf(place) };
    return this.last;
  }

  private admits(client: string): boolean {
    // A client whose address is not known ("") cannot be shown to be outside of what is refused.
    return client !== "" && !isIn(this.denied, client) && (this.allowed === null || isIn(this.allowed, client));
  }

  private placeOf(client: string): ClientPlace | null {
    const { countries, systems } = this;
    if (countries === null && systems === null) return null;
    return { country: countryCode(countries?.of(client) ?? 0), asn: systems?.of(client) ?? 0 };
  }

  private linesOf({ country, asn }: ClientPlace): string {
    const { forward_country: countryField, forward_asn: asnField } = this.config;
    const ofCountry = countryField === undefined || country === "" ? "" : `${countryField}: ${country}\r\n`;
    return asnField === undefined || asn === 0 ? ofCountry : `${ofCountry}${asnField}: ${asn}\r\n`;
  }
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
