/**
 * Finds the client's address when the request came through trusted proxies.
 *
 * Each proxy appends the address of its peer to X-Forwarded-For. So the list is read from the right, and reading stops at the first
 * address that is not a trusted proxy: that is the client. The client itself may have sent everything further left.
 */
import { formatIpv4, parseIpAddress } from "../base/cidr.ts";
import type { ForwardedElement } from "./forwarded.ts";
import { trimOws } from "./trim-ows.ts";

/** Decides whether an address is a trusted proxy; CidrSet implements it. */
export interface TrustedAddresses {
  contains(address: string): boolean;
}

/**
 * @param peer address of the connection's other end, as {@link plainPeer} writes it
 * @param forwardedFor the values of all X-Forwarded-For lines, in order
 * @returns the first untrusted address from the right, or the leftmost if all are trusted. An entry that is not an address ends the
 *   reading, and the address to its right is returned. Without port and brackets; IPv4-mapped addresses as IPv4.
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
      if (entry === "") continue; // empty list elements are ignored (RFC 9110 section 5.6.1.2)
      const address = addressOfEntry(entry);
      if (address === null) return client;
      client = address;
      if (!trusted.contains(client)) return client;
    }
  }
  return client;
}

/**
 * The element of a Forwarded field that describes the client's own request: the leftmost one that a trusted proxy wrote. Its node may be
 * named, hidden or missing. The client itself may have sent everything further left.
 */
export function elementOfClient(elements: readonly ForwardedElement[], trusted: TrustedAddresses): ForwardedElement | undefined {
  for (let index = elements.length - 1; index > 0; index--) {
    const address = addressOfEntry(elements[index]?.for ?? "");
    if (address === null || !trusted.contains(address)) return elements[index];
  }
  return elements[0];
}

/**
 * A peer's address in the form that is logged, forwarded, counted and compared: an IPv4-mapped address as IPv4, a link-local one without
 * its zone, which only means something on this machine.
 */
export function plainPeer(peer: string): string {
  if (peer.startsWith("::ffff:")) return peer.slice("::ffff:".length);
  const zone = peer.indexOf("%");
  return zone < 0 ? peer : peer.slice(0, zone);
}

/**
 * The address of a list entry: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`, without port and
 * brackets. Null: the entry is something else.
 */
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
