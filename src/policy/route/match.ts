/**
 * Finds the route that takes a request: the first one, in the order of the file, whose conditions all hold.
 *
 * Conditions (all that are given must hold; in a list one entry is enough):
 * - host: case, port and one trailing dot are ignored. `*.example.com` takes every subdomain at any depth, not `example.com` itself.
 * - path: compared in canonical form (normalize-path.ts). `/api/*` takes `/api`, `/api/` and everything below; `/*` takes every
 *   path but the `*` of OPTIONS. Without a `/*` at the end the whole path must be equal.
 * - path_regex: it matches some part of the canonical form. It is tried only where its literal beginning fits.
 * - methods: case counts (RFC 9110 section 9.1). `GET` includes HEAD, which is the same request without the body of the answer.
 * - headers: the first line of that name has exactly this value; `"*"` stands for any value.
 * - query: some parameter of that name has this value, both compared in decoded form; `"*"` stands for any value.
 * - client_ip: the client's address is in one of the blocks.
 * - client_certificate: the client has shown a certificate, and it is one of these (certificate-conditions.ts).
 * - not: of these conditions, one does not hold. A preflight is judged by the method that it asks for.
 *
 * A route may have several entries of conditions; one of them is enough.
 *
 * A preflight asks on behalf of the request that follows it. A route with CORS takes a preflight if it would take a request with the
 * method that the preflight names; a condition on a header holds too if the preflight announces that header. Otherwise another route,
 * or the origin server, would answer the preflight.
 *
 * A path may have several readings (normalize-path.ts): some origin servers read `/admin%2fx` as `/admin/x`. Such a request is taken only
 * when all readings lead to the same route; otherwise it would get past the route for `/admin/*` on its way to such a server. One reading
 * may lead to another route: that of `//api/users` as the path `/users` on a host `api`. The route for `/api/*` takes such a request if it
 * has all guards of the other route (guards.ts).
 *
 * The table is an index (host, then a tree of path segments), so 10,000 routes cost about what ten do. Routes that share host
 * and path and differ in other conditions are tried one by one.
 */
import { SliceMap } from "../../base/slice-map.ts";
import type { MatchedCertificate } from "./certificate-conditions.ts";
import { compileConditions, conditionsHold, isPlain } from "./conditions.ts";
import type { MatchableRoute, MatchedRequest, Rule } from "./conditions.ts";
import type { CompileRegex } from "./path-regex.ts";
import { lackingGuard } from "./guards.ts";
import { otherReadings, referenceReadings } from "./normalize-path.ts";
import { QueryReader } from "./query.ts";

/** A route's conditions and the value that `RouteTable.find` gives back for it. */
export interface RouteEntry<Taker> extends MatchableRoute {
  readonly taker: Taker;
}

/** What `RouteTable.find` gives back, such as the compiled route of a snapshot. `index` is the route's position in the file. */
export interface Ordered {
  readonly index: number;
}

/** Result of `find` for a path whose readings lead to different routes. The request is to be refused. */
export const AMBIGUOUS: unique symbol = Symbol("ambiguous");

/**
 * Compiles routes, given in the order of the file, into a table. Throws a RangeError for a path that can never match: one without a leading
 * slash, or one for which requests are refused.
 * @param compileRegex for `path_regex`
 */
export function compileRoutes<Taker extends Ordered>(
  entries: readonly RouteEntry<Taker>[],
  compileRegex?: CompileRegex,
): RouteTable<Taker> {
  const queries = new QueryReader();
  const candidates = entries.flatMap((entry) =>
    compileConditions(entry, compileRegex, queries).map((rule) => ({ rule, taker: entry.taker })),
  );
  return new RouteTable(indexed(candidates), Guards.of(entries));
}

/** As `compileRoutes`, for callers that only need the position of the route that takes a request. */
export function compilePositions(routes: readonly MatchableRoute[], compileRegex?: CompileRegex): RouteTable<Ordered> {
  return compileRoutes(
    routes.map((route, index) => ({ ...route, taker: { index } })),
    compileRegex,
  );
}

/** The guards of a taker of which some have other settings than before. */
export interface RenewedGuards {
  readonly taker: Ordered;
  /** All of its guards, in the order of before. */
  readonly guards: readonly string[];
  /** Which of them differ. */
  readonly isRenewed: (guard: string) => boolean;
}

