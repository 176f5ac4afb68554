/** Which content codings a client takes (Accept-Encoding, RFC 9110 section 12.5.3). */

const MEMBER = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:;[ \t]*q=([01](?:\.[0-9]{0,3})?)[ \t]*)?$/i;

/**
 * Those of `offered` that the client takes and likes at least as well as none at all, the ones that it likes best first, and among equals in the order
 * given. A client that sends no such field gets none: it may be a program that cannot decode.
 */
export function acceptedCodings(values: readonly string[], offered: readonly string[]): readonly string[] {
  if (values.length === 0) return [];
  const weights = weightsIn(values);
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  const least = Math.max(weights.get("identity") ?? 0, Number.MIN_VALUE);
  const accepted = offered.filter((coding) => weightOf(coding) >= least);
  return accepted.length < 2 ? accepted : accepted.toSorted((a, b) => weightOf(b) - weightOf(a));
}

function weightsIn(values: readonly string[]): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const value of values) {
    for (const member of value.split(",")) {
      const [, name, weight = "1"] = MEMBER.exec(member) ?? [];
      // The same coding twice is a mistake of the client's; x-gzip is gzip (section 8.4.1.3).
      const coding = name?.toLowerCase().replace(/^x-gzip$/, "gzip");
      if (coding !== undefined && !weights.has(coding)) weights.set(coding, Number(weight));
    }
  }
  return weights;
}
