/** Warnings about a `rewrite` that takes nothing off, because its route takes no such request. */
import { normalizePattern } from "../../policy/route/normalize-path.ts";
import { at, listOf, warning } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";

/** @param route as it is in the file, at position `index` */
export function idleRewrite(route: unknown, index: number): Finding[] {
  const rewrite = at(route, "rewrite");
  if (rewrite === undefined) return [];
  const prefix = canonical(at(rewrite, "strip_prefix"));
  const patterns = patternsOf(at(route, "match"));
  if (prefix === null || patterns === null || patterns.some((pattern) => mayBeBelow(pattern, prefix))) return [];
  return [warning(["routes", index, "rewrite", "strip_prefix"], "no path that the route takes is below it, so nothing is taken off")];
}

/** All values of `match.path`. Null: the route takes other paths too, or a value is of the wrong kind. */
function patternsOf(match: unknown): readonly string[] | null {
  const found: string[] = [];
  for (const entry of Array.isArray(match) ? listOf(match) : [match]) {
    const given = at(entry, "path");
    const patterns = typeof given === "string" ? [given] : listOf(given);
    if (patterns.length === 0) return null;
    for (const pattern of patterns) {
      if (typeof pattern !== "string") return null;
      found.push(pattern);
    }
  }
  return found;
}

function mayBeBelow(pattern: string, prefix: string): boolean {
  const base = canonical(pattern.replace(/\*$/, ""));
  return base === null || isBelow(base, prefix) || (pattern.endsWith("/*") && isBelow(prefix, base));
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** The canonical form without a slash at the end: "" for the root. Null: it has none. */
function canonical(path: unknown): string | null {
  return typeof path === "string" ? (normalizePattern(path)?.replace(/\/$/, "") ?? null) : null;
}
