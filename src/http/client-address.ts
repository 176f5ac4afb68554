/**
 * The client's address behind proxies that we trust. Only what a trusted proxy wrote is believed: each proxy appends the address
 * that it saw, so the list is read from the right, and reading stops at the first hop that we do not trust. Whatever stands
 * further left may have been sent by the client itself.
 */
import { formatIpv4, parseIpAddress } from "../base/cidr.ts";
import type { ForwardedElement } from "./forwarded.ts";
import { trimOws } from "./trim-ows.ts";

/** What decides whether a hop is trusted; CidrSet is one. */
export interface TrustedAddresses {
  contains(address: string): boolean;
}

/**
 * @param peer the connection's other end, as {@link plainPeer} writes it
 * @param forwardedFor the values of all X-Forwarded-For lines, in order
 * @returns the first address from the right that is not trusted, without port or brackets; when all are trusted the leftmost; an
 *   entry that is no address ends the reading and the hop to its right counts. IPv4-mapped addresses come as IPv4.
 */
export function clientAddress(peer: string, forwardedFor: readonly string[], trusted: TrustedAddresses): string {
  let client = peer;
  if (forwardedFor.length === 0 || !trusted.contains(client)) return client;
  for (let line = forwardedFor.length - 1; line >= 0; line--) {
    const value = forwardedFor[line] ?? "";
    let end = value.length;
    while (end >= 0) {
      const comma = end === 0 ? -1 : value.lastIndexOf(",", end - 1);
      const entry = trimOws(value.slice(comma + 1, end));
      end = comma;
      if (entry === "") continue; // empty list elements count for nothing (RFC 9110 section 5.6.1.2)
      const address = addressOfEntry(entry);
      if (address === null) return client;
      client = address;
      if (!trusted.contains(client)) return client;
    }
  }
  return client;
}

/**
 * Which element a trusted peer's Forwarded says of the client's request: the leftmost that a trusted proxy wrote, whether it names its
 * node, hides it or leaves it out. What stands further left the client may have written itself.
 */
export function elementOfClient(elements: readonly ForwardedElement[], trusted: TrustedAddresses): ForwardedElement | undefined {
  for (let index = elements.length - 1; index > 0; index--) {
    const address = addressOfEntry(elements[index]?.for ?? "");
    if (address === null || !trusted.contains(address)) return elements[index];
  }
  return elements[0];
}

/**
 * A peer's address as it is logged, forwarded, counted and compared: an IPv4-mapped one as IPv4, and a link-local one without the zone that
 * the system appends, which means nothing elsewhere.
 */
export function plainPeer(peer: string): string {
  if (peer.startsWith("::ffff:")) return peer.slice("::ffff:".length);
  const zone = peer.indexOf("%");
  return zone < 0 ? peer : peer.slice(0, zone);
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; null for anything else. */
export function addressOfEntry(entry: string): string | null {
  let text = entry;
  if (entry.startsWith("[")) {
    const close = entry.indexOf("]");
    if (close < 0 || !PORT_OR_NOTHING.test(entry.slice(close + 1))) return null;
    text = entry.slice(1, close);
    if (!text.includes(":")) return null;
  } else {
    const colon = entry.indexOf(":");
    if (colon >= 0 && entry.indexOf(":", colon + 1) < 0) {
      if (!PORT_OR_NOTHING.test(entry.slice(colon))) return null;
      text = entry.slice(0, colon);
    }
  }
  const parsed = parseIpAddress(text);
  if (parsed === null) return null;
  return parsed.family === 4 ? formatIpv4(parsed.value) : text;
}

const PORT_OR_NOTHING = /^(?::[0-9]{1,5})?$/;
