/** The files that features of routes read, by what the features declare. */
import { DECLARED } from "../features/declared.ts";
import type { FeatureDeclaration } from "../values/declaration.ts";
import type { RouteConfig } from "./route-schema.ts";

const features: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);
const FILES: ReadonlyMap<string, readonly string[]> = new Map(features.map(([key, { files = [] }]) => [key, files]));
const FOLDERS: ReadonlyMap<string, readonly string[]> = new Map(features.map(([key, { folders = [] }]) => [key, folders]));

/** Whether the value at `place` of a feature's value is the path of a file. */
export function isFileOf(feature: string, place: string): boolean {
  return FILES.get(feature)?.includes(place) === true;
}

/** Whether the value at `place` of a feature's value is the path of a folder. */
export function isFolderOf(feature: string, place: string): boolean {
  return FOLDERS.get(feature)?.includes(place) === true;
}

/** Replaces the paths of the files and folders that the features of a route read. */
export function mapFiles(route: RouteConfig, change: (path: string) => string): void {
  for (const [feature] of features) {
    const value: unknown = Reflect.get(route, feature);
    if (typeof value !== "object" || value === null) continue;
    for (const file of [...(FILES.get(feature) ?? []), ...(FOLDERS.get(feature) ?? [])]) {
      const path: unknown = Reflect.get(value, file);
      if (typeof path === "string") Reflect.set(value, file, change(path));
    }
  }
}