/** The guards of each taker, as numbers, because the texts of guards may hold secrets and need not stay in memory. */
class Guards {
  private readonly byIndex: readonly (readonly number[])[];
  /** Numbers from here on are no guard's. */
  private readonly next: number;

  private constructor(byIndex: readonly (readonly number[])[], next: number) {
    this.byIndex = byIndex;
    this.next = next;
  }

  static of(entries: readonly RouteEntry<Ordered>[]): Guards {
    const numbers = new Map<string, number>();
    const byIndex: (readonly number[])[] = [];
    for (const { guards = [], taker } of entries) {
      if (guards.length === 0) continue;
      for (const guard of guards) if (!numbers.has(guard)) numbers.set(guard, numbers.size);
      byIndex[taker.index] = guards.map((guard) => numbers.get(guard) ?? -1);
    }
    return new Guards(byIndex, numbers.size);
  }

  /** The same but for guards that differ now. Those count as equal to each other where their texts are, and to none of the others. */
  renewed(entries: readonly RenewedGuards[]): Guards {
    const numbers = new Map<string, number>();
    const byIndex = [...this.byIndex];
    for (const { taker, guards, isRenewed } of entries) {
      const before = this.byIndex[taker.index] ?? [];
      for (const guard of guards) if (isRenewed(guard) && !numbers.has(guard)) numbers.set(guard, this.next + numbers.size);
      byIndex[taker.index] = before.map((number, at) => numbers.get(guards[at] ?? "") ?? number);
    }
    return new Guards(byIndex, this.next + numbers.size);
  }

  /** Whether `taker` has every guard of `other`. */
  holdsAllOf(taker: Ordered, other: Ordered): boolean {
    return lackingGuard(this.byIndex[taker.index] ?? [], this.byIndex[other.index] ?? []) === undefined;
  }
}

/** A taker and its conditions. Its place in the index says host and path; the other conditions are checked one by one. */
interface Candidate<Taker> {
  readonly rule: Rule;
  readonly taker: Taker;
}

/**
 * The index. Wherever a part of it would hold a single taker whose only conditions are host and path, the taker stands there in place of
 * the part: a large index is not in the processor's caches, and each part that is looked at costs a wait for memory.
 */
interface RouteIndex<Taker extends Ordered> {
  /** The first taker without any condition; those after it are never reached. */
  readonly catchAll: Taker | null;
  readonly exactHosts: SliceMap<PathIndex<Taker> | Taker>;
  /** Keys are suffixes with their leading dot: `.example.com`. */
  readonly wildcardHosts: SliceMap<PathIndex<Taker> | Taker>;
  readonly anyHost: PathIndex<Taker>;
}

/** @param candidates in the order of their indexes */
function indexed<Taker extends Ordered>(candidates: readonly Candidate<Taker>[]): RouteIndex<Taker> {
  const first = candidates.findIndex(({ rule }) => rule.hosts.length === 0 && rule.paths.length === 0 && isPlain(rule));
  const anyHost = new PathIndex<Taker>();
  const exact = new Map<string, PathIndex<Taker>>();
  const wildcard = new Map<string, PathIndex<Taker>>();
  for (const candidate of first < 0 ? candidates : candidates.slice(0, first)) {
    const { hosts } = candidate.rule;
    if (hosts.length === 0) anyHost.add(candidate);
    for (const host of hosts) {
      const index = host.startsWith("*.") ? indexOf(wildcard, host.slice(1)) : indexOf(exact, host);
      index.add(candidate);
    }
  }
  anyHost.settle();
  return { catchAll: candidates[first]?.taker ?? null, exactHosts: settled(exact), wildcardHosts: settled(wildcard), anyHost };
}

export class RouteTable<Taker extends Ordered> {
  private readonly catchAll: Taker | null;
  private readonly exactHosts: SliceMap<PathIndex<Taker> | Taker>;
  private readonly wildcardHosts: SliceMap<PathIndex<Taker> | Taker>;
  private readonly anyHost: PathIndex<Taker>;
  private readonly guards: Guards;

