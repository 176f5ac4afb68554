/** Sites of a Caddyfile: their hosts and ports, and which of them can be in one configuration. */
import { parseIpAddress } from "../../base/cidr.ts";
import { isHost } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { AddNote, GlobalTls } from "./acme.ts";
import type { Block, Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";
import { siteTls } from "./site-tls.ts";
import type { SiteTls } from "./site-tls.ts";

export interface Address {
  /** As `match.host`; undefined: every host. */
  readonly host: string | undefined;
  readonly port: string;
  readonly isSecure: boolean;
  /** Where to listen; "": at all addresses of the machine. */
  readonly bind: string;
}

export interface Site {
  readonly block: Block;
  readonly addresses: readonly Address[];
  readonly tls: SiteTls;
}

/** @param comments about TLS */
export function sitesOf(blocks: readonly Block[], globals: GlobalTls, notes: Notes, comments: string[]): readonly Site[] {
  return blocks.map((block) => {
    const given = block.body.filter(({ name }) => name === "bind").flatMap(({ args }) => args.map(withEnvironment));
    const binds = given.length === 0 ? [""] : given.map(bindOf);
    if (binds.includes(null)) notes.add({ place: block.place, what: "bind", why: "an address where it listens has no equivalent" });
    const addresses = block.keys.flatMap((key) => {
      const address = addressOf(key, globals, block);
      if (address === null) notes.add({ place: block.place, what: "site", why: "its address has no equivalent" });
      return address === null ? [] : binds.filter((bind) => bind !== null).map((bind) => ({ ...address, bind }));
    });
    const note: AddNote = ({ name, place }, why, what = name) => notes.add({ place, what, why }, comments);
    return { block, addresses, tls: siteTls(block.body, globals, note) };
  });
}

/** The host of `bind` as a listener has it; "": all addresses of the machine; null: there is none. */
function bindOf(given: string): string | null {
  const host = given.replace(/^tcp[46]?\//, "").replace(/^\[|\]$/g, "");
  if (host === "0.0.0.0" || host === "::") return "";
  if (host.includes(":") && parseIpAddress(host) !== null) return `[${host}]`;
  return /^[\w.-]+$|^\$\{[^}]*\}$/.test(host) ? host : null;
}

function addressOf(key: string, globals: GlobalTls, { body }: Block): Omit<Address, "bind"> | null {
  const { httpPort, httpsPort, isOff } = globals;
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*)$/s.exec(withEnvironment(key)) ?? [];
  const [, given = "", port] = /^((?:\$\{[^}]*\}|\[[^\]]*\]|[^:/$[])*)(?::(\d+|\$\{[^}]*\}))?(?:\/\*?)?$/.exec(rest) ?? [];
  if (given === "" && port === undefined && rest !== "") return null;
  const host = /^(?:\*(?:\.\*)*)?$/.test(given) ? undefined : given.includes("${") ? given : given.toLowerCase();
  // What the environment names is put in before the host is looked at.
  if (host !== undefined && !isHost(host.replace(/\$\{\w+(?::-([^}]*))?\}/g, (_, other?: string) => other ?? "a"))) return null;
  const isAsked = body.some(({ name }) => name === "tls");
  const isSecure =
    scheme === "https" ||
    (scheme !== "http" && port !== httpPort && (port === httpsPort || isAsked || (given === "" ? port === undefined : !isOff)));
  return { host, port: port ?? (isSecure ? httpsPort : httpPort), isSecure };
}

/** The address of the listener. */
export function listensAt({ bind, port }: Address): string {
  return `${bind}:${port}`;
}

export interface SiteChoice {
  /** Each with the addresses that count. */
  readonly sites: readonly Site[];
  /** Addresses of listeners without TLS, as Millrace writes them. */
  readonly plain: readonly string[];
  /** Whether requests without TLS are led to https. */
  readonly isLed: boolean;
}

/**
 * Routes of Millrace do not know by which listener a request came, so only sites at the same port can stand together. The ports of http and https go
 * together where the first one leads to the second one, or serves the same.
 */
