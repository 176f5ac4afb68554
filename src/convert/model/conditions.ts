/** The conditions of a route in the making, how two of them are put together, and how they are written as `match`. */
import type { Keys, Value } from "./draft.ts";
import { literalBeginning } from "../../policy/route/path-regex.ts";
import { isPlainPath, regexOf } from "./regex-text.ts";

/** All that are given must hold. */
export interface Conditions {
  readonly host?: readonly string[] | undefined;
  /** In the form of `match.path`. */
  readonly path?: readonly string[] | undefined;
  /** What the text of the path begins with, whole segment or not. */
  readonly prefix?: string | undefined;
  readonly regex?: string | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly clients?: readonly string[] | undefined;
  /** In the form of `match.client_certificate`. */
  readonly certificate?: Readonly<Record<string, string>> | undefined;
  /** Not all conditions of any of these hold. */
  readonly not?: readonly Conditions[] | undefined;
}

/** "never": both cannot hold together. "unknown": they can, but not be written as the conditions of one route. */
export type Both = Conditions | "never" | "unknown";

/** Conditions that hold where both do. */
export function both(one: Conditions, other: Conditions): Both {
  const host = commonHosts(one.host, other.host);
  const methods = common(one.methods, other.methods);
  const place = bothPlaces(one, other);
  if (host?.length === 0 || methods?.length === 0 || place === "never") return "never";
  if (place === "unknown" || (one.clients !== undefined && other.clients !== undefined)) return "unknown";
  const headers = merged(one.headers, other.headers);
  const query = merged(one.query, other.query);
  if (headers === null || query === null) return "never";
  const certificate = merged(one.certificate, other.certificate);
  // A list of names in a certificate may hold both.
  if (certificate === null) return "unknown";
  const not = [...(one.not ?? []), ...(other.not ?? [])];
  return defined({
    host,
    ...place,
    methods,
    headers,
    query,
    clients: one.clients ?? other.clients,
    certificate,
    not: not.length === 0 ? undefined : not,
  });
}

type PathConditions = Pick<Conditions, "path" | "prefix" | "regex">;

function bothPlaces(one: Conditions, other: Conditions): PathConditions | "never" | "unknown" {
  const path = commonPaths(one.path, other.path);
  if (path?.length === 0) return "never";
  const prefix = narrower(one.prefix, other.prefix);
  if (prefix === null) return "never";
  let regex = one.regex ?? other.regex;
  if (one.regex !== undefined && other.regex !== undefined && one.regex !== other.regex) {
    // Everything fits into `^` and `.*`.
    if (isAnything(one.regex)) regex = other.regex;
    else if (!isAnything(other.regex)) return "unknown";
  }
  const place = path !== undefined && prefix !== undefined ? restricted(path, prefix, regex) : { path, prefix, regex };
  if (place === "never" || regex === undefined) return place;
  const begins = literalBeginning(regex);
  const left = place.path?.filter((each) => fits(begins, each.replace(/\*$/, "")));
  if (left?.length === 0 || (place.prefix !== undefined && !fits(begins, place.prefix))) return "never";
  const isWritable = place.prefix === undefined || regex.startsWith(`^${regexOf(place.prefix)}`) || isPlainPath(place.prefix);
  return isWritable ? { ...place, path: left } : "unknown";
}

/** Whether one text may begin with the other. */
function fits(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

export function isAnything(regex: string): boolean {
  return /^\^?(?:\/?\(?\.\*\)?)?\$?$/.test(regex);
}

function restricted(path: readonly string[], prefix: string, regex: string | undefined): PathConditions | "never" {
  const within = path.filter((each) => each.startsWith(prefix));
  if (within.length > 0) return { path: within, regex };
  return path.some((each) => each.endsWith("*") && prefix.startsWith(each.slice(0, -1))) ? { prefix, regex } : "never";
}

function commonPaths(one: readonly string[] | undefined, other: readonly string[] | undefined): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const within = (inner: string, outer: string): boolean =>
    inner === outer || (outer.endsWith("/*") && (inner.startsWith(outer.slice(0, -1)) || inner === outer.slice(0, -2)));
  return [
    ...one.filter((each) => other.some((outer) => within(each, outer))),
    ...other.filter((each) => !one.includes(each) && one.some((outer) => within(each, outer))),
  ];
}

/** The longer of two beginnings; null: no text has both. */
function narrower(one: string | undefined, other: string | undefined): string | null | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.startsWith(other)) return one;
  return other.startsWith(one) ? other : null;
}

function commonHosts(one: readonly string[] | undefined, other: readonly string[] | undefined): readonly string[] | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const within = (inner: string, outer: string): boolean => inner === outer || (outer.startsWith("*.") && inner.endsWith(outer.slice(1)));
  return [
    ...one.filter((host) => other.some((outer) => within(host, outer))),
    ...other.filter((host) => !one.includes(host) && one.some((outer) => within(host, outer))),
  ];
}

function common(one: readonly string[] | undefined, other: readonly string[] | undefined): readonly string[] | undefined {
  return one === undefined || other === undefined ? (one ?? other) : one.filter((each) => other.includes(each));
}

function merged(
  one: Readonly<Record<string, string>> | undefined,
  other: Readonly<Record<string, string>> | undefined,
): Readonly<Record<string, string>> | null | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  for (const [name, value] of Object.entries(one)) {
    const given = other[name];
    if (given !== undefined && given !== value && given !== "*" && value !== "*") return null;
  }
  const exact = Object.entries(one).filter(([, value]) => value !== "*");
  return { ...one, ...other, ...Object.fromEntries(exact) };
}

/** Conditions as an entry of `match`; undefined for those that always hold. */
export function matchKeys(conditions: Conditions): Keys | undefined {
  const { host, methods, headers, query, clients, certificate, not } = conditions;
  const keys: Keys = defined({
    host: host === undefined ? undefined : single(host),
    ...pathKeys(conditions),
    methods: methods === undefined ? undefined : single(methods),
    headers,
    query,
    client_ip: clients === undefined ? undefined : single(clients),
    client_certificate: certificate,
    not: not === undefined ? undefined : single(exceptions(not)),
  });
  return Object.keys(keys).length === 0 ? undefined : keys;
}

/** An exception without conditions would except everything, and there is none. */
function exceptions(not: readonly Conditions[]): readonly Value[] {
  return not.map(matchKeys).filter((each) => each !== undefined);
}

function pathKeys({ path, prefix, regex }: Conditions): Keys {
  const paths = path === undefined ? undefined : single(path);
  if (prefix === undefined || prefix === "/") return { path: paths, path_regex: regex };
  const begins = `^${regexOf(prefix)}`;
  if (regex === undefined) return { path: paths, path_regex: begins };
  if (regex.startsWith(begins)) return { path: paths, path_regex: regex };
  // A route has one expression: the prefix counts by whole segments then.
  return { path: `${prefix.replace(/\/$/, "")}/*`, path_regex: regex };
}

function single(list: readonly Value[]): Value {
  return list.length === 1 ? (list[0] ?? "") : list;
}

/** The same without the keys whose value is undefined. */
export function defined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
