/**
 * The tables of docs/migrating/: what stands in another proxy's configuration, and what does the same here. A comment before a table,
 * `<!-- rows: route -->`, says what its cells are a part of.
 */
import assert from "node:assert/strict";
import { parse, stringify } from "yaml";
import { readText } from "./source-files.ts";

/** What the right cells of a table are: keys of a route, an upstream, a listener, the top of the file, or routes as a list. */
export type RowKind = "route" | "routes" | "upstream" | "listener" | "top";

export interface Row {
  readonly page: string;
  readonly line: number;
  readonly kind: RowKind;
  /** The left cell's code, lines joined. */
  readonly theirs: string;
  /** The right cell's code, lines joined; "" where nothing has to be written. */
  readonly ours: string;
}

const KINDS: readonly string[] = ["route", "routes", "upstream", "listener", "top"];
/** What ends a route. */
const ENDS = ["upstream", "split", "redirect", "respond", "files"];

export function rowsOf(name: string): Row[] {
  const page = `docs/migrating/${name}.md`;
  const rows: Row[] = [];
  let kind: string | null = null;
  for (const [index, line] of readText(page).split("\n").entries()) {
    kind = /^<!-- rows: (\w+) -->$/.exec(line)?.[1] ?? (line.startsWith("|") ? kind : null);
    if (kind === null || !line.startsWith("|") || /^\|-|^\| [^`]*\|[^`]*\|$/.test(line)) continue;
    const [left = "", right = ""] = cellsOf(line);
    assert.ok(KINDS.includes(kind), `${page}:${index + 1}: ${kind}`);
    rows.push({ page, line: index + 1, kind: kind as RowKind, theirs: codeIn(left), ours: codeIn(right) });
  }
  return rows;
}

/** The cells of a line of a table; a bar with a backslash is a part of its cell. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.replaceAll("\\|", "|").trim());
}

/** The code of a cell: each span a line. A span with backticks in it has two around it. */
function codeIn(cell: string): string {
  return [...cell.matchAll(/``\s?(.+?)\s?``|`([^`]+)`/g)].map(([, long, short = ""]) => long ?? short).join("\n");
}

/**
 * The whole file that a row's right cell is a part of.
 * @param origins URLs by the upstream's name
 */
export function configOf({ kind, ours }: Row, origins: Readonly<Record<string, string>>, address: string = ":8080"): string {
  const given: unknown = parse(ours) ?? (kind === "routes" ? [] : {});
  assert.ok(typeof given === "object" && given !== null, ours);
  const upstreams = Object.entries(origins).map(([name, url]) => [
    name,
    { endpoints: [url], ...(kind === "upstream" && name === "app" ? given : {}) },
  ]);
  const routes: readonly object[] = kind === "routes" && Array.isArray(given) ? given : [kind === "route" ? given : {}];
  return stringify({
    listeners: [{ address, ...(kind === "listener" ? given : {}) }],
    upstreams: Object.fromEntries(upstreams),
    routes: routes.map((route) => (ENDS.some((end) => end in route) ? route : { ...route, upstream: "app" })),
    ...(kind === "top" ? given : {}),
  });
}
