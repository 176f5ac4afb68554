/** The files that features of routes read, by what the features declare. */
import { DECLARED } from "../features/declared.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import type { RouteConfig } from "./route-schema.ts";

const FILES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(DECLARED).map(([key, { files = [] }]: readonly [string, FeatureDeclaration]) => [key, files]),
);

/** Whether the value at `place` of a feature's value is the path of a file. */
export function isFileOf(feature: string, place: string): boolean {
  return FILES.get(feature)?.includes(place) === true;
}

/** Replaces the paths of the files that the features of a route read. */
export function mapFiles(route: RouteConfig, change: (path: string) => string): void {
  for (const [feature, files] of FILES) {
    const value: unknown = Reflect.get(route, feature);
    if (typeof value !== "object" || value === null) continue;
    for (const file of files) {
      const path: unknown = Reflect.get(value, file);
      if (typeof path === "string") Reflect.set(value, file, change(path));
    }
  }
}
