/** The groups of a route's `path_regex` in the path of a request that the route has taken. */
import type { MatchedCertificate } from "./certificate-conditions.ts";
import { entriesOf } from "./conditions.ts";
import type { MatchableRoute, MatchedRequest } from "./conditions.ts";
import { AMBIGUOUS, compileRoutes } from "./match.ts";
import type { RouteTable } from "./match.ts";
import { normalizePath } from "./normalize-path.ts";
import type { CompileRegex, PathRegex } from "./path-regex.ts";

type Groups = ReadonlyMap<string, string>;

/** An entry of `match`, with its pattern if it has one. */
interface Entry {
  readonly index: number;
  readonly regex: PathRegex | null;
}

const NO_GROUPS: Groups = new Map();

/** Null: the route has no pattern. */
export function pathGroupsOf(route: Pick<MatchableRoute, "match" | "cors">, compileRegex: CompileRegex): PathGroups | null {
  const known = new Map<string, PathRegex>();
  const compile = (pattern: string): PathRegex => {
    const regex = known.get(pattern) ?? compileRegex(pattern);
    known.set(pattern, regex);
    return regex;
  };
  const entries = entriesOf(route).map((match, index) => {
    const { path_regex: pattern } = match;
    return { match, cors: route.cors, taker: { index, regex: pattern === undefined ? null : compile(pattern) } };
  });
  if (known.size === 0) return null;
  return new PathGroups(
    entries.map(({ taker }) => taker),
    entries.length === 1 ? null : compileRoutes(entries, compile),
  );
}

export class PathGroups {
  private readonly entries: readonly Entry[];
  /** Finds the entry that takes a request; null: there is only one. */
  private readonly table: RouteTable<Entry> | null;

  constructor(entries: readonly Entry[], table: RouteTable<Entry> | null) {
    this.entries = entries;
    this.table = table;
  }

  /**
   * By name and by number; empty when the entry that takes the request has no pattern.
   * @param client the client's address
   * @param certificate the verified one that the client has shown; null: none
   */
  of(request: MatchedRequest, client: string, certificate: MatchedCertificate | null): Groups {
    const path = normalizePath(request.path);
    if (path === null) return NO_GROUPS;
    if (this.table === null) return groupsOf(this.entries, path);
    const entry = this.table.find(request, path, client, certificate);
    return groupsOf(entry === AMBIGUOUS ? this.entries : entry === null ? [] : [entry], path);
  }
}

/** The groups of the first pattern that matches. */
function groupsOf(entries: readonly Entry[], path: string): Groups {
  for (const { regex } of entries) {
    const groups = regex?.groups(path) ?? null;
    if (groups !== null) return groups;
  }
  return NO_GROUPS;
}