  constructor({ catchAll, exactHosts, wildcardHosts, anyHost }: RouteIndex<Taker>, guards: Guards) {
    this.catchAll = catchAll;
    this.exactHosts = exactHosts;
    this.wildcardHosts = wildcardHosts;
    this.anyHost = anyHost;
    this.guards = guards;
  }

  /** A table that leads to the same takers, of which some have guards with other settings. */
  withGuards(renewed: readonly RenewedGuards[]): RouteTable<Taker> {
    const { catchAll, exactHosts, wildcardHosts, anyHost } = this;
    return new RouteTable({ catchAll, exactHosts, wildcardHosts, anyHost }, this.guards.renewed(renewed));
  }

  /**
   * The taker of a request; null when there is none, AMBIGUOUS when readings of the path lead to different takers.
   * @param normalizedPath the result of `normalizePath` for `request.path`
   * @param client the client's address; "": it is not known, see `conditionsHold`
   * @param certificate the verified one that the client has shown; null: none
   */
  find(
    request: MatchedRequest,
    normalizedPath: string,
    client: string,
    certificate: MatchedCertificate | null = null,
  ): Taker | typeof AMBIGUOUS | null {
    if (this.catchAll?.index === 0) return this.catchAll;
    const found = this.search(request, normalizedPath, client, certificate);
    const readings = otherReadings(request.path, normalizedPath);
    for (let index = 0; index < readings.length; index++) {
      if (this.search(request, readings[index] ?? "", client, certificate) !== found) return AMBIGUOUS;
    }
    // A path in canonical form does not begin with two slashes, so it needs no comparison of guards.
    return found === null || request.path === normalizedPath || this.isGuarded(found, request, normalizedPath, client, certificate)
      ? found
      : AMBIGUOUS;
  }

  /** Whether `found` has the guards of every taker that the path leads to when its beginning is read as a host (referenceReadings). */
  private isGuarded(
    found: Taker,
    request: MatchedRequest,
    normalizedPath: string,
    client: string,
    certificate: MatchedCertificate | null,
  ): boolean {
    return referenceReadings(request.path, normalizedPath).every((path) => {
      const other = this.search(request, path, client, certificate);
      return other === null || other === found || this.guards.holdsAllOf(found, other);
    });
  }

  private search(request: MatchedRequest, path: string, client: string, certificate: MatchedCertificate | null): Taker | null {
    const { host } = request;
    let best = this.anyHost.search(request, path, client, certificate, this.catchAll);
    best = searchHost(this.exactHosts.get(host), request, path, client, certificate, best);
    if (this.wildcardHosts.size > 0) {
      // Begin at the longest suffix that any pattern has. At least one character must stand before the dot.
      let dot = host.indexOf(".", Math.max(1, host.length - this.wildcardHosts.longest));
      for (; dot >= 0; dot = host.indexOf(".", dot + 1))
        best = searchHost(this.wildcardHosts.get(host, dot), request, path, client, certificate, best);
    }
    return best;
  }
}

function indexOf<Taker extends Ordered>(hosts: Map<string, PathIndex<Taker>>, host: string): PathIndex<Taker> {
  let index = hosts.get(host);
  if (index === undefined) hosts.set(host, (index = new PathIndex()));
  return index;
}

function searchHost<Taker extends Ordered>(
  found: PathIndex<Taker> | Taker | undefined,
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
  best: Taker | null,
): Taker | null {
  if (found === undefined) return best;
  return found instanceof PathIndex ? found.search(request, path, client, certificate, best) : earlier(found, best);
}

function earlier<Taker extends Ordered>(taker: Taker, best: Taker | null): Taker {
  return best === null || taker.index < best.index ? taker : best;
}

/** The takers for one host and path: a single taker if the first one has no other conditions, as is mostly so, else a list. */
type Takers<Taker extends Ordered> = Taker | Alternatives<Taker> | null;

class Alternatives<Taker extends Ordered> {
  private readonly candidates: Candidate<Taker>[] = [];

  add(candidate: Candidate<Taker>): this {
    if (this.candidates.at(-1) !== candidate) this.candidates.push(candidate);
    return this;
  }

