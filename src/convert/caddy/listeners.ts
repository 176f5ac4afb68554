/** The listeners of the chosen sites. Names alone mean certificates in Caddy: of an authority, or of a local one where no authority can give them. */
import { parseCidr } from "../../base/cidr.ts";
import { isLocalPattern } from "../../base/local-names.ts";
import { dnsName } from "../../values/texts.ts";
import { defined } from "../model/conditions.ts";
import type { Keys, ListenerDraft } from "../model/draft.ts";
import { isListenAddress } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import { allOf, withinAll } from "../model/reach.ts";
import { sharedTls } from "../model/tls.ts";
import type { SecureSite } from "../model/tls.ts";
import type { AddNote, GlobalTls } from "./acme.ts";
import type { Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";
import { listensAt } from "./sites.ts";
import type { Address, Site, SiteChoice } from "./sites.ts";
import { commonKeys } from "./site-tls.ts";
import type { SiteTls } from "./site-tls.ts";

export interface Listeners {
  readonly drafts: readonly ListenerDraft[];
  /** Sites for whose names there can be a certificate, or whose listener has none at all. */
  readonly sites: readonly Site[];
  /** Sites whose clients must have shown a certificate, although a request can come without one. */
  readonly guarded: ReadonlySet<Site>;
  /** Sites that nobody may reach, because what they ask of clients cannot be kept. */
  readonly closed: ReadonlySet<Site>;
}

/** Where nothing else is left to listen at. */
const LOCAL = "127.0.0.1:8080";
/** Relative to the configuration's folder. */
const STORAGE = "./acme";

/** @param comments those of the first listener */
export function listenersOf(
  { sites, plain, isLed }: SiteChoice,
  globals: GlobalTls,
  options: readonly Directive[],
  notes: Notes,
  comments: string[],
): Listeners {
  const note: AddNote = ({ name, place }, why, what = name) => notes.add({ place, what, why }, comments);
  const closed = new Set(sites.filter(({ tls }) => tls.isClosed));
  const guarded = new Set<Site>();
  const left = new Set<Site>();
  const tls = new Map<string, Keys>();
  for (const [address, here] of secureAddresses(sites)) {
    const owners = here.map((site) => ({ site, certificates: site.tls.certificates, rule: site.tls.rule }));
    const { keys, differs, closed: unkept } = sharedTls(owners);
    const issued = issuedKeys(here, globals, note);
    if (keys["certificates"] === undefined && Object.keys(issued).length === 0) {
      for (const site of here) if (site.tls.rule !== null) closed.add(site);
      const [first] = here;
      const why = "it has no certificate that can be had here: give a listener `tls` with certificates (docs/tls.md)";
      if (first !== undefined) notes.add({ place: first.block.place, what: "https", why }, comments);
      continue;
    }
    // A name that the local authority may not sign has no certificate, and a route for it would be refused.
    if (keys["certificates"] === undefined && issued["acme"] === undefined)
      for (const site of here.filter((each) => !each.addresses.every(isCovered))) left.add(site);
    tls.set(address, {
      ...keys,
      ...issued,
      ...commonKeys(
        here.map((site) => site.tls),
        note,
      ),
    });
    for (const owner of owners) {
      if (unkept.has(owner)) closeSite(owner, closed, note);
      if (owner.rule?.mode === "required" && (differs || plain.length > 0)) guarded.add(owner.site);
    }
  }
  const senders = sendersIn(options, note);
  const listener = (address: string, keys: Keys): Keys => ({
    address,
    ...(senders.length > 0 ? { proxy_protocol: { from: senders } } : {}),
    ...keys,
  });
  const isValid = (address: string): boolean => isListenAddress(address.replace(/\$\{[^}]*\}/, "80"));
  const made = [
    ...[...new Set(isLed && tls.size === 0 ? [] : plain.map((address) => withinAll(address, allOf(plain))))]
      .filter(isValid)
      .map((address) => listener(address, isLed ? { redirect_to_https: true } : {})),
    ...[...tls].filter(([address]) => isValid(address)).map(([address, keys]) => listener(address, { tls: keys })),
  ];
  const kept = made.length > 0 ? made : [{ address: LOCAL }];
  return {
    drafts: kept.map((keys, index) => ({ keys, comments: index === 0 ? comments : [] })),
    sites: sites.filter((site) => !left.has(site)),
    guarded,
    closed,
  };
}

/** Sites by the address of the listener that serves them with TLS. */
function secureAddresses(sites: readonly Site[]): ReadonlyMap<string, readonly Site[]> {
  const groups = new Map<string, Site[]>();
  const all = allOf(sites.flatMap(({ addresses }) => addresses.map(listensAt)));
  for (const site of sites)
    for (const each of site.addresses) {
      const address = withinAll(listensAt(each), all);
      const group = groups.get(address) ?? [];
      if (each.isSecure && !group.includes(site)) groups.set(address, [...group, site]);
    }
  return groups;
}

function closeSite({ site }: SecureSite & { readonly site: Site }, closed: Set<Site>, note: AddNote): void {
  closed.add(site);
  const why =
    "what it asks of clients cannot be kept beside the others, so nobody is let in here: write `client_certificates` in `tls` of the listener, and take out `access` (docs/client-certificates.md)";
  if (site.tls.directive !== undefined) note(site.tls.directive, why);
}

