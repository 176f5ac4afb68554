import type { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";

/** Most ranges that a request may ask for. Media players ask for a few at a time. Apache has the same limit. */
export const RANGES_MAX = 200;

/**
 * Whether a request asks for so many ranges that it is an attack on the server that assembles them (RFC 9110 section 14.2,
 * CVE-2011-3192). The proxy then drops the Range field, and the origin server answers with the whole representation.
 */
export function asksForTooManyRanges(head: FieldSection): boolean {
  if ((head.present & bit(Known.range)) === 0) return false;
  let ranges = 0;
  for (const value of head.knownValues(Known.range)) {
    ranges++;
    for (let comma = value.indexOf(","); comma >= 0; comma = value.indexOf(",", comma + 1)) ranges++;
  }
  return ranges > RANGES_MAX;
}