  first(request: MatchedRequest, path: string, client: string, certificate: MatchedCertificate | null, best: Taker | null): Taker | null {
    for (const { rule, taker } of this.candidates) {
      if (best !== null && taker.index >= best.index) return best;
      if (conditionsHold(rule, request, path, client, certificate)) return taker;
    }
    return best;
  }
}

function withCandidate<Taker extends Ordered>(takers: Takers<Taker>, candidate: Candidate<Taker>): Takers<Taker> {
  if (takers === null) return isPlain(candidate.rule) ? candidate.taker : new Alternatives<Taker>().add(candidate);
  // Whatever comes after a taker without further conditions is never reached.
  return takers instanceof Alternatives ? takers.add(candidate) : takers;
}

/** The first of `takers` that comes before `best` in the file and takes the request, else `best`. */
function firstOf<Taker extends Ordered>(
  takers: Takers<Taker>,
  request: MatchedRequest,
  path: string,
  client: string,
  certificate: MatchedCertificate | null,
  best: Taker | null,
): Taker | null {
  if (takers === null) return best;
  return takers instanceof Alternatives ? takers.first(request, path, client, certificate, best) : earlier(takers, best);
}

/** The routes of one host, as a tree of path segments. */
class PathIndex<Taker extends Ordered> {
  private anyPath: Takers<Taker> = null;
  private root: PathNode<Taker> | null = null;

  add(candidate: Candidate<Taker>): void {
    const { paths } = candidate.rule;
    if (paths.length === 0) this.anyPath = withCandidate(this.anyPath, candidate);
    for (const path of paths) {
      this.root ??= new PathNode();
      let node = this.root;
      for (const segment of path.segments) node = node.grow(segment);
      if (path.isPrefix) node.below = withCandidate(node.below, candidate);
      else node.exact = withCandidate(node.exact, candidate);
    }
  }

  /** Makes the index ready for searches, after the last `add`. Gives back what is to stand in its place: itself, or its only taker. */
  settle(): PathIndex<Taker> | Taker {
    this.root?.settle();
    const { anyPath } = this;
    return this.root !== null || anyPath === null || anyPath instanceof Alternatives ? this : anyPath;
  }

  /** The first taker that comes before `before` in the file and takes the request, else `before`. */
  search(
    request: MatchedRequest,
    path: string,
    client: string,
    certificate: MatchedCertificate | null,
    before: Taker | null,
  ): Taker | null {
    let best = firstOf(this.anyPath, request, path, client, certificate, before);
    let node = this.root;
    if (node === null || path.charCodeAt(0) !== 0x2f) return best; // the `*` of OPTIONS
    best = firstOf(node.below, request, path, client, certificate, best);
    for (let start = 1; node.children !== null;) {
      const slash = path.indexOf("/", start);
      const child: PathNode<Taker> | Taker | undefined = node.children.get(path, start, slash < 0 ? path.length : slash);
      if (child === undefined) return best;
      if (!(child instanceof PathNode)) return earlier(child, best);
      best = firstOf(child.below, request, path, client, certificate, best);
      if (slash < 0) return firstOf(child.exact, request, path, client, certificate, best);
      node = child;
      start = slash + 1;
    }
    return best;
  }
}

class PathNode<Taker extends Ordered> {
  /** Keys are the next segments; null until `settle`. A taker in place of a node takes the path that ends there and every path below it. */
  children: SliceMap<PathNode<Taker> | Taker> | null = null;
  /** Takers of the path that ends here and of every path below it. */
  below: Takers<Taker> = null;
  /** Takers of the path that ends here. */
  exact: Takers<Taker> = null;
  private growing: Map<string, PathNode<Taker>> | null = null;

  grow(segment: string): PathNode<Taker> {
    this.growing ??= new Map();
    let child = this.growing.get(segment);
    if (child === undefined) this.growing.set(segment, (child = new PathNode()));
    return child;
  }

  settle(): PathNode<Taker> | Taker {
    if (this.growing !== null) this.children = settled(this.growing);
    this.growing = null;
    const { below } = this;
    return this.children !== null || this.exact !== null || below === null || below instanceof Alternatives ? this : below;
  }
}

function settled<Part>(parts: ReadonlyMap<string, { settle(): Part }>): SliceMap<Part> {
  return new SliceMap(new Map([...parts].map(([key, part]) => [key, part.settle()])));
}
