import { formatIpv4 } from "./cidr.ts";
import type { Address } from "./cidr.ts";

/** An address as text in its canonical form (RFC 5952), without brackets: equal addresses are equal texts. */
export function formatIp(address: Address): string {
  if (address.family === 4) return formatIpv4(address.value);
  const { groups } = address;
  const gap = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (gap === null) return hex.join(":");
  return `${hex.slice(0, gap.start).join(":")}::${hex.slice(gap.end).join(":")}`;
}

/** The first of the longest runs of zero groups, which `::` stands for; null: no run has two groups. */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly end: number } | null {
  let best = { start: 0, end: 1 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.end - best.start) best = { start, end };
  }
  return best.end - best.start < 2 ? null : best;
}
