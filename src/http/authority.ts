import { parseIpAddress } from "../base/cidr.ts";

/**
 * The syntax of an authority, as in `Host`: `uri-host [":" port]` (RFC 9110 section 4.2, RFC 3986 section 3.2.2). User information is
 * never accepted, because two parsers can read `a.test:80@evil.test` as two different hosts.
 */
const AUTHORITY = /^(?:(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?$/;

/** Whether the text is a valid authority, with a port of at most 65535. */
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
