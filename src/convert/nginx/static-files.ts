/** `root`, `alias`, `index` and `try_files` as `files`. */
import { defined } from "../model/conditions.ts";
import type { Keys } from "../model/draft.ts";
import { isPathPrefix } from "../model/names.ts";
import type { Notes } from "../model/notes.ts";
import { literal } from "../model/regex-text.ts";
import type { Location } from "./locations.ts";
import type { Directive } from "./parse.ts";
import type { Scope } from "./scope.ts";

/** What `try_files` says, as far as it matters here. */
export type Tried =
  /** Files, else 404. */
  | { readonly kind: "files" }
  /** Files, else this one, as for single-page applications. */
  | { readonly kind: "fallback"; readonly path: string }
  /** Files, else this location. */
  | { readonly kind: "named"; readonly name: string; readonly isFirst: boolean }
  /** Files, else this answer. */
  | { readonly kind: "status"; readonly status: number };

export function triedFiles(directive: Directive, notes: Notes, comments: string[]): Tried {
  const { args, name: what, place } = directive;
  const note = (why: string): void => notes.add({ place, what, why }, comments);
  const last = args.at(-1) ?? "";
  const files = args.slice(0, -1).filter((each) => !/^\$uri(?:\/|\/index\.html?)?$/.test(each));
  if (last.startsWith("@")) return { kind: "named", name: last, isFirst: args.slice(0, -1).every((each) => !each.startsWith("$uri")) };
  // A file that is always there ends the search.
  const [constant] = files.filter((each) => /^\/[^$]*$/.test(each) && !each.endsWith("/"));
  const odd = files.filter((each) => each !== constant);
  if (odd.length > 0) note("only `$uri` and `$uri/` are looked for, then the last of them");
  if (constant !== undefined && !constant.endsWith(".php")) return { kind: "fallback", path: constant };
  if (last.startsWith("=")) {
    const status = Number(last.slice(1));
    return status === 404 || !(status >= 200 && status <= 599) ? { kind: "files" } : { kind: "status", status };
  }
  const path = last.replace(/(?:\?.*|\$is_args\$(?:args|query_string))$/, "");
  if (path.endsWith(".php")) {
    note("what is no file was answered by PHP, which Millrace does not run: it is 404 here");
    return { kind: "files" };
  }
  if (path.startsWith("/") && !path.includes("$")) return { kind: "fallback", path };
  if (path !== "$uri" && path !== "$uri/") note("its last part has no equivalent");
  return { kind: "files" };
}

/** The keys that serve the location from a folder; null: it has none. */
export function fileKeys(
  scope: Scope,
  location: Location | null,
  fallback: string | undefined,
  notes: Notes,
  comments: string[],
): Keys | null {
  const alias = scope.ownLast("alias");
  const directive = alias ?? scope.last("root");
  const folder = directive?.args[0];
  if (directive === undefined || folder === undefined) return null;
  const note = (why: string): void => notes.add({ place: directive.place, what: directive.name, why }, comments);
  if (folder.includes("$")) {
    note("where it leads is chosen by a variable");
    return null;
  }
  const index = indexOf(scope, notes, comments);
  const root = literal(folder === "/" ? folder : folder.replace(/\/+$/, ""));
  if (alias === undefined) return { files: defined({ root, index, fallback: fallback === undefined ? undefined : literal(fallback) }) };
  const prefix = location?.text.replace(/\/$/, "") ?? "";
  if (location?.kind === "regex" || (prefix !== "" && !isPathPrefix(prefix))) {
    note("its folder depends on the path in a way that has no equivalent");
    return null;
  }
  const below = fallback?.startsWith(`${prefix}/`) === true ? fallback.slice(prefix.length) : fallback;
  return {
    ...(prefix === "" ? {} : { rewrite: { strip_prefix: literal(prefix) } }),
    files: defined({ root, index, fallback: below === undefined ? undefined : literal(below) }),
  };
}

/** The name of the file for a folder where it is not `index.html`. */
function indexOf(scope: Scope, notes: Notes, comments: string[]): string | undefined {
  const directive = scope.last("index");
  const names = directive?.args.filter((name) => /^[\w.-]+$/.test(name) && !name.endsWith(".php")) ?? [];
  if (directive === undefined || names.includes("index.html")) return undefined;
  const [first] = names;
  if (first === undefined) notes.add({ place: directive.place, what: "index", why: "PHP is not run" }, comments);
  return first;
}
