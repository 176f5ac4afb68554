/** Sites of a Caddyfile: their hosts and ports, and which of them can be in one configuration. */
import { isHost } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import type { Block, Directive } from "./parse.ts";
import { withEnvironment } from "./placeholders.ts";

export interface Address {
  /** undefined: every host. */
  readonly host: string | undefined;
  readonly port: string;
  readonly isSecure: boolean;
  /** Where to listen; undefined: at all addresses of the machine. */
  readonly bind: string | undefined;
}

export interface Site {
  readonly block: Block;
  readonly addresses: readonly Address[];
}

/** @param isPlain whether the global options switch TLS off */
export function sitesOf(blocks: readonly Block[], globals: readonly Directive[], notes: Notes): readonly Site[] {
  const isPlain = globals.some(({ name, args }) => name === "auto_https" && args[0] === "off");
  const httpPort = globals.find(({ name }) => name === "http_port")?.args[0] ?? "80";
  return blocks.map((block) => {
    const bind = block.body.find(({ name }) => name === "bind")?.args[0];
    const addresses = block.keys.flatMap((key) => {
      const address = addressOf(key, isPlain, withEnvironment(httpPort), bind);
      if (address === null) notes.add({ place: block.place, what: "site", why: "its address has no equivalent" });
      return address ?? [];
    });
    return { block, addresses };
  });
}

function addressOf(key: string, isPlain: boolean, httpPort: string, bind: string | undefined): Address | null {
  const [, scheme, rest = ""] = /^(?:(https?):\/\/)?(.*)$/s.exec(withEnvironment(key)) ?? [];
  const [, given = "", port] = /^((?:\$\{[^}]*\}|\[[^\]]*\]|[^:/$[])*)(?::(\d+|\$\{[^}]*\}))?(?:\/\*?)?$/.exec(rest) ?? [];
  if (given === "" && port === undefined)
    return rest === "" ? { host: undefined, port: scheme === "http" ? httpPort : "443", isSecure: scheme !== "http", bind } : null;
  // A host that the environment names may be no host for `match`, such as ":80".
  const host = given === "" || given === "*" || given.includes("${") ? undefined : given.toLowerCase();
  if (host !== undefined && !isHost(host)) return null;
  const isSecure = scheme === "https" || port === "443" || (scheme === undefined && given !== "" && port !== httpPort && !isPlain);
  return { host, port: port ?? (isSecure ? "443" : httpPort), isSecure, bind };
}

export interface SiteChoice {
  readonly sites: readonly Site[];
  /** As Millrace writes them. */
  readonly listens: readonly string[];
  readonly isSecure: boolean;
}

/** Routes of Millrace do not know by which listener a request came, so only sites at the same port can stand together; 80 and 443 count as the same. */
export function chooseSites(all: readonly Site[], port: string | undefined, notes: Notes): SiteChoice {
  const isWeb = ({ port: each, isSecure }: Address): boolean => each === "80" || each === "443" || isSecure;
  const hasWeb = port === undefined && all.some(({ addresses }) => addresses.some(isWeb));
  const main = port ?? all[0]?.addresses[0]?.port;
  const fits = (address: Address): boolean => (hasWeb ? isWeb(address) : address.port === main);
  const secured = new Set(all.flatMap(({ addresses }) => addresses.filter(({ isSecure }) => isSecure).map(({ host }) => host)));
  const sites = all.flatMap((site) => {
    const addresses = site.addresses.filter(fits);
    const { place } = site.block;
    if (addresses.length === 0) {
      const [first] = site.addresses;
      if (first !== undefined && port === undefined)
        notes.add({
          place,
          what: "site",
          why: `routes do not know at which port a request came, so this one, at ${first.port}, is left out: convert it by itself with --port ${first.port}`,
        });
      return [];
    }
    if (
      addresses.every(({ isSecure, host }) => !isSecure && host !== undefined && secured.has(host)) &&
      addresses.some(({ isSecure }) => !isSecure)
    ) {
      notes.add({
        place,
        what: "site",
        why: "the same names are served by TLS too, and one configuration has one site for a name; it is left out",
      });
      return [];
    }
    return [{ ...site, addresses }];
  });
  const addresses = sites.flatMap((site) => site.addresses);
  const listens = addresses.filter(({ isSecure }) => !isSecure).map((address) => `${address.bind ?? ""}:${address.port}`);
  return { sites, listens: [...new Set(listens)], isSecure: addresses.some(({ isSecure }) => isSecure) };
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
