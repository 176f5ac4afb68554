import { parseIpAddress } from "../base/cidr.ts";

/**
 * The authority of a request: `uri-host [":" port]` (RFC 9110 section 4.2, RFC 3986 section 3.2.2). User information is never
 * accepted: it is how `a.test:80@evil.test` reads differently to two parsers.
 */
const AUTHORITY = /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?$/;

export function isAuthority(text: string): boolean {
  const found = AUTHORITY.exec(text);
  if (found === null || Number(found[2] ?? 0) > 65535) return false;
  const address = found[1];
  return address === undefined || (address.includes(":") && parseIpAddress(address) !== null);
}

/** The host of a valid authority: lower case, no port, no trailing dot. */
export function hostOf(authority: string): string {
  const end = authority.startsWith("[") ? authority.indexOf("]") + 1 : authority.indexOf(":");
  let host = end > 0 ? authority.slice(0, end) : authority;
  if (host.endsWith(".")) host = host.slice(0, -1);
  return host.toLowerCase();
}
