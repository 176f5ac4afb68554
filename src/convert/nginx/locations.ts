/**
 * Which location of a server takes a request. nginx takes an exact location, else remembers the longest prefix, tries the regular expressions in
 * the order of the file unless that prefix has `^~`, and only then takes the prefix. Millrace takes the first route, so locations are put into an
 * order, and get exceptions, by which the same one wins.
 */
import { both } from "../model/conditions.ts";
import type { Conditions } from "../model/conditions.ts";
import type { Notes } from "../model/notes.ts";
import { isPlainPath, regexOf } from "../model/regex-text.ts";
import type { Sources } from "../model/sources.ts";
import type { Directive } from "./parse.ts";
import { patternConditions, widerPattern } from "./patterns.ts";
import type { Scope } from "./scope.ts";

export interface Location {
  readonly kind: "exact" | "prefix" | "regex" | "named";
  /** The path, or the expression with `(?i)` where case does not count, or the name. */
  readonly text: string;
  /** A prefix with `^~`: expressions are not tried. */
  readonly isFinal: boolean;
  readonly conditions: Conditions;
  readonly scope: Scope;
  readonly directive: Directive;
  readonly inner: readonly Location[];
}

/** A location with the conditions under which it takes a request, given that no earlier one does. */
export interface Placed {
  readonly location: Location;
  readonly conditions: Conditions;
  /** nginx redirects from `/x` to the location `/x/` of a proxy: this is that redirect. */
  readonly isSlashRedirect: boolean;
}

export interface LocationSurroundings {
  readonly sources: Sources;
  readonly notes: Notes;
}

/** The locations that stand in a block. */
export function locationsIn(scope: Scope, surroundings: LocationSurroundings): readonly Location[] {
  return scope.ownAll("location").flatMap((directive) => locationOf(directive, scope, surroundings) ?? []);
}

function locationOf(directive: Directive, outer: Scope, surroundings: LocationSurroundings): Location | null {
  const { args, block, place } = directive;
  const { sign, text } = signOf(args);
  const scope = outer.inner(block ?? []);
  const inner = locationsIn(scope, surroundings);
  const common = { scope, directive, inner, isFinal: false };
  if (sign === "" && text.startsWith("@")) return { ...common, kind: "named", text, conditions: {} };
  if (sign === "~" || sign === "~*") {
    const found = patternConditions(text, sign === "~*", surroundings.sources);
    if (found.problem !== undefined) {
      const wider = isGuarded(block ?? []) ? widerPattern(text, sign === "~*", surroundings.sources) : null;
      const what = wider === null ? "the location is left out" : "the location takes more than it did, because it keeps clients away";
      surroundings.notes.add({ place, what: "location", why: `${found.problem}; ${what}` });
      return wider === null ? null : { ...common, kind: "regex", text: wider.regex ?? "", conditions: wider };
    }
    const { conditions } = found;
    return { ...common, kind: "regex", text: conditions.regex ?? "", conditions };
  }
  const path = text.startsWith("/") ? text : `/${text}`;
  if (sign === "=") return { ...common, kind: "exact", text: path, conditions: exactly(path) };
  return { ...common, kind: "prefix", text: path, isFinal: sign === "^~", conditions: path === "/" ? {} : { prefix: path } };
}

/** Whether the location refuses clients, or asks who they are. */
function isGuarded(block: readonly Directive[]): boolean {
  return block.some(
    ({ name, args: [first = ""] }) =>
      /^(?:deny|allow|auth_\w+|internal|satisfy)$/.test(name) || (name === "return" && /^4\d\d$/.test(first)),
  );
}

function signOf([first = "", second]: readonly string[]): { readonly sign: string; readonly text: string } {
  if (second !== undefined) return { sign: first, text: second };
  // The sign may stand right before the path.
  const [, sign = "", text = ""] = /^(=|~\*|~|\^~)?(.*)$/s.exec(first) ?? [];
  return { sign, text };
}

export function exactly(path: string): Conditions {
  return isPlainPath(path) ? { path: [path] } : { regex: `^${regexOf(path)}$` };
}

/** All locations but the named ones, in the order of routes. */
export function inOrder(locations: readonly Location[]): readonly Placed[] {
  const { before, after } = ordered(locations, {});
  return [...before, ...after];
}

interface Order {
  /** What counts before the expressions of the outer block. */
  readonly before: readonly Placed[];
  readonly after: readonly Placed[];
}

/** @param within the conditions of the location around them */
function ordered(locations: readonly Location[], within: Conditions): Order {
  const exact = locations.filter(({ kind }) => kind === "exact");
  const regexes = locations.filter(({ kind }) => kind === "regex");
  const prefixes = locations.filter(({ kind }) => kind === "prefix").sort((a, b) => b.text.length - a.text.length);
  const redirects = prefixes.filter(
    ({ text, scope }) =>
      text.length > 1 &&
      text.endsWith("/") &&
      PROXIES.some((name) => scope.ownLast(name) !== undefined) &&
      !locations.some((other) => other.kind !== "regex" && other.text === text.slice(0, -1)),
  );
  const before: Placed[] = [];
  const after: Placed[] = [];
  for (const location of exact) before.push(...placed(location, within));
  for (const location of redirects) {
    const conditions = within.regex === undefined && within.path === undefined ? exactly(location.text.slice(0, -1)) : "never";
    if (typeof conditions === "object") before.push({ location, conditions, isSlashRedirect: true });
  }
  for (const location of prefixes) {
    const conditions = both(within, redirects.includes(location) ? belowFolder(location.text) : location.conditions);
    if (typeof conditions === "string") continue;
    const own = ordered(location.inner, conditions);
    // Longer ones with `^~` stand earlier.
    const longer = prefixes.filter((other) => other !== location && !other.isFinal && other.text.startsWith(location.text));
    const main: Placed = { location, conditions, isSlashRedirect: false };
    before.push(...own.before.map((each) => except(each, longer)));
    if (location.isFinal) before.push(...[...own.after, main].map((each) => except(each, longer)));
    else after.push(...own.after, main);
  }
  return { before: [...before, ...regexes.flatMap((location) => placed(location, within))], after };
}

const PROXIES = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "memcached_pass", "grpc_pass"];

/** `/x/` as `/x/*`, where `/x` itself is taken by the redirect before it. */
function belowFolder(path: string): Conditions {
  return isPlainPath(path) ? { path: [`${path}*`] } : { prefix: path };
}

/** A location and those within it. */
function placed(location: Location, within: Conditions): readonly Placed[] {
  const conditions = both(within, location.conditions);
  if (typeof conditions === "string") return [];
  const { before, after } = ordered(location.inner, conditions);
  return [...before, ...after, { location, conditions, isSlashRedirect: false }];
}

/** Less what longer prefixes take. */
function except(placed: Placed, longer: readonly Location[]): Placed {
  const { conditions } = placed;
  const exceptions = longer.map((location) => location.conditions).filter((each) => both(conditions, each) !== "never");
  if (exceptions.length === 0) return placed;
  return { ...placed, conditions: { ...conditions, not: [...(conditions.not ?? []), ...exceptions] } };
}
