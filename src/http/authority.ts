/**
 * The authority of a request: `uri-host [":" port]` (RFC 9110 section 4.2, RFC 3986 section 3.2.2). User information is never
 * accepted: it is how `a.test:80@evil.test` reads differently to two parsers.
 */
const AUTHORITY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;
const PORT = /:([0-9]*)$/;

export function isAuthority(text: string): boolean {
  if (!AUTHORITY.test(text)) return false;
  const port = PORT.exec(text);
  return port === null || Number(port[1]) <= 65535;
}

/** The host of a valid authority: lower case, no port, no trailing dot. */
export function hostOf(authority: string): string {
  const end = authority.startsWith("[") ? authority.indexOf("]") + 1 : authority.indexOf(":");
  let host = end > 0 ? authority.slice(0, end) : authority;
  if (host.endsWith(".")) host = host.slice(0, -1);
  return host.toLowerCase();
}
