/**
 * A Referer (RFC 9110 section 10.1.3) less its query, its fragment and what stands before an `@` in its authority: these may hold secrets. Of a value
 * that is neither a URL with an authority nor a path nothing is left.
 */
export function shownReferer(value: string): string {
  const plain = beforeQuery(value);
  // Nearly all are of this form.
  if ((plain.startsWith("https://") || plain.startsWith("http://")) && !plain.includes("@")) return plain;
  const [, scheme, authority = "", path = ""] = PARTS.exec(plain) ?? [];
  if (scheme !== undefined) return `${scheme}${authority.slice(authority.lastIndexOf("@") + 1)}${path}`;
  return plain.startsWith("/") ? plain : "";
}

function beforeQuery(value: string): string {
  const [query, fragment] = [value.indexOf("?"), value.indexOf("#")];
  const end = Math.min(query < 0 ? value.length : query, fragment < 0 ? value.length : fragment);
  return end === value.length ? value : value.slice(0, end);
}

/** Scheme with `//`, authority, path. A backslash ends nothing: programs that take it for a slash would see less than is dropped here. */
const PARTS = /^((?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/)([^/]*)(.*)$/s;
