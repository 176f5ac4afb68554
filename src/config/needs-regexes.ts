import { patternsIn } from "./schema/path-patterns.ts";
import type { RouteConfig } from "./schema/route-schema.ts";

/** Whether routes need the library for regular expressions: they have patterns, or descriptions of APIs, which may have some. */
export function needsRegexes(routes: readonly RouteConfig[]): boolean {
  return patternsIn(routes).length > 0 || routes.some(({ validate }) => validate !== undefined);
}
