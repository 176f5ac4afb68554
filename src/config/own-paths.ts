/**
 * Paths on which clients come back to a feature of a route, such as that to which an identity provider sends users back. The route takes them on its hosts as
 * if they stood in its `match`, so nobody has to write routes for them, and `explain` shows them like any other condition.
 */
import { DECLARED } from "../features/declared.ts";
import { entriesOf } from "../policy/route/conditions.ts";
import type { RouteConditions } from "../policy/route/conditions.ts";
import type { FeatureDeclaration, OwnPath } from "../values/declaration.ts";
import { at } from "../values/finding.ts";
import type { RouteConfig } from "./schema/route-schema.ts";

const features = Object.entries(DECLARED)
  .map(([key, declaration]: [string, FeatureDeclaration]) => ({ key, ...declaration }))
  .filter(({ ownPaths }) => ownPaths !== undefined);

/** The features that have such paths. */
export const WITH_OWN_PATHS: readonly (FeatureDeclaration & { readonly key: string })[] = features;

/** The own paths of a route's features. @param route as it is in the file, or checked */
export function ownPathsOf(route: object): readonly OwnPath[] {
  return features.flatMap(({ key, ownPaths }) => {
    const value: unknown = Reflect.get(route, key);
    return value === undefined ? [] : (ownPaths?.(value) ?? []);
  });
}

/** The routes of a configuration, those with own paths with conditions for them. */
export function withOwnPaths(routes: readonly RouteConfig[]): RouteConfig[] {
  const isYielding = yielding(routes, (route) => entriesOf(route));
  return routes.map((route, index) => {
    const own = ownPathsOf(route);
    const entries = entriesOf(route);
    if (own.length === 0 || entries.every(takesAnyPath) || isYielding(index)) return route;
    const hosts = hostsOf(entries);
    const entry = { path: own.map(({ path }) => path), ...(hosts === null ? {} : { host: hosts }) };
    return { ...route, match: [...(Array.isArray(route.match) ? route.match : [route.match]), entry] };
  });
}

/**
 * Whether a route leaves the own paths to another one: that has the same login for the same hosts, and fewer of the features that may refuse a request before. So
 * the way back from a login is not closed to clients that only one of several routes refuses, such as one for administrators with `access`.
 * @param routes as they are in the file, or checked
 * @param entriesIn the conditions of a route; null: they are not known
 */
export function yielding<Route>(
  routes: readonly Route[],
  entriesIn: (route: Route, index: number) => readonly RouteConditions[] | null,
): (index: number) => boolean {
  const holders = routes.flatMap((route, index) => holdersIn(route, index, entriesIn));
  // Thousands of routes may have the same login.
  const kinds = [
    ...new Map(holders.map(({ what, hosts, before }) => [JSON.stringify([what, hosts, before]), { what, hosts, before }])).values(),
  ];
  const yields = holders.filter((one) =>
    kinds.some((other) => other.before < one.before && other.what === one.what && coversHosts(other.hosts, one.hosts)),
  );
  const indexes = new Set(yields.map(({ index }) => index));
  return (index) => indexes.has(index);
}

interface Holder {
  readonly index: number;
  /** Equal for routes with the same login. */
  readonly what: string;
  readonly hosts: readonly string[] | null;
  /** How many features of the route may refuse a request before. */
  readonly before: number;
}

function holdersIn<Route>(
  route: Route,
  index: number,
  entriesIn: (route: Route, index: number) => readonly RouteConditions[] | null,
): readonly Holder[] {
  const own = features.filter(({ key, ownPaths }) => (ownPaths?.(at(route, key)) ?? []).length > 0);
  const entries = own.length === 0 ? null : entriesIn(route, index);
  if (entries === null) return [];
  const hosts = hostsOf(entries);
  return own.map(({ key, sameSessions = JSON.stringify }) => {
    const before = guardsBefore(key).filter((each) => at(route, each) !== undefined).length;
    return { index, what: `${key} ${sameSessions(at(route, key))}`, hosts, before };
  });
}

function coversHosts(all: readonly string[] | null, some: readonly string[] | null): boolean {
  return all === null || (some?.every((host) => all.includes(host)) ?? false);
}

/** The features that may refuse a request before that feature sees it. */
function guardsBefore(key: string): readonly string[] {
  const declared: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);
  return declared
    .slice(
      0,
      declared.findIndex(([each]) => each === key),
    )
    .filter(([, { facts }]) => facts.guard)
    .map(([each]) => each);
}

/** The hosts of which a route takes some request; null: all. */
export function hostsOf(entries: readonly RouteConditions[]): string[] | null {
  const hosts = new Set<string>();
  for (const { host = [] } of entries) {
    if (host.length === 0 || host.includes("*")) return null;
    for (const each of host) hosts.add(each.toLowerCase().replace(/\.$/, ""));
  }
  return [...hosts];
}

/** Whether an entry has conditions on the host at most. */
function takesAnyPath(entry: RouteConditions): boolean {
  return Object.entries(entry).every(([key, value]) => key === "host" || value === undefined);
}
