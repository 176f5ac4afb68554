import type { IncomingHttpHeaders } from "node:http";
import type { FieldPair } from "../../http/field-pairs.ts";

/** Fields as Node's messages have them: by name in lower case, with several lines of a name joined, or the first one where only one may be. */
export function joinedFields(fields: readonly FieldPair[]): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(distinctFields(fields)).map(([name, values]) => [name, joined(name, values)]));
}

/** Each line's value by name in lower case. */
export function distinctFields(fields: readonly FieldPair[]): Record<string, string[]> {
  const distinct = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const known = distinct.get(name.toLowerCase());
    if (known === undefined) distinct.set(name.toLowerCase(), [value]);
    else known.push(value);
  }
  return Object.fromEntries(distinct);
}

function joined(name: string, values: readonly string[]): string | string[] {
  if (name === "set-cookie") return [...values];
  return SINGLE.has(name) ? (values[0] ?? "") : values.join(name === "cookie" ? "; " : ", ");
}

/** As in Node: of a second line nobody would know what it means. */
const SINGLE = new Set([
  "age",
  "authorization",
  "content-length",
  "content-type",
  "etag",
  "expires",
  "from",
  "host",
  "if-modified-since",
  "if-unmodified-since",
  "last-modified",
  "location",
  "max-forwards",
  "proxy-authorization",
  "referer",
  "retry-after",
  "server",
  "user-agent",
]);
