/** Finds the location that nginx takes for a path. */
import type { Sources } from "../model/sources.ts";
import type { Location } from "./locations.ts";

/** @param path the path, or what it begins with; null: it cannot be told, or there is no such location */
export function locationFor(path: string, locations: readonly Location[], sources: Sources): Location | null {
  const exact = locations.find(({ kind, text }) => kind === "exact" && text === path);
  if (exact !== undefined) return exact;
  const prefixes = locations.filter(({ kind, text }) => kind === "prefix" && path.startsWith(text));
  const longest = prefixes.reduce<Location | null>(
    (best, each) => (best === null || each.text.length > best.text.length ? each : best),
    null,
  );
  if (longest?.isFinal === true) return longest;
  const regex = locations.find(({ kind, text }) => kind === "regex" && sources.matches(text, path));
  return regex ?? longest;
}
