/** How a path is changed on its way to the origin: `rewrite` and the path of `proxy_pass` as keys of `rewrite`. */
import { isPathPrefix } from "../model/names.ts";
import { encodedPath, regexOf } from "../model/regex-text.ts";
import type { Keys } from "../model/draft.ts";
import { groupNames, variablesIn } from "./variables.ts";
import { wholePath } from "./patterns.ts";

/** Keys of `rewrite`; "none": the path stays as it is; null: there is no equivalent. */
export type PathChange = Keys | "none" | null;

/** The prefix of a location becomes the path that `proxy_pass` has. */
export function prefixChange(prefix: string, path: string): PathChange {
  if (prefix === path || /[?#\s]/.test(path)) return prefix === path ? "none" : null;
  const [from, to] = [prefix.replace(/\/$/, ""), path.replace(/\/$/, "")];
  if (prefix.endsWith("/") === path.endsWith("/") && prefix.endsWith("/")) return segmentsChange(from, to);
  // A prefix without a slash at its end counts as text. Two slashes, which nginx would send, are one.
  if (path === "/") return { path_regex: { from: `^${regexOf(prefix)}/?`, to: "/" } };
  return { path_regex: { from: `^${regexOf(prefix)}`, to: replacementText(path) } };
}

function segmentsChange(from: string, to: string): PathChange {
  if ((from !== "" && !isPathPrefix(from)) || (to !== "" && !isPathPrefix(to)))
    return { path_regex: { from: `^${regexOf(from)}/`, to: `${replacementText(to)}/` } };
  return { ...(from === "" ? {} : { strip_prefix: from }), ...(to === "" ? {} : { add_prefix: to }) };
}

/** The whole path becomes another one. */
export function wholeChange(path: string): PathChange {
  return /[?#\s]/.test(path) ? null : { path_regex: { from: "^.*$", to: replacementText(path) } };
}

/** What `rewrite PATTERN REPLACEMENT` does to the paths that it takes. @param regex the expression in the syntax of RE2 */
export function patternChange(regex: string, replacement: string): PathChange {
  const known = simpleChange(regex, replacement);
  if (known !== null) return known;
  const to = groupText(regex, replacement);
  return to === null ? null : { path_regex: { from: wholePath(regex), to } };
}

/** A replacement with groups as Millrace writes them; null: it holds something else. */
export function groupText(regex: string, replacement: string): string | null {
  const names = groupNames(regex);
  let text = "";
  for (const part of variablesIn(replacement)) {
    if (typeof part === "string") text += replacementText(part);
    else if (/^[0-9]$/.test(part.name)) text += `$${part.name}`;
    else if (names.has(part.name)) text += `$<${part.name}>`;
    else return null;
  }
  return /^\/[!-"$->@-~]*$|^\$[0-9<][!-"$->@-~]*$/.test(text) ? text : null;
}

function replacementText(text: string): string {
  return encodedPath(text).replaceAll("$", () => "$$");
}

/** `^/api/(.*)$` to `/$1` takes a prefix off, `^/(.*)$` to `/v1/$1` puts one on. */
function simpleChange(regex: string, replacement: string): PathChange {
  const [, from = "", slash, rest] = /^\^((?:\/[\w~-]+)*)(\/)?\((\/)?\.\*\)\$?$/.exec(regex) ?? [];
  if (slash === undefined && rest === undefined) return null;
  const [, to, given] = /^((?:\/[\w~.-]+)*)(\/)?\$(?:1|\{1\})$/.exec(replacement) ?? [];
  if (to === undefined || (given !== undefined) === (rest !== undefined)) return null;
  if (from === "" && to === "") return "none";
  // What would put a prefix on would do so on paths too that the expression does not take.
  if (from !== "" && to !== "") return null;
  return segmentsChange(from, to);
}
