import type { FieldSection } from "./field-section.ts";
import { Known, bit } from "./known-fields.ts";

/** Seekers ask for a few ranges at a time. Apache stops at the same number. */
export const RANGES_MAX = 200;

/**
 * Whether a request asks for so many ranges that it is an attack on whoever assembles them (RFC 9110 section 14.2, CVE-2011-3192). Without
 * its Range field it gets the whole representation, as a server may answer any range.
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
