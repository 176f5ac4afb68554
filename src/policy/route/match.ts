/**
 * Which route takes a request: the first one, in the order of the file, whose conditions all hold.
 *
 * Conditions (all that are given must hold; in a list one entry is enough):
 * - host: without case, port and one trailing dot. `*.example.com` takes every subdomain at any depth, not `example.com` itself.
 * - path: compared in canonical form (normalize-path.ts). `/api/*` takes `/api`, `/api/` and everything below; `/*` takes every
 *   path but the `*` of OPTIONS. Without a `/*` at the end the whole path must be equal.
 * - methods: case counts (RFC 9110 section 9.1); `GET` admits HEAD as well, which is the same request without the body of the answer.
 * - headers: the first line of that name has exactly this value; `"*"` stands for any value.
 *
 * A path may have several readings (normalize-path.ts), `/admin%2fx` for one. It is taken only when all of them lead to the same route:
 * otherwise it would pass by the route of `/admin/*` on its way to an origin that reads it so.
 *
 * The table is an index (host, then a tree of path segments), so 10,000 routes cost about what ten do. Routes that share host
 * and path and differ only in methods or headers are tried one by one.
 */
import { SliceMap } from "../../base/slice-map.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { normalizePattern, otherReadings } from "./normalize-path.ts";

/** The conditions of a route as the configuration gives them. */
export interface RouteConditions {
  readonly host?: readonly string[] | undefined;
  readonly path?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export interface MatchableRoute {
  readonly match: RouteConditions;
}

/** What matching looks at; `host` in lower case, without port and trailing dot. */
export type MatchedRequest = Pick<RequestHead, "method" | "host" | "path" | "get">;

export const NO_ROUTE = -1;
/** The path has readings that lead to different routes: it is refused. */
export const AMBIGUOUS = -2;

/** Throws a RangeError for a path that can never match: one without a leading slash, or one that requests are refused for. */
export function compileRoutes(routes: readonly MatchableRoute[]): RouteTable {
  return new RouteTable(routes.map((route) => compileConditions(route.match)));
}

export class RouteTable {
  private readonly rules: Rules;
  /** Position of the first route without any condition; nothing behind it is ever looked at. */
  private readonly catchAll: number;
  private readonly exactHosts: SliceMap<PathIndex> = new SliceMap();
  /** By suffix with its leading dot: `.example.com`. */
  private readonly wildcardHosts: SliceMap<PathIndex> = new SliceMap();
  private wildcardLengthMax: number = 0;
  private readonly anyHost: PathIndex = new PathIndex("");

  constructor(rules: readonly Rule[]) {
    this.rules = new Rules(rules);
    const first = rules.findIndex(
      (rule) => rule.hosts.length === 0 && rule.paths.length === 0 && rule.methods === null && rule.headers.length === 0,
    );
    this.catchAll = first;
    const reachable = first < 0 ? rules : rules.slice(0, first);
    for (const [position, rule] of reachable.entries()) this.add(position, rule);
  }

  /**
   * @param normalizedPath the result of `normalizePath` for `request.path`
   * @returns the route's position in the file, NO_ROUTE or AMBIGUOUS
   */
  find(request: MatchedRequest, normalizedPath: string): number {
    if (this.catchAll === 0) return 0;
    const found = this.search(request, normalizedPath);
    const readings = otherReadings(request.path, normalizedPath);
    for (let index = 0; index < readings.length; index++) {
      if (this.search(request, readings[index] ?? "") !== found) return AMBIGUOUS;
    }
    return found;
  }

  private search(request: MatchedRequest, path: string): number {
    const { rules } = this;
    const { host } = request;
    let best = this.catchAll < 0 ? rules.count : this.catchAll;
    best = this.anyHost.search(rules, request, path, best);
    const exact = this.exactHosts.get(host);
    if (exact !== undefined) best = exact.search(rules, request, path, best);
    if (this.wildcardLengthMax > 0) {
      // From the longest suffix that any pattern has; at least one character must stand before the dot.
      let dot = host.indexOf(".", Math.max(1, host.length - this.wildcardLengthMax));
      for (; dot >= 0; dot = host.indexOf(".", dot + 1)) {
        const index = this.wildcardHosts.get(host, dot);
        if (index !== undefined) best = index.search(rules, request, path, best);
      }
    }
    return best === rules.count ? NO_ROUTE : best;
  }

  private add(position: number, rule: Rule): void {
    if (rule.hosts.length === 0) this.anyHost.add(position, rule);
    for (const host of rule.hosts) {
      const isWildcard = host.startsWith("*.");
      const key = isWildcard ? host.slice(1) : host;
      const hosts = isWildcard ? this.wildcardHosts : this.exactHosts;
      let index = hosts.get(key);
      if (index === undefined) hosts.add((index = new PathIndex(key)));
      index.add(position, rule);
      if (isWildcard) this.wildcardLengthMax = Math.max(this.wildcardLengthMax, key.length);
    }
  }
}

/** The conditions of all routes but host and path. Most have none, which is seen without a look at the rule: it may lie far away. */
class Rules {
  readonly count: number;
  private readonly rules: readonly Rule[];
  private readonly hasConditions: Uint8Array;

