/**
 * Warnings about variables of a route that never stand for anything: `{match.NAME}` where no `path_regex` of the route has that group, and `$host`
 * and the like, which nginx replaces and Millrace leaves as they are.
 */
import { parseTemplate } from "../../policy/template/template.ts";
import { at, entriesOf, listOf, warning } from "../../values/finding.ts";
import type { Finding, KeyPath } from "../../values/finding.ts";

/** The keys of a route whose texts may hold variables. */
const WITH_VARIABLES = ["redirect", "respond", "request_headers", "response_headers", "rewrite_location", "error_pages", "access_log"];

/** @param route as it is in the file, at position `index` */
export function idleVariables(route: unknown, index: number): Finding[] {
  const match = at(route, "match");
  const patterns = (Array.isArray(match) ? listOf(match) : [match])
    .map((entry) => at(entry, "path_regex"))
    .filter((pattern) => typeof pattern === "string");
  return WITH_VARIABLES.flatMap((key) => textsIn(at(route, key), ["routes", index, key])).flatMap(([text, path]) => [
    ...plainText(text, path),
    ...doubledSlash(text, path),
    ...groupsIn(text)
      .filter((group) => !patterns.some((pattern) => mayHave(pattern, group)))
      .slice(0, 1)
      .map(() => {
        const why = patterns.length === 0 ? "the route has no match.path_regex" : "no match.path_regex of the route has this group";
        return warning(path, `{match. ...} is always empty: ${why}`);
      }),
  ]);
}

/** What is called here what nginx calls by the words after a dollar sign. */
const OF_NGINX: Readonly<Record<string, string>> = {
  host: "{host}",
  http_host: "{header.Host}",
  scheme: "{scheme}",
  request_uri: "{uri}",
  uri: "{path}",
  args: "{query}",
  query_string: "{query}",
  request_method: "{method}",
  remote_addr: "{client_ip}",
  request_id: "{request_id}",
};

function plainText(text: string, path: KeyPath): Finding[] {
  const [, name = ""] = /\$(\w+)/.exec(text) ?? [];
  const here = Object.hasOwn(OF_NGINX, name) ? OF_NGINX[name] : undefined;
  return here === undefined ? [] : [warning(path, `$${name} is text here, and stands for nothing; the variable is ${here}`)];
}

/** `{path}` and `{uri}` begin with a slash, which people add when they write `https://example.com/{path}`. */
function doubledSlash(text: string, path: KeyPath): Finding[] {
  const name = path.includes("redirect") ? /\/\{(path|uri)\}/.exec(text)?.[1] : undefined;
  return name === undefined ? [] : [warning(path, `{${name}} begins with a slash itself: the one before it makes two`)];
}

function textsIn(value: unknown, path: KeyPath): readonly (readonly [text: string, path: KeyPath])[] {
  if (typeof value === "string") return [[value, path]];
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value) ? [...value.entries()] : entriesOf(value);
  return entries.flatMap(([key, item]) => textsIn(item, [...path, key]));
}

/** The names of the groups that a text with variables has. */
function groupsIn(text: string): readonly string[] {
  const parsed = parseTemplate(text, true);
  if ("problem" in parsed) return [];
  return parsed.template.flatMap((part) => (typeof part !== "string" && part.name === "match" ? [part.key] : []));
}

/** Whether a pattern may have the group. Parentheses that are escaped, or stand in a class, count too: a warning less does no harm. */
function mayHave(pattern: string, group: string): boolean {
  if (/^\d+$/.test(group)) return Number(group) <= (pattern.match(/\((?!\?)|\(\?P?</g)?.length ?? 0);
  return pattern.includes(`<${group}>`);
}
