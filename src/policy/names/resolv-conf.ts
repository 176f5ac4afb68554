import { parseIpAddress } from "../../base/cidr.ts";

/** What resolv.conf(5) says about how names are looked up. */
export interface ResolvConf {
  /** Addresses of name servers, those to ask first in front; an IPv6 address with a port is in brackets. Never empty. */
  readonly servers: readonly string[];
  /** Domains that are appended to a name, in this order, without a final dot. */
  readonly search: readonly string[];
  /** A name with at least so many dots is asked for as it is before a domain is appended. */
  readonly ndots: number;
  /** Time for one server's answer to one question. */
  readonly timeoutMs: number;
  /** How often every server is asked. */
  readonly attempts: number;
  /** Each look-up begins with another server. */
  readonly rotate: boolean;
  /** IPv6 addresses are not asked for. */
  readonly noIpv6: boolean;
}

/** Limits of resolv.conf(5). */
const SERVERS_MAX = 3;
const NDOTS_MAX = 15;
const TIMEOUT_S_MAX = 30;
const ATTEMPTS_MAX = 5;

/**
 * Without `options timeout`. The C library waits for 5 s, which is as long as a request waits for a connection by default: a second
 * server would never be asked in time.
 */
const TIMEOUT_MS = 2000;
const ATTEMPTS = 2;

/**
 * @param text of the file, "" where there is none
 * @param environment `LOCALDOMAIN` and `RES_OPTIONS` overrule the file, as they do in the C library
 * @param hostname of this machine, whose domain is searched where nothing else is said
 * @param otherServers to ask where the file names none: what the system tells in another way, if it does
 */
export function parseResolvConf(
  text: string,
  environment: { readonly LOCALDOMAIN?: string | undefined; readonly RES_OPTIONS?: string | undefined },
  hostname: string,
  otherServers: readonly string[] = [],
): ResolvConf {
  const servers: string[] = [];
  const options: string[] = [];
  const dot = hostname.indexOf(".");
  let search = dot < 0 ? [] : [hostname.slice(dot + 1)];
  for (const line of text.split("\n")) {
    // A comment begins in the first column only; what follows a value is not looked at.
    const [keyword = "", ...values] = line.split(/[ \t\r]+/);
    if (keyword === "nameserver" && servers.length < SERVERS_MAX && isServer(values[0])) servers.push(values[0]);
    else if (keyword === "search") search = values;
    else if (keyword === "domain") search = values.slice(0, 1);
    else if (keyword === "options") options.push(...values);
  }
  if (environment.LOCALDOMAIN !== undefined) search = environment.LOCALDOMAIN.split(/\s+/);
  options.push(...(environment.RES_OPTIONS ?? "").split(/\s+/));
  return {
    servers: [servers, otherServers].find((list) => list.length > 0) ?? ["127.0.0.1"],
    search: search.filter((domain) => domain !== "").map((domain) => domain.replace(/\.$/, "")),
    ndots: numberOf(options, "ndots", 0, NDOTS_MAX) ?? 1,
    timeoutMs: (numberOf(options, "timeout", 1, TIMEOUT_S_MAX) ?? TIMEOUT_MS / 1000) * 1000,
    attempts: numberOf(options, "attempts", 1, ATTEMPTS_MAX) ?? ATTEMPTS,
    rotate: options.includes("rotate"),
    noIpv6: options.includes("no-aaaa"),
  };
}

/**
 * The names to ask for, in order, until one exists. A name that ends in a dot is asked for as it is. So is a name with `ndots` dots
 * or more at first, and any other one at last.
 */
export function namesToAsk(name: string, { search, ndots }: Pick<ResolvConf, "search" | "ndots">): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const dots = name.split(".").length - 1;
  // The root as a search domain is an empty one by now.
  const longer = search.map((domain) => (domain === "" ? name : `${name}.${domain}`));
  const all = dots >= ndots ? [name, ...longer] : [...longer, name];
  return [...new Set(all)].filter((each) => each.length <= NAME_LENGTH_MAX);
}

/** RFC 1035 section 2.3.4, as text without the final dot. */
const NAME_LENGTH_MAX = 253;

/** An address, or, as OpenBSD has it, an address in brackets with a port. */
function isServer(text: string | undefined): text is string {
  if (text === undefined) return false;
  const withPort = /^\[(.+)\](?::[0-9]{1,5})?$/.exec(text);
  return parseIpAddress(withPort?.[1] ?? text) !== null;
}

/** The last of the options with that name, brought into its limits. */
function numberOf(options: readonly string[], name: string, least: number, most: number): number | null {
  const text = options.findLast((option) => option.startsWith(`${name}:`))?.slice(name.length + 1) ?? "";
  return /^[0-9]+$/.test(text) ? Math.min(most, Math.max(least, Number(text))) : null;
}
