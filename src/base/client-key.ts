import { formatIpv4, parseIpAddress } from "./cidr.ts";

/**
 * The text under which a limit counts a client: its whole IPv4 address, or the first 64 bits of its IPv6 address. A host with IPv6
 * usually owns a /64 and could take a new address for every request. An IPv4-mapped address counts as the IPv4 address; text that is
 * no address is given back as it is.
 */
export function clientKey(address: string): string {
  if (!address.includes(":")) return address;
  const parsed = parseIpAddress(address);
  if (parsed === null) return address;
  if (parsed.family === 4) return formatIpv4(parsed.value);
  const [a = 0, b = 0, c = 0, d = 0] = parsed.groups;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}::/64`;
}
