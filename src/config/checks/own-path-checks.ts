/**
 * Errors about paths on which clients come back to a feature (own-paths.ts): an earlier route takes them, or another route of the same host has a
 * value that does not go together with this one. It reads the values of the file before the schema has checked them.
 */
import { entriesOf, hostHolds } from "../../policy/route/conditions.ts";
import type { MatchableRoute, RouteConditions } from "../../policy/route/conditions.ts";
import { neverReached } from "../../policy/route/never-reached.ts";
import { at, error } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { WITH_OWN_PATHS, hostsOf, yielding } from "../own-paths.ts";
import { conditionsOf, labelOf } from "./unreachable-routes.ts";

interface Holder {
  readonly index: number;
  readonly value: unknown;
  /** Equal for routes with the same sessions. */
  readonly what: string;
  /** Null: all. */
  readonly hosts: readonly string[] | null;
}

export function ownPathFindings(routes: readonly unknown[]): Finding[] {
  return WITH_OWN_PATHS.flatMap(({ key, ownPaths, conflict, sameSessions = JSON.stringify }) => {
    const holders = firstHolders(routes, key, (value) => ((ownPaths?.(value) ?? []).length > 0 ? sameSessions(value) : null));
    if (holders.length === 0) return [];
    const conditions = routes.map(conditionsOf);
    return holders.flatMap(({ index, value, what, hosts }, position) => {
      const taken = (ownPaths?.(value) ?? []).flatMap((own) => {
        const wanted: MatchableRoute = { match: { path: [own.path], methods: [own.method], ...(hosts === null ? {} : { host: hosts }) } };
        const taker = takerOf(conditions.slice(0, index), wanted);
        if (taker === null || sameSessions(at(routes[taker], key)) === what) return [];
        const label = labelOf(routes[taker], taker);
        const place = ["routes", index, key, ...own.key.split(".")];
        return [error(place, `route ${label} stands before this one and takes ${own.path}: put this route first, or choose another path`)];
      });
      for (const other of holders.slice(0, position)) {
        const found = overlap(other.hosts, hosts) ? (conflict?.(value, other.value) ?? null) : null;
        if (found === null) continue;
        const which = `route ${labelOf(routes[other.index], other.index)} has another one on the same host: ${found.message}`;
        return [...taken, error(["routes", index, key, ...found.place], which, true)];
      }
      return taken;
    });
  });
}

/**
 * Of the routes that take own paths, those that are the first with their sessions and hosts: what holds for them holds for the others.
 * @param sessions a text that is the same for two values with the same sessions; null: the value has no own paths
 */
function firstHolders(routes: readonly unknown[], key: string, sessions: (value: unknown) => string | null): readonly Holder[] {
  const having = routes.map((route) => (sessions(at(route, key)) === null ? null : conditionsOf(route)));
  const entriesIn = (_route: unknown, index: number): readonly RouteConditions[] | null => {
    const conditions = having[index] ?? null;
    return conditions === null ? null : entriesOf(conditions);
  };
  const isYielding = yielding(routes, entriesIn);
  const seen = new Set<string>();
  return routes.flatMap((route, index): Holder[] => {
    const value = at(route, key);
    const what = sessions(value);
    const entries = entriesIn(route, index);
    if (what === null || entries === null || isYielding(index)) return [];
    const hosts = hostsOf(entries);
    const kind = JSON.stringify([what, hosts]);
    if (seen.has(kind)) return [];
    seen.add(kind);
    return [{ index, value, what, hosts }];
  });
}

/** The route that takes all requests of `wanted`; null: there is none, or only several together. */
function takerOf(earlier: readonly (MatchableRoute | null)[], wanted: MatchableRoute): number | null {
  const found = neverReached([...earlier, wanted]).find(({ index }) => index === earlier.length);
  return found?.takers[0] ?? null;
}

function overlap(one: readonly string[] | null, other: readonly string[] | null): boolean {
  if (one === null || other === null) return true;
  return one.some((a) => other.some((b) => a === b || hostHolds(a, b) || hostHolds(b, a)));
}