  constructor(rules: readonly Rule[]) {
    this.count = rules.length;
    this.rules = rules;
    this.hasConditions = Uint8Array.from(rules, (rule) => (rule.methods === null && rule.headers.length === 0 ? 0 : 1));
  }

  /** The first of these positions that is under `best` and takes the request, or `best`. */
  firstTaking(positions: Positions, request: MatchedRequest, best: number): number {
    if (positions === null) return best;
    if (typeof positions === "number") return positions < best && this.takes(positions, request) ? positions : best;
    for (const position of positions) {
      if (position >= best) return best;
      if (this.takes(position, request)) return position;
    }
    return best;
  }

  private takes(position: number, request: MatchedRequest): boolean {
    if (this.hasConditions[position] === 0) return true;
    const rule = this.rules[position];
    return rule !== undefined && methodHolds(rule, request.method) && headersHold(rule, request);
  }
}

/** Positions of routes, ascending. Most lists have one entry, which needs no list. */
type Positions = number | number[] | null;

function withPosition(positions: Positions, position: number): Positions {
  if (positions === null || positions === position) return position;
  if (typeof positions === "number") return [positions, position];
  if (positions.at(-1) !== position) positions.push(position);
  return positions;
}

/** The routes of one host, as a tree of path segments. */
class PathIndex {
  /** Whose routes these are, as it is looked for. */
  readonly key: string;
  private anyPath: Positions = null;
  private root: PathNode | null = null;

  constructor(key: string) {
    this.key = key;
  }

  add(position: number, rule: Rule): void {
    if (rule.paths.length === 0) this.anyPath = withPosition(this.anyPath, position);
    for (const path of rule.paths) {
      this.root ??= new PathNode("");
      let node = this.root;
      for (const segment of path.segments) node = node.grow(segment);
      if (path.isPrefix) node.below = withPosition(node.below, position);
      else node.exact = withPosition(node.exact, position);
    }
  }

  /** The smallest position under `best` that takes the request, or `best`. */
  search(rules: Rules, request: MatchedRequest, path: string, best: number): number {
    best = rules.firstTaking(this.anyPath, request, best);
    let node = this.root;
    if (node === null || path.charCodeAt(0) !== 0x2f) return best; // the `*` of OPTIONS
    best = rules.firstTaking(node.below, request, best);
    for (let start = 1; node.children !== null;) {
      const slash = path.indexOf("/", start);
      const child = node.children.get(path, start, slash < 0 ? path.length : slash);
      if (child === undefined) return best;
      best = rules.firstTaking(child.below, request, best);
      if (slash < 0) return rules.firstTaking(child.exact, request, best);
      node = child;
      start = slash + 1;
    }
    return best;
  }
}

class PathNode {
  /** The last segment of its path. */
  readonly key: string;
  children: SliceMap<PathNode> | null = null;
  /** Routes for the path that ends here and for all below it. */
  below: Positions = null;
  /** Routes for the path that ends here. */
  exact: Positions = null;

  constructor(key: string) {
    this.key = key;
  }

  grow(segment: string): PathNode {
    this.children ??= new SliceMap();
    let child = this.children.get(segment);
    if (child === undefined) this.children.add((child = new PathNode(segment)));
    return child;
  }
}

/** A route's conditions, ready to compare. */
export interface Rule {
  readonly hosts: readonly string[];
  readonly paths: readonly PathPattern[];
  /** null: every method. */
  readonly methods: ReadonlySet<string> | null;
  /** Lower-case name and value; null: any value. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

export interface PathPattern {
  readonly segments: readonly string[];
  readonly isPrefix: boolean;
}

export function compileConditions(conditions: RouteConditions): Rule {
  const { host = [], path = [], methods, headers = {} } = conditions;
  const hosts = host.map((name) => name.toLowerCase().replace(/\.$/, ""));
  return {
    hosts: hosts.includes("*") ? [] : [...new Set(hosts)],
    paths: path.map(compilePath),
    methods: methods === undefined || methods.length === 0 ? null : new Set(methods.includes("GET") ? [...methods, "HEAD"] : methods),
    headers: Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value === "*" ? null : value] as const),
  };
}

export function methodHolds(rule: Rule, method: string): boolean {
  return rule.methods === null || rule.methods.has(method);
}

export function headersHold(rule: Rule, request: Pick<RequestHead, "get">): boolean {
  for (const [name, value] of rule.headers) {
    const given = request.get(name);
    if (given === undefined || (value !== null && given !== value)) return false;
  }
  return true;
}

function compilePath(pattern: string): PathPattern {
  const isPrefix = pattern.endsWith("/*");
  const canonical = normalizePattern(isPrefix ? pattern.slice(0, -1) : pattern);
  if (canonical === null || canonical === "*") throw new RangeError(`the path ${JSON.stringify(pattern)} can never match a request`);
  const segments = canonical.slice(1).split("/");
  return { segments: isPrefix ? segments.slice(0, -1) : segments, isPrefix };
}
