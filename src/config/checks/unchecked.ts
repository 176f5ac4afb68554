/**
 * What later checks can look at in a configuration that has errors: regular expressions, and entries of middleware that are right by themselves. So
 * all that is wrong with a file is told at once.
 */
import { mapScalars, toPlain } from "../document/document.ts";
import type { Located } from "../document/document.ts";
import type { PlacedEntry } from "../schema/middleware-entries.ts";
import { middlewareSchema } from "../schema/middleware-schema.ts";
import type { PlacedPattern } from "../schema/path-patterns.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

export interface Unchecked {
  readonly patterns: readonly PlacedPattern[];
  readonly middleware: readonly PlacedEntry[];
}

/** @param broken findings about values that could not be replaced, which are not looked at again */
export function uncheckedIn(root: Located, broken: readonly Finding[]): Unchecked {
  return {
    patterns: patternsIn(root).filter(({ path }) => !isBelow(path, broken)),
    middleware: entriesIn(root).filter(({ path }) => !isBelow(path, broken)),
  };
}

function patternsIn(root: Located): PlacedPattern[] {
  const patterns: PlacedPattern[] = [];
  mapScalars(root, (scalar, path) => {
    const [first, , key, ...inside] = path;
    const isPattern =
      first === "routes" &&
      ((key === "match" && path.at(-1) === "path_regex") || (key === "rewrite" && inside.join(".") === "path_regex.from"));
    if (isPattern && typeof scalar.value === "string" && scalar.value !== "") patterns.push({ path, pattern: scalar.value });
    return scalar;
  });
  return patterns;
}

function entriesIn(root: Located): PlacedEntry[] {
  if (root.kind !== "map") return [];
  const own = entriesOf(root.entries.get("middleware")?.value, ["middleware"], null);
  const routes = root.entries.get("routes")?.value;
  const items = routes?.kind === "list" ? routes.items : [];
  return [
    ...own,
    ...items.flatMap((route, index) =>
      route.kind === "map" ? entriesOf(route.entries.get("middleware")?.value, ["routes", index, "middleware"], index) : [],
    ),
  ];
}

function entriesOf(list: Located | undefined, path: KeyPath, route: number | null): PlacedEntry[] {
  return (list?.kind === "list" ? list.items : []).flatMap((item, index) => {
    const { success, data: [entry] = [] } = middlewareSchema.safeParse([toPlain(item)]);
    return success && entry !== undefined ? [{ path: [...path, index], route, entry }] : [];
  });
}

/** Whether one of the findings is about this value or something in it. */
function isBelow(path: KeyPath, findings: readonly Finding[]): boolean {
  return findings.some((finding) => path.every((part, index) => finding.path[index] === part));
}
