import { trimOws } from "./trim-ows.ts";

/** A name and its value. */
export type FieldPair = readonly [name: string, value: string];

/** Splits lines such as `name: value\r\n` into names and values, for whoever does not take text. */
export function fieldPairs(lines: string): FieldPair[] {
  const pairs: FieldPair[] = [];
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf("\r\n", at);
    const colon = lines.indexOf(":", at);
    pairs.push([lines.slice(at, colon), trimOws(lines.slice(colon + 1, end))]);
    at = end + 2;
  }
  return pairs;
}
