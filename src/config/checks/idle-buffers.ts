import { bytesOf } from "../../base/size.ts";
import { at, warning } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { ENDS } from "../schema/feature-keys.ts";

/**
 * Warnings about a route's `buffer` that holds nothing, or can never hold as much as it says.
 * @param route as it is in the file, at position `index`
 * @param memory `limits.buffered_bytes` of the file
 */
export function idleBuffer(route: unknown, index: number, memory: unknown): Finding[] {
  const buffer = at(route, "buffer");
  if (typeof buffer !== "object" || buffer === null || Array.isArray(buffer)) return [];
  const path = ["routes", index, "buffer"];
  const sizes = Object.keys(buffer).map((key) => [key, bytesOf(at(buffer, key))] as const);
  if (sizes.every(([, bytes]) => bytes === 0)) return [warning(path, "it holds nothing: it has no size above 0", true)];
  if (at(route, "upstream") === undefined && ENDS.some((key) => at(route, key) !== undefined))
    return [warning(path, "the route answers by itself: nothing of it comes from an upstream or goes there", true)];
  const all = bytesOf(memory ?? "64MiB");
  return sizes.flatMap(([key, bytes]) =>
    bytes !== null && all !== null && bytes > all
      ? [warning([...path, key], "it is above limits.buffered_bytes, which all bodies together may take: no body of this size is held")]
      : [],
  );
}
