import { formatIpv4, parseIpAddress } from "./cidr.ts";

/**
 * What of a client's address a limit counts by: an IPv4 address whole, an IPv6 address by its first 64 bits. Any host owns a /64 and
 * could take a new address for every request. IPv4-mapped addresses count as IPv4; text that is no address counts as it is.
 */
export function clientKey(address: string): string {
  if (!address.includes(":")) return address;
  const parsed = parseIpAddress(address);
  if (parsed === null) return address;
  if (parsed.family === 4) return formatIpv4(parsed.value);
  const [a = 0, b = 0, c = 0, d = 0] = parsed.groups;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}::/64`;
}