/** What a host looks like when the environment is at its default. */
function sampleOf(host: string): string {
  return host.replace(/\$\{\w+(?::-([^}]*))?\}/g, (_, given?: string) => given ?? "example.com").replace(/^\[|\]$/g, "");
}

function isLocal(host: string): boolean {
  return isLocalPattern(sampleOf(host));
}

/** Whether an authority of the internet can give a certificate for the name. */
function isPublic(host: string): boolean {
  const sample = sampleOf(host);
  return dnsName.safeParse(sample).success && !isLocalPattern(sample) && !/\.(?:local|arpa)$/.test(sample);
}

function isCovered({ host }: Address): boolean {
  return host === undefined || isLocal(host);
}

/** `acme` and `internal` for the names that have no certificate of a file. */
function issuedKeys(sites: readonly Site[], globals: GlobalTls, note: AddNote): Keys {
  const orders: { readonly host: string; readonly tls: SiteTls; readonly tell: (why: string) => void }[] = [];
  const ordering: SiteTls[] = [];
  let isInternal = false;
  let isOnDemand = false;
  for (const { addresses, tls, block } of sites) {
    if (tls.certificates.length > 0) continue;
    const tell = (why: string): void => note(tls.directive ?? { name: "https", args: [], block: null, place: block.place }, why);
    const hosts = addresses.filter(({ isSecure }) => isSecure).map(({ host }) => host);
    if (tls.isOnDemand && !tls.isInternal && globals.ask === undefined)
      tell(
        "on demand only names are served that a service admits: write `on_demand: { ask }`; without it anybody could have certificates ordered",
      );
    for (const host of hosts) {
      if (host === undefined ? tls.isInternal : isLocal(host)) {
        isInternal = true;
        if (host?.includes("${") === true)
          tell(
            "its name comes from the environment: where that is a public one, write it in `acme: { domains }` beside `internal` (docs/acme.md)",
          );
      } else if (host !== undefined && tls.isInternal) {
        isInternal = true;
        tell(
          "the local authority makes certificates for localhost, names below .localhost, .test and .internal, and private addresses: this name has none",
        );
      } else if (tls.isOnDemand && globals.ask !== undefined) {
        isOnDemand = true;
        ordering.push(tls);
      } else if (host === undefined) {
        if (!tls.isOnDemand) tell("no name is said, so no certificate is obtained for it");
      } else if (!globals.isAutomatic) tell("no certificate is obtained, and none is given: write `certificates`");
      else if (!isPublic(host)) tell("no authority gives certificates for the name: write `certificates`");
      else orders.push({ host, tls, tell });
    }
  }
  const byDns = [...orders.map(({ tls }) => tls), ...ordering].some(({ acme }) => acme.challenge === "dns-01");
  const [wildcards, others] = [true, false].map((isWild) => orders.filter(({ host }) => host.startsWith("*.") === isWild));
  if (!byDns)
    for (const { tell } of wildcards ?? []) tell("a wildcard needs `challenge: dns-01` and a program that sets records (docs/acme.md)");
  const ordered = byDns ? orders : (others ?? []);
  ordering.push(...ordered.map(({ tls }) => tls));
  const domains = ordered.map(({ host }) => host);
  return defined({
    internal: isInternal ? {} : undefined,
    acme: ordering.length === 0 ? undefined : acmeKeys(ordering, [...new Set(domains)], isOnDemand ? globals.ask : undefined, sites, note),
  });
}

function acmeKeys(
  ordering: readonly SiteTls[],
  domains: readonly string[],
  ask: string | undefined,
  sites: readonly Site[],
  note: AddNote,
): Keys {
  const chosen = ordering.find(({ acme }) => acme.challenge === "dns-01") ?? ordering[0];
  const { email, directory, ca_file: caFile, challenge, dns, key, eab } = chosen?.acme ?? {};
  for (const { acme, directive } of ordering)
    if (directive !== undefined && JSON.stringify(acme) !== JSON.stringify(chosen?.acme))
      note(directive, "a listener has one `acme` for all names: its account, authority and challenge are those of another site");
  const first = sites.find(({ tls }) => ordering.includes(tls));
  if (first !== undefined)
    note(
      { name: "https", args: [], block: null, place: first.block.place },
      `read the terms of service of the authority, then write \`terms_agreed: true\`: nothing is ordered before; \`storage\` must outlive the process (docs/acme.md)`,
    );
  return defined({
    domains: domains.length === 0 ? undefined : domains,
    email,
    directory,
    ca_file: caFile,
    challenge,
    dns,
    key,
    eab,
    on_demand: ask === undefined ? undefined : { ask },
    storage: STORAGE,
    terms_agreed: false,
  });
}

/** Who may send the header of the PROXY protocol. */
function sendersIn(options: readonly Directive[], note: AddNote): readonly string[] {
  const wrapper = options
    .filter(({ name }) => name === "servers")
    .flatMap(({ block }) => block ?? [])
    .filter(({ name }) => name === "listener_wrappers")
    .flatMap(({ block }) => block ?? [])
    .find(({ name }) => name === "proxy_protocol");
  if (wrapper === undefined) return [];
  const allowed = (wrapper.block ?? []).filter(({ name }) => name === "allow").flatMap(({ args }) => args.map(withEnvironment));
  if (allowed.length > 0 && allowed.every((address) => parseCidr(address) !== null)) return allowed;
  note(wrapper, "say in `proxy_protocol.from` of the listener who may send the header of the PROXY protocol");
  return [];
}
