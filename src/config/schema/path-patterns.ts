import { entriesOf } from "../../policy/route/conditions.ts";
import type { Conditions } from "../../policy/route/conditions.ts";
import type { KeyPath } from "../../values/finding.ts";
import type { RouteConfig } from "./route-schema.ts";

/** A `path_regex` with its place in the configuration. */
export interface PlacedPattern {
  readonly path: KeyPath;
  readonly pattern: string;
}

/** The regular expressions of the routes. */
export function patternsIn(routes: readonly RouteConfig[]): readonly PlacedPattern[] {
  return routes.flatMap((route, index) => [...patternsOfMatch(route, index), ...patternsOfRewrite(route, index)]);
}

function patternsOfRewrite({ rewrite }: RouteConfig, index: number): readonly PlacedPattern[] {
  const pattern = rewrite?.path_regex?.from;
  return pattern === undefined ? [] : [{ pattern, path: ["routes", index, "rewrite", "path_regex", "from"] }];
}

function patternsOfMatch(route: RouteConfig, index: number): readonly PlacedPattern[] {
  return entriesOf(route).flatMap((entry, position) => {
    const path: KeyPath = ["routes", index, "match", ...(Array.isArray(route.match) ? [position] : [])];
    const { not = [] } = entry;
    const exceptions: readonly (readonly [Conditions, KeyPath])[] = Array.isArray(not)
      ? not.map((each: Conditions, at) => [each, [...path, "not", at]] as const)
      : [[not as Conditions, [...path, "not"]]];
    return [[entry, path] as const, ...exceptions].flatMap(([{ path_regex: pattern }, where]) =>
      pattern === undefined ? [] : [{ pattern, path: [...where, "path_regex"] }],
    );
  });
}
