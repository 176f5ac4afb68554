/**
 * Which routes are never reached, because earlier ones take every request that they would take: a token check on `/api/admin/*` that
 * stands after `/api/*` never asks anybody.
 *
 * The answer is exact, without trying requests. A condition on the host or the path is met by one value (`a.test`, `/x`) or by endlessly
 * many (`*.a.test`, `/x/*`, any), and endlessly many are never used up by narrower patterns: some subdomain is named by none of them.
 * Therefore a pair of a host pattern and a path pattern is covered only by routes of which one host pattern and one path pattern
 * cover the pair alone. Headers are alike: a request need not bring more fields than a route asks for, and where any value will do it
 * may bring one that no route names. What adds up are methods, each of which may be taken by another route, and the pairs themselves.
 *
 * Two kinds of requests are kept apart, because they follow rules of their own (match.ts): preflights, and `OPTIONS *`, whose target
 * is no path. A route that only these can reach is reported with what may be left to it: that is exact as well, unless a route asks for
 * headers, which a preflight may announce or bring.
 *
 * Each route is looked up in an index of those before it, which has the shape of the route table: the host and its suffixes, then the
 * segments of the path, then the headers. Ten thousand routes cost ten thousand such searches.
 */
import { compileConditions } from "./match.ts";
import type { MatchableRoute, PathPattern, Rule } from "./match.ts";

export interface NeverReached {
  /** Position of the route, from 0. */
  readonly index: number;
  /** Positions of those that take its requests, in ascending order; none: its own conditions exclude each other. */
  readonly takers: readonly number[];
  /** What may reach it all the same. */
  readonly left: readonly Remainder[];
}

export type Remainder = "preflights" | "options_star";

/** @param routes null stands for a route whose conditions are not known: it covers nothing, and only what takes everything covers it */
export function neverReached(routes: readonly (MatchableRoute | null)[]): NeverReached[] {
  const earlier = new EarlierRoutes();
  const found: NeverReached[] = [];
  const rules = routes.map((route) => (route === null ? null : compiled(route)));
  for (const [index, rule] of rules.entries()) {
    const coverage = earlier.coverageOf(rule ?? EVERYTHING);
    if (coverage !== null) found.push({ index, left: coverage.left, takers: fewest(coverage, rule ?? EVERYTHING, rules) });
    // What a route covers that is never reached, its takers cover.
    if (rule !== null && coverage?.left.length !== 0) earlier.add(rule, index);
  }
  return found;
}

const EVERYTHING: Rule = compileConditions({ match: {}, cors: {} });

/** null: one of its paths can never match, which is a fault of its own. */
function compiled(route: MatchableRoute): Rule | null {
  try {
    return compileConditions(route);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

interface Coverage {
  /** The first taker of each kind of request. */
  readonly takers: ReadonlySet<number>;
  readonly left: readonly Remainder[];
}

/** Of several takers one that is enough, if there is one; few are asked, for this serves the message only. */
function fewest({ takers, left }: Coverage, rule: Rule, rules: readonly (Rule | null)[]): readonly number[] {
  const sorted = [...takers].sort((a, b) => a - b);
  if (sorted.length < 2) return sorted;
  const alone = sorted.slice(0, ASKED_MAX).find((index) => {
    const other = rules[index] ?? null;
    if (other === null) return false;
    const only = new EarlierRoutes();
    only.add(other, index);
    return only.coverageOf(rule)?.left.length === left.length;
  });
  return alone === undefined ? sorted : [alone];
}

const ASKED_MAX = 8;
const NOBODY = Infinity;

/** An index of routes by what they cover. */
class EarlierRoutes {
  /** By host, by suffix with its leading dot, and by "" for those that take every host. */
  private readonly hosts = new Map<string, PathTree>();

  add(rule: Rule, index: number): void {
    const literals = rule.headers.map(([name, value]) => literal(name, value)).sort();
    for (const host of rule.hosts.length === 0 ? [""] : rule.hosts) {
      const key = host.startsWith("*.") ? host.slice(1) : host;
      let paths = this.hosts.get(key);
      if (paths === undefined) this.hosts.set(key, (paths = new PathTree()));
      for (const headers of paths.grow(rule.paths)) headers.grow(literals).add(rule, index);
    }
  }

  /** null: the rule takes requests that none of these takes. */
  coverageOf(rule: Rule): Coverage | null {
    const takers = new Set<number>();
    const left = new Set<Remainder>();
    const implied = rule.headers.flatMap(([name, value]) => (value === null ? [name] : [name, literal(name, value)])).sort();
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

  /** Those for every host that the pattern stands for; "" stands for any. */
  private coveringHosts(pattern: string): PathTree[] {
    const keys = [""];
    if (!pattern.startsWith("*.") && pattern !== "") keys.push(pattern);
    // At least one character stands before the dot of a suffix.
    for (let dot = pattern.indexOf(".", 1); dot >= 0; dot = pattern.indexOf(".", dot + 1)) keys.push(pattern.slice(dot));
    return keys.flatMap((key) => this.hosts.get(key) ?? []);
  }
}

const ANY_PATH: readonly PathPattern[] = [{ segments: [], isPrefix: true }];

/** Whether no request can meet the conditions on headers: one field has one value. */
function contradicts({ headers }: Rule): boolean {
  return headers.some(([name, value]) =>
    headers.some((other) => other[0] === name && other[1] !== value && other[1] !== null && value !== null),
  );
}

/** A condition on a header as text; the name alone: any value. */
function literal(name: string, value: string | null): string {
  return value === null ? name : `${name}\n${value}`;
}

/** Notes who takes a kind of request; false: nobody does. */
function note(takers: Set<number>, taker: number): boolean {
  if (taker !== NOBODY) takers.add(taker);
  return taker !== NOBODY;
}

/**
 * The first that takes every preflight of a rule for the method that it asks for (null: for one that no route names). Its headers
 * are only announced as a rule, so routes without CORS take it only if they ask for no headers.
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
  readonly star: HeaderTree = new HeaderTree(true);
  private readonly root: PathNode = new PathNode();

  /** Where routes with these paths stand. */
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

  /** Those for every path that the pattern stands for. */
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

/** Routes of one place by the headers that they ask for, sorted: a tree in which every set of headers is a way down. */
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

  /** Those that ask for nothing but what is implied. */
  covering(implied: readonly string[], from: number = 0, found: Takers[] = []): Takers[] {
    if (!this.takers.isEmpty) found.push(this.takers);
    if (this.children === null) return found;
    for (let at = from; at < implied.length; at++) this.children.get(implied[at] ?? "")?.covering(implied, at + 1, found);
    return found;
  }
}

/** Routes of one place and the same headers: which of them is the first for a method. */
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

  /** @param method null: one that no route names */
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
