/** Writes the header that the proxy sends to endpoints. Text of characters 0 to 255, one for each byte, as the transports write it. */
import { parseIpAddress } from "../base/cidr.ts";
import type { Address } from "../base/cidr.ts";
import { SIGNATURE } from "./header.ts";
import type { ConnectionAddresses } from "./header.ts";

export type ProxyVersion = "v1" | "v2";

/**
 * @param addresses null: the proxy speaks for itself (LOCAL), or it does not know its client's address (UNKNOWN). So it is too where an
 *   address is not an IP address.
 */
export function writeProxyHeader(version: ProxyVersion, addresses: ConnectionAddresses | null): string {
  const source = addresses === null ? null : parseIpAddress(addresses.source);
  const destination = addresses === null ? null : parseIpAddress(addresses.destination);
  if (addresses === null || source === null || destination === null) return ITSELF[version];
  const { sourcePort, destinationPort } = addresses;
  const isIpv4 = source.family === 4 && destination.family === 4;
  if (version === "v1") {
    const [from, to] = isIpv4 ? [addresses.source, addresses.destination] : [mapped(addresses.source), mapped(addresses.destination)];
    return `PROXY TCP${isIpv4 ? 4 : 6} ${from} ${to} ${sourcePort} ${destinationPort}\r\n`;
  }
  // Both addresses are of one family: an IPv4 address beside an IPv6 one is written as an IPv4-mapped one.
  const written = isIpv4 ? ipv4(source) + ipv4(destination) : ipv6(source) + ipv6(destination);
  return `${SIGNATURE}\x21${isIpv4 ? "\x11\0\x0c" : "\x21\0\x24"}${written}${word(sourcePort)}${word(destinationPort)}`;
}

const ITSELF: Readonly<Record<ProxyVersion, string>> = { v1: "PROXY UNKNOWN\r\n", v2: `${SIGNATURE}\x20\0\0\0` };

function mapped(text: string): string {
  return text.includes(":") ? text : `::ffff:${text}`;
}

function ipv4(address: Address): string {
  return address.family === 4 ? word(address.value >>> 16) + word(address.value & 0xffff) : "";
}

function ipv6(address: Address): string {
  return address.family === 6 ? address.groups.map(word).join("") : `${"\0".repeat(10)}\xff\xff${ipv4(address)}`;
}

function word(value: number): string {
  return String.fromCharCode(value >>> 8, value & 255);
}
