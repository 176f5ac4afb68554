/** `proxy_pass`: which upstream, and with which path. */
import type { Keys } from "../model/draft.ts";
import type { Location } from "./locations.ts";
import type { Directive } from "./parse.ts";
import { groupText, prefixChange, wholeChange } from "./path-change.ts";
import { wholePath } from "./patterns.ts";
import { expanded } from "./variables.ts";

export type Pass =
  | {
      readonly scheme: "http" | "https";
      /** Host and port, or the name of an `upstream`. */
      readonly authority: string;
      /** Keys of `rewrite`. */
      readonly path: Keys;
      readonly remark?: string;
      readonly problem?: undefined;
    }
  | { readonly problem: string };

/** A Unix socket; a colon stands before the path of requests. */
const SOCKET = /^(https?):\/\/(unix:\/[^:$]+)(?::(.*))?$/s;

/** @param isRewritten whether a `rewrite` has changed the path, which then goes as it is */
export function passOf(
  { args: [given = ""] }: Directive,
  location: Location,
  constants: ReadonlyMap<string, string>,
  isRewritten: boolean,
): Pass {
  const target = expanded(given, constants);
  const [, scheme, authority = "", path = ""] =
    SOCKET.exec(target) ?? /^(https?):\/\/((?:[^/?$]|\$\{[A-Z][A-Z0-9_]*\})+)(.*)$/s.exec(target) ?? [];
  if (scheme === undefined) {
    if (/^https?:\/\/.*\$/s.test(target) || target.startsWith("$")) return { problem: "where it leads is chosen by a variable" };
    return { problem: "its scheme has no equivalent" };
  }
  if (authority.startsWith("unix:") && scheme === "https") return { problem: "endpoints with TLS at Unix sockets have no equivalent" };
  const common = { scheme: scheme === "https" ? "https" : "http", authority } as const;
  if (path === "" || isRewritten || /^\$\{(?:request_)?uri\}(?:\$\{is_args\}\$\{args\}|\?\$\{args\})?$/.test(path))
    return { ...common, path: {} };
  const withoutQuery = path.replace(/(?:\$\{is_args\}|\?)\$\{(?:args|query_string)\}$/, "");
  const change = withoutQuery.includes("${")
    ? groupChange(location, withoutQuery)
    : location.kind === "prefix"
      ? prefixChange(location.text, withoutQuery)
      : location.kind === "exact"
        ? location.text === withoutQuery
          ? "none"
          : wholeChange(withoutQuery)
        : wholeChange(withoutQuery);
  if (change === null) return { problem: "its path has no equivalent" };
  const remark = withoutQuery === path && withoutQuery.includes("${") ? "the query is kept, which nginx would drop here" : undefined;
  return { ...common, path: change === "none" ? {} : change, ...(remark === undefined ? {} : { remark }) };
}

function groupChange({ kind, text }: Location, path: string): Keys | null {
  if (kind !== "regex") return null;
  const to = groupText(text, path.replaceAll(/\$\{(\w+)\}/g, "$${$1}"));
  return to === null ? null : { path_regex: { from: wholePath(text), to } };
}