export function chooseSites(all: readonly Site[], globals: GlobalTls, port: string | undefined, notes: Notes): SiteChoice {
  const { httpPort, httpsPort, isRedirecting } = globals;
  const isWeb = ({ port: each }: Address): boolean => each === httpPort || each === httpsPort;
  const hasWeb = port === undefined && all.some(({ addresses }) => addresses.some(isWeb));
  const main = port ?? all[0]?.addresses[0]?.port;
  const fits = (address: Address): boolean => (hasWeb ? isWeb(address) : address.port === main);
  const note = ({ block: { place } }: Site, why: string): void => notes.add({ place, what: "site", why });
  const chosen = all.flatMap((site) => {
    const addresses = site.addresses.filter(fits);
    const [other] = site.addresses.filter((address) => !fits(address));
    if (other !== undefined && port === undefined)
      note(
        site,
        `routes do not know at which port a request came, so this one, at ${other.port}, is left out: convert it by itself with --port ${other.port}`,
      );
    return addresses.length === 0 ? [] : [{ ...site, addresses }];
  });
  const secured = chosen.filter(({ addresses }) => addresses.some(({ isSecure }) => isSecure));
  if (secured.length === 0)
    return { sites: chosen, plain: [...new Set(chosen.flatMap(({ addresses }) => addresses.map(listensAt)))], isLed: false };
  const isPlainToo = ({ addresses }: Site): boolean =>
    addresses.every(({ isSecure, host }) => !isSecure || addresses.some((each) => !each.isSecure && each.host === host));
  const isLed = !secured.every(isPlainToo);
  const names = new Set(secured.flatMap(({ addresses }) => addresses.filter(({ isSecure }) => isSecure).map(({ host }) => host)));
  const plain = new Set<string>();
  // Caddy leads to https from its other port by itself.
  if (isRedirecting && port === undefined)
    for (const { bind } of secured.flatMap(({ addresses }) => addresses)) plain.add(`${bind}:${httpPort}`);
  const sites = chosen.flatMap((site) => {
    const own = site.addresses.filter(({ isSecure }) => !isSecure);
    if (own.length === 0) return [site];
    if (secured.includes(site)) {
      for (const address of own) plain.add(listensAt(address));
      if (isLed) note(site, "it is served without TLS too, which only all sites can be here or none: its clients are led to https");
      return [{ ...site, addresses: site.addresses.filter(({ isSecure }) => isSecure) }];
    }
    const isNamed = own.some(({ host }) => host === undefined || names.has(host));
    if (leadsToHttps(site.block.body) && isNamed) {
      for (const address of own) plain.add(listensAt(address));
      return [];
    }
    note(
      site,
      isNamed && !own.some(({ host }) => host === undefined)
        ? "the same names are served by TLS too, and one configuration has one site for a name; it is left out"
        : `routes do not know whether a request came by TLS, so this one, without it, is left out: convert it by itself with --port ${own[0]?.port ?? httpPort}`,
    );
    return [];
  });
  return { sites, plain: [...plain], isLed };
}

/** Whether a site does nothing but lead to https. */
function leadsToHttps(body: readonly Directive[]): boolean {
  const acting = body.filter(({ name }) => !/^(?:log|bind|header|@.*)$/.test(name));
  return acting.length > 0 && acting.every(({ name, args }) => name === "redir" && args.some((each) => each.startsWith("https://")));
}

/** Sites with whole names first, then by the length of what follows the star, then the one for all hosts. */
export function inHostOrder(sites: readonly Site[]): readonly { readonly site: Site; readonly hosts: readonly string[] | undefined }[] {
  const entries = sites.flatMap((site) => {
    const hosts = site.addresses.flatMap(({ host }) => host ?? []);
    const exact = hosts.filter((host) => !host.startsWith("*."));
    const wild = hosts.filter((host) => host.startsWith("*."));
    const isAll = site.addresses.some(({ host }) => host === undefined);
    return [
      ...(exact.length > 0 && !isAll ? [{ site, hosts: [...new Set(exact)], rank: 1e6 }] : []),
      ...(isAll ? [{ site, hosts: undefined, rank: 0 }] : wild.map((host) => ({ site, hosts: [host], rank: host.length }))),
    ];
  });
  return entries.sort((a, b) => b.rank - a.rank).map(({ site, hosts }) => ({ site, hosts }));
}
