/**
 * Finds the routes that are never reached, because earlier routes take every request that they would take. `millrace check` warns of
 * them: a route with a token check for `/api/admin/*` that stands after the route for `/api/*` checks nobody.
 *
 * The answer is exact and needs no trial requests:
 * - A pattern for a host or a path stands for one value (`a.test`, `/x`) or for infinitely many (`*.a.test`, `/x/*`, any). Narrower patterns
 *   never use up an infinite one: there is always a subdomain that none of them names. So a pair of a host pattern and a path pattern is
 *   covered only by an earlier route that has one host pattern and one path pattern which cover that pair alone.
 * - Headers work the same way: a request need not carry more headers than a route asks for, and where a route takes any value, a request
 *   may carry one that no route names.
 * - Parameters of the query are like headers. Patterns (`path_regex`), conditions on the client's address and exceptions (`not`) are compared as
 *   a whole: an earlier route with such a condition covers a later one only if that has the same. So a warning is never wrong, but here one may
 *   be missing.
 * - A route with several entries of conditions is covered if each of them is.
 * - Several earlier routes can cover a route together only by methods, one taking GET and another POST, and by taking different pairs.
 *
 * Two kinds of requests are looked at apart, because they follow rules of their own (match.ts): preflights, and `OPTIONS *`, whose target
 * is no path. A route that only these can reach is reported together with the kind that is left to it. That is exact too, unless routes
 * ask for headers, which a preflight may either announce or carry.
 *
 * Each route is looked up in an index of the routes before it. The index has the shape of the route table: the host and its suffixes,
 * then the segments of the path, then the headers. Ten thousand routes cost ten thousand such searches.
 */
import { compileConditions } from "./conditions.ts";
import type { MatchableRoute, PathPattern, Rule } from "./conditions.ts";
import type { CompileRegex } from "./path-regex.ts";

export interface NeverReached {
  /** Position of the route, from 0. */
  readonly index: number;
  /** Positions of the earlier routes that take its requests, ascending. Empty when its own conditions exclude each other. */
  readonly takers: readonly number[];
  /** The kinds of requests that may reach the route all the same. */
  readonly left: readonly Remainder[];
}

/** A kind of requests with rules of its own, as the header of this file explains. */
export type Remainder = "preflights" | "options_star";

/**
 * The routes that are never reached, in the order of the file.
 * @param routes null stands for a route whose conditions are not known: it counts as covering nothing, and as covered only by routes that
 * take everything
 */
export function neverReached(routes: readonly (MatchableRoute | null)[]): NeverReached[] {
  const earlier = new EarlierRoutes();
  const found: NeverReached[] = [];
  const rules = routes.map((route) => (route === null ? null : compiled(route)));
  for (const [index, entries] of rules.entries()) {
    const coverage = earlier.coverageOfAll(entries ?? EVERYTHING);
    if (coverage !== null) found.push({ index, left: coverage.left, takers: fewest(coverage, entries ?? EVERYTHING, rules) });
    // A route that is never reached need not be added: its takers cover whatever it covers.
    if (entries !== null && coverage?.left.length !== 0) for (const rule of entries) earlier.add(rule, index);
  }
  return found;
}

const EVERYTHING: readonly Rule[] = compileConditions({ match: {}, cors: {} });

