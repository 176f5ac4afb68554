/**
 * Warns about routes that no request reaches, because earlier routes take all their requests (policy/route/never-reached.ts). It reads the
 * values of the file before the schema has checked them, as cross-checks.ts does: a route with invalid conditions counts as covering nothing.
 */
import { DECLARED } from "../../features/declared.ts";
import type { MatchableRoute, RouteConditions } from "../../policy/route/conditions.ts";
import { neverReached } from "../../policy/route/never-reached.ts";
import type { NeverReached, Remainder } from "../../policy/route/never-reached.ts";
import type { Finding } from "../../values/finding.ts";
import { routeLabel } from "./route-label.ts";

/** One warning for each route that is never reached. `routes` are plain data from the file. */
export function unreachableRoutes(routes: readonly unknown[]): Finding[] {
  return neverReached(routes.map(conditionsOf)).map((verdict) => ({
    path: ["routes", verdict.index],
    message: sentence(verdict, routes),
    severity: "warning",
  }));
}

function sentence({ index, takers, left }: NeverReached, routes: readonly unknown[]): string {
  const what = left.length === 0 ? "it is never reached" : `nothing but ${left.map((each) => REMAINDERS[each]).join(" and ")} can reach it`;
  const [first] = takers;
  if (first === undefined) return `${what}: its conditions on headers exclude each other`;
  const labels = takers.slice(0, TAKERS_SHOWN).map((taker) => labelOf(routes[taker], taker));
  const more = takers.length > labels.length ? ` and ${takers.length - labels.length} more` : "";
  const before =
    takers.length === 1 ? `route ${labels.join()} stands before it and takes` : `routes ${listed(labels, more)} stand before it and take`;
  const which = left.length === 0 ? "every request that it would take" : "all others";
  return `${what}: ${before} ${which}${idleGuards(routes[index])}`;
}

const TAKERS_SHOWN = 3;

const REMAINDERS: Readonly<Record<Remainder, string>> = { preflights: "CORS preflights", options_star: '"OPTIONS *"' };

function listed(labels: readonly string[], more: string): string {
  return more === "" ? `${labels.slice(0, -1).join(", ")} and ${labels.at(-1) ?? ""}` : `${labels.join(", ")}${more}`;
}

const GUARDS: readonly string[] = [
  ...Object.entries(DECLARED)
    .filter(([, { facts }]) => facts.guard)
    .map(([key]) => key)
    .sort(),
  "max_body",
  "middleware",
];

/** The end of a warning that names the guards of an unreached route, because an operator relies on a check that is never made. */
function idleGuards(route: unknown): string {
  const guards = GUARDS.filter((key) => valueAt(route, key) !== undefined);
  return guards.length === 0 ? "" : `; its ${guards.join(" and ")} ${guards.length === 1 ? "does" : "do"} not apply to them`;
}

/** The label of a route for messages. @param route plain data from the file */
export function labelOf(route: unknown, index: number): string {
  const name = valueAt(route, "name");
  return routeLabel({ name: typeof name === "string" ? name : undefined }, index);
}

/** The conditions of a route; null when something in them is of the wrong kind, which the schema reports. */
export function conditionsOf(route: unknown): MatchableRoute | null {
  if (!isMapping(route)) return null;
  const match = valueAt(route, "match") ?? {};
  const entries = (Array.isArray(match) ? match : [match]).map((entry: unknown) => entryOf(entry, true));
  return entries.length > 0 && entries.every((entry) => entry !== null) ? { match: entries, cors: valueAt(route, "cors") } : null;
}

function entryOf(entry: unknown, mayExclude: boolean): RouteConditions | null {
  if (!isMapping(entry)) return null;
  const conditions: { -readonly [key in keyof RouteConditions]: RouteConditions[key] } = {};
  for (const [key, value] of Object.entries(entry)) {
    const texts = typeof value === "string" ? [value] : value;
    if ((key === "headers" || key === "query") && isMapping(value) && isTextOnly(Object.values(value))) {
      conditions[key] = Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
    } else if (key === "not" && mayExclude) {
      const exceptions = (Array.isArray(value) ? value : [value]).map((each: unknown) => entryOf(each, false));
      if (exceptions.includes(null)) return null;
      conditions.not = exceptions.filter((each) => each !== null);
    } else if (key === "client_certificate" && isMapping(value)) {
      const lists = Object.entries(value).map(([name, given]) => [name, typeof given === "string" ? [given] : given] as const);
      if (!lists.every(([, list]) => Array.isArray(list) && isTextOnly(list))) return null;
      conditions.client_certificate = Object.fromEntries(lists);
    } else if (key === "path_regex" && typeof value === "string") {
      conditions.path_regex = value;
    } else if (Array.isArray(texts) && texts.length > 0 && isTextOnly(texts)) {
      if (key === "host" || key === "path" || key === "client_ip") conditions[key] = texts;
      else if (key === "methods") conditions.methods = texts.map((method) => method.toUpperCase());
      else return null;
    } else return null;
  }
  return conditions;
}

function isTextOnly(values: readonly unknown[]): values is readonly string[] {
  return values.every((value) => typeof value === "string");
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(mapping: unknown, key: string): unknown {
  return isMapping(mapping) && Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}
