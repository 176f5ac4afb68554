/** `rewrite`, `uri` and `try_files`: how a path is changed on its way to the origin, or to a file. */
import type { Keys } from "../model/draft.ts";
import { isPathPrefix } from "../model/names.ts";
import { literal, regexOf } from "../model/regex-text.ts";

/** Keys of `rewrite`; null: there is no equivalent. */
export function rewritten(target: string): Keys | null {
  const [, prefix, rest] = /^((?:\/[^{}?#\s*]*)?)(\{(?:http\.request\.)?(?:uri|path|uri\.path)\})?$/.exec(target) ?? [];
  if (prefix === undefined) return null;
  if (rest !== undefined) return isPathPrefix(prefix) ? { add_prefix: literal(prefix) } : prefix === "" ? {} : null;
  return prefix === "" ? null : { path_regex: { from: "^.*$", to: replacement(prefix) } };
}

export function uriChange([kind, first = "", second = ""]: readonly string[]): Keys | null {
  const path = first.startsWith("/") ? first : `/${first}`;
  if (kind === "strip_prefix") return isPathPrefix(path) ? { strip_prefix: literal(path.replace(/\/$/, "")) } : null;
  if (kind === "strip_suffix") return { path_regex: { from: `${regexOf(first)}$`, to: "" } };
  if (kind === "replace" && !/[?#\s{}]/.test(second)) return { path_regex: { from: regexOf(first), to: replacement(second) } };
  if (kind === "path_regexp" && !/[?#\s{}]/.test(second))
    return {
      path_regex: {
        from: literal(first),
        to: second.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => (/^\d+$/.test(name) ? `$${name}` : `$<${name}>`)),
      },
    };
  return null;
}

function replacement(text: string): string {
  return literal(text).replaceAll("$", () => "$$");
}

/** What `try_files` looks for: the file that is served where no other is, and what of it has no equivalent. */
export function filesTried(args: readonly string[]): { readonly fallback?: string; readonly why?: string } {
  const others = args.filter((each) => !/^\{(?:http\.request\.uri\.)?path\}\/?$|^\{path\}\/index\.html$/.test(each));
  const last = others.at(-1);
  const [path = ""] = last?.split("?") ?? [];
  const why = others.length > 1 ? "only the path itself is looked for, then the last of them" : undefined;
  if (last === undefined || last.startsWith("=")) return why === undefined ? {} : { why };
  if (path.endsWith(".php")) return { why: "what is no file was answered by PHP, which Millrace does not run" };
  if (/[{}]/.test(path)) return { why: "only the path itself is looked for, then a file that is always the same" };
  const fallback = literal(path.startsWith("/") ? path : `/${path}`);
  return why === undefined ? { fallback } : { fallback, why };
}
