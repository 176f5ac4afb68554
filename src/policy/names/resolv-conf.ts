/** Reads resolv.conf(5), and applies its search domains: which names to ask a name server for. */
import { parseIpAddress } from "../../base/cidr.ts";

/** How names are looked up, by resolv.conf(5). */
export interface ResolvConf {
  /** Addresses of name servers, in the order in which to ask them. An IPv6 address with a port is in brackets. Never empty. */
  readonly servers: readonly string[];
  /** Domains that are appended to a name, in this order, without a final dot. */
  readonly search: readonly string[];
  /** A name with at least this many dots is first asked for as it is, before a domain is appended. */
  readonly ndots: number;
  /** How long to wait for one server's answer to one question. */
  readonly timeoutMs: number;
  /** How often to ask each server. */
  readonly attempts: number;
  /** Whether each look-up begins with another server. */
  readonly rotate: boolean;
  /** Whether IPv6 addresses are not asked for. */
  readonly noIpv6: boolean;
}

/** Limits of resolv.conf(5). */
const SERVERS_MAX = 3;
const NDOTS_MAX = 15;
const TIMEOUT_S_MAX = 30;
const ATTEMPTS_MAX = 5;

/**
 * The default of `options timeout`. The C library's is 5 s, which is as long as a request waits for a connection by default, so a second
 * server would never be asked in time.
 */
const TIMEOUT_MS = 2000;
const ATTEMPTS = 2;

/**
 * Parses resolv.conf. What cannot be read is skipped, as the C library does.
 * @param text of the file, "" when there is none
 * @param environment `LOCALDOMAIN` and `RES_OPTIONS` overrule the file, as they do in the C library
 * @param hostname of this machine; its domain is the search domain where the file gives none
 * @param otherServers servers to ask when the file names none: those that the system names in another way, if any
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
 * The names to ask for, in order, until one exists. A name that ends in a dot is asked for only as it is. Any other name is asked for as
 * it is and with each search domain appended: as it is first when it has at least `ndots` dots, else last.
 */
export function namesToAsk(name: string, { search, ndots }: Pick<ResolvConf, "search" | "ndots">): string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  const dots = name.split(".").length - 1;
  // The search domain "." has become "".
  const longer = search.map((domain) => (domain === "" ? name : `${name}.${domain}`));
  const all = dots >= ndots ? [name, ...longer] : [...longer, name];
  return [...new Set(all)].filter((each) => each.length <= NAME_LENGTH_MAX);
}

/** RFC 1035 section 2.3.4, counted in characters without the final dot. */
const NAME_LENGTH_MAX = 253;

/** Whether text is an address, or an address in brackets with a port, which OpenBSD allows. */
function isServer(text: string | undefined): text is string {
  if (text === undefined) return false;
  const withPort = /^\[(.+)\](?::[0-9]{1,5})?$/.exec(text);
  return parseIpAddress(withPort?.[1] ?? text) !== null;
}

/** The number of the last option with this name, brought into its limits; null when there is none. */
function numberOf(options: readonly string[], name: string, least: number, most: number): number | null {
  const text = options.findLast((option) => option.startsWith(`${name}:`))?.slice(name.length + 1) ?? "";
  return /^[0-9]+$/.test(text) ? Math.min(most, Math.max(least, Number(text))) : null;
}