/** The route's conditions; null when one of its paths can never match, which `millrace check` reports as a problem of its own. */
function compiled(route: MatchableRoute): readonly Rule[] | null {
  try {
    return compileConditions(route, UNUSED);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Patterns are compared as texts, not tried. */
const UNUSED: CompileRegex = () => ({ holds: () => false, steps: 0, groups: () => null, replace: (path) => path });

interface Coverage {
  /** For each kind of request that the rule takes, the first earlier route that takes it. */
  readonly takers: ReadonlySet<number>;
  readonly left: readonly Remainder[];
}

/**
 * The takers to name in a message: one that covers the rule alone if there is one, else all. Only the first few are tried, because the
 * message is all that gains by it.
 */
function fewest({ takers, left }: Coverage, entries: readonly Rule[], rules: readonly (readonly Rule[] | null)[]): readonly number[] {
  const sorted = [...takers].sort((a, b) => a - b);
  if (sorted.length < 2) return sorted;
  const alone = sorted.slice(0, TRIED_MAX).find((index) => {
    const other = rules[index] ?? null;
    if (other === null) return false;
    const only = new EarlierRoutes();
    for (const rule of other) only.add(rule, index);
    return only.coverageOfAll(entries)?.left.length === left.length;
  });
  return alone === undefined ? sorted : [alone];
}

const TRIED_MAX = 8;
const NOBODY = Infinity;

/** An index of routes that tells which of them cover a given rule. */
class EarlierRoutes {
  /** Keys are hosts, suffixes with their leading dot (`.example.com`), and "" for routes that take every host. */
  private readonly hosts = new Map<string, PathTree>();

  add(rule: Rule, index: number): void {
    const literals = [
      ...rule.headers.map(([name, value]) => literal(name, value)),
      ...rule.query.map(([name, value]) => literal(`?${name}`, value)),
      ...rule.texts,
    ].sort();
    for (const host of rule.hosts.length === 0 ? [""] : rule.hosts) {
      const key = host.startsWith("*.") ? host.slice(1) : host;
      let paths = this.hosts.get(key);
      if (paths === undefined) this.hosts.set(key, (paths = new PathTree()));
      for (const headers of paths.grow(rule.paths)) headers.grow(literals).add(rule, index);
    }
  }

  /** What these routes take of the requests of all entries of a route; null when some entry takes a request that none of them takes. */
  coverageOfAll(entries: readonly Rule[]): Coverage | null {
    const takers = new Set<number>();
    const left = new Set<Remainder>();
    for (const rule of entries) {
      const coverage = this.coverageOf(rule);
      if (coverage === null) return null;
      for (const taker of coverage.takers) takers.add(taker);
      for (const each of coverage.left) left.add(each);
    }
    return { takers, left: [...left] };
  }

  /** What these routes take of the rule's requests; null when the rule takes a request that none of them takes. */
  coverageOf(rule: Rule): Coverage | null {
    const takers = new Set<number>();
    const left = new Set<Remainder>();
    const named = [...rule.headers, ...rule.query.map(([name, value]) => [`?${name}`, value] as const)];
    const implied = [...named.flatMap(([name, value]) => (value === null ? [name] : [name, literal(name, value)])), ...rule.texts].sort();
    const methods = rule.methods === null ? [null] : [...rule.methods];
    const isPossible = !contradicts(rule);
    for (const host of rule.hosts.length === 0 ? [""] : rule.hosts) {
      const covering = this.coveringHosts(host);
      for (const path of rule.paths.length === 0 ? ANY_PATH : rule.paths) {
        const found = covering.flatMap((paths) => paths.covering(path)).flatMap((headers) => headers.covering(implied));
        for (const method of isPossible ? methods : []) {
          const taker = firstOf(found, (takes) => takes.first(method));
          if (taker === NOBODY) return null;
          takers.add(taker);
        }
        if (rule.takesPreflights && !methods.every((method) => note(takers, preflightTaker(found, method)))) left.add("preflights");
      }
      if (rule.paths.length > 0) continue;
      const found = covering.flatMap((paths) => paths.star.covering(implied));
      const takesOptions = isPossible && (rule.methods === null || rule.methods.has("OPTIONS"));
      const optionsTaker = firstOf(found, (takes) => takes.first("OPTIONS"));
      if (takesOptions && !note(takers, optionsTaker)) left.add("options_star");
      if (rule.takesPreflights && !methods.every((method) => note(takers, preflightTaker(found, method)))) left.add("options_star");
    }
    return { takers, left: [...left] };
  }

  /** The trees whose routes take every host that the pattern stands for. The pattern "" stands for any host. */
  private coveringHosts(pattern: string): PathTree[] {
    const keys = [""];
    if (!pattern.startsWith("*.") && pattern !== "") keys.push(pattern);
    // At least one character stands before the dot of a suffix.
    for (let dot = pattern.indexOf(".", 1); dot >= 0; dot = pattern.indexOf(".", dot + 1)) keys.push(pattern.slice(dot));
    return keys.flatMap((key) => this.hosts.get(key) ?? []);
  }
}

const ANY_PATH: readonly PathPattern[] = [{ segments: [], isPrefix: true }];

/** Whether the conditions on headers exclude each other: they ask for two values of one header. */
function contradicts({ headers }: Rule): boolean {
  return headers.some(([name, value]) =>
    headers.some((other) => other[0] === name && other[1] !== value && other[1] !== null && value !== null),
  );
}

/** A condition on a header as text: the name alone for any value, else the name and the value. */
function literal(name: string, value: string | null): string {
  return value === null ? name : `${name}\n${value}`;
}

/** Adds the taker of a kind of request to `takers`; false when nobody takes that kind. */
function note(takers: Set<number>, taker: number): boolean {
  if (taker !== NOBODY) takers.add(taker);
  return taker !== NOBODY;
}

/**
 * Index of the first route that takes every preflight which asks for this method (null: for a method that no route names). A preflight
 * mostly announces headers without carrying them, so a route without CORS takes it only if that route asks for no headers.
 */
function preflightTaker(found: readonly Takers[], method: string | null): number {
  return firstOf(found, (takes) => Math.min(takes.firstForPreflight(method), takes.asksNoHeaders ? takes.first("OPTIONS") : NOBODY));
}

function firstOf(found: readonly Takers[], of: (takes: Takers) => number): number {
  let first = NOBODY;
  for (const takes of found) first = Math.min(first, of(takes));
  return first;
}

/** The routes of one host pattern, as a tree of path segments. */
class PathTree {
  /** The routes that take the target `*` of OPTIONS: those without conditions on the path. */
  readonly star: HeaderTree = new HeaderTree(true);
  private readonly root: PathNode = new PathNode();

  /** The places in the tree for a route with these paths, made where they are missing. */
  grow(patterns: readonly PathPattern[]): HeaderTree[] {
    if (patterns.length === 0) return [this.star, (this.root.below ??= new HeaderTree(true))];
    return patterns.map(({ segments, isPrefix }) => {
      let node = this.root;
      for (const segment of segments) {
        node.children ??= new Map();
        let child = node.children.get(segment);
        if (child === undefined) node.children.set(segment, (child = new PathNode()));
        node = child;
      }
      return isPrefix ? (node.below ??= new HeaderTree(true)) : (node.exact ??= new HeaderTree(true));
    });
  }

  /** The places whose routes take every path that the pattern stands for. */
  covering({ segments, isPrefix }: PathPattern): HeaderTree[] {
    const found: HeaderTree[] = [];
    let node: PathNode | undefined = this.root;
    for (let depth = 0; node !== undefined; depth++) {
      if (node.below !== null) found.push(node.below);
      const segment: string | undefined = segments[depth];
      if (segment === undefined) {
        if (!isPrefix && node.exact !== null) found.push(node.exact);
        break;
      }
      node = node.children?.get(segment);
    }
    return found;
  }
}

class PathNode {
  children: Map<string, PathNode> | null = null;
  below: HeaderTree | null = null;
  exact: HeaderTree | null = null;
}

/** The routes of one place in the path tree, by the headers that they ask for: each set of headers, sorted, is a way down this tree. */
class HeaderTree {
  private readonly takers: Takers;
  private children: Map<string, HeaderTree> | null = null;

  constructor(isRoot: boolean) {
    this.takers = new Takers(isRoot);
  }

  grow(literals: readonly string[], from: number = 0): Takers {
    const name = literals[from];
    if (name === undefined) return this.takers;
    this.children ??= new Map();
    let child = this.children.get(name);
    if (child === undefined) this.children.set(name, (child = new HeaderTree(false)));
    return child.grow(literals, from + 1);
  }

  /** The routes that ask for no header beyond those in `implied`. */
  covering(implied: readonly string[], from: number = 0, found: Takers[] = []): Takers[] {
    if (!this.takers.isEmpty) found.push(this.takers);
    if (this.children === null) return found;
    for (let at = from; at < implied.length; at++) this.children.get(implied[at] ?? "")?.covering(implied, at + 1, found);
    return found;
  }
}

/** The routes of one place that ask for the same headers. Gives the first of them for a method. */
class Takers {
  readonly asksNoHeaders: boolean;
  isEmpty: boolean = true;
  private readonly requests = new FirstByMethod();
  private readonly preflights = new FirstByMethod();

  constructor(asksNoHeaders: boolean) {
    this.asksNoHeaders = asksNoHeaders;
  }

  add({ methods, takesPreflights }: Rule, index: number): void {
    this.isEmpty = false;
    this.requests.add(methods, index);
    if (takesPreflights) this.preflights.add(methods, index);
  }

  /** @param method null stands for a method that no route names */
  first(method: string | null): number {
    return this.requests.get(method);
  }

  firstForPreflight(method: string | null): number {
    return this.preflights.get(method);
  }
}

class FirstByMethod {
  private any: number = NOBODY;
  private named: Map<string, number> | null = null;

  /** Indexes come in ascending order. */
  add(methods: ReadonlySet<string> | null, index: number): void {
    if (methods === null) this.any = Math.min(this.any, index);
    for (const method of methods ?? []) {
      this.named ??= new Map();
      if (!this.named.has(method)) this.named.set(method, index);
    }
  }

  get(method: string | null): number {
    return Math.min(this.any, method === null ? NOBODY : (this.named?.get(method) ?? NOBODY));
  }
}
