/** Which fields of a response are stored, and how a newer head updates them (RFC 9111 sections 3.1 and 3.2). */
import type { FieldPair } from "../../http/field-pairs.ts";

/** Those that are about a connection or about the proxy, apart from what Connection names. */
const NEVER: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Made anew for each response.
  "age",
  "cache-status",
  "content-length",
]);

/** Those that describe the stored content, which a 304 leaves as it is. */
const OF_CONTENT: ReadonlySet<string> = new Set(["content-encoding", "content-length", "content-range", "content-type"]);

/**
 * The fields that are stored of a response.
 * @param left names in lower case that `private` and `no-cache` list: those are left out too
 */
export function storedFields(fields: readonly FieldPair[], left: readonly string[]): FieldPair[] {
  const named = connectionNames(fields);
  return fields.filter(([name]) => {
    const lower = name.toLowerCase();
    return !NEVER.has(lower) && !named.has(lower) && !left.includes(lower);
  });
}

/**
 * The stored fields after a newer head of the same representation: each name that the newer one has replaces all stored lines of it. Those that describe the content stay.
 * @param newer already without what is not stored
 */
export function updatedFields(stored: readonly FieldPair[], newer: readonly FieldPair[]): FieldPair[] {
  const fresh = newer.filter(([name]) => !OF_CONTENT.has(name.toLowerCase()));
  const replaced = new Set(fresh.map(([name]) => name.toLowerCase()));
  return [...stored.filter(([name]) => !replaced.has(name.toLowerCase())), ...fresh];
}

function connectionNames(fields: readonly FieldPair[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, value] of fields) {
    if (name.toLowerCase() === "connection") for (const option of value.split(",")) names.add(option.trim().toLowerCase());
  }
  return names;
}
