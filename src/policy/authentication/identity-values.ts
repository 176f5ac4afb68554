/**
 * How names, roles and claims are written into the value of a field: as UTF-8, one character for each octet. Two different ones never become the same
 * text, for upstreams let people in by it: control characters, white space at either end and `%` are percent-encoded, in lists all white space and the comma
 * too. White space is that of Unicode, which many applications trim.
 */

export function identityText(text: string): string {
  const formed = text.toWellFormed();
  const inner = formed.trim();
  const at = formed.length - formed.trimStart().length;
  // Not by one expression: one that looks for white space at the end takes quadratic time in the spaces within a name.
  return (
    encodeURIComponent(formed.slice(0, at)) +
    octets(inner.replace(/[\p{Cc}%]/gu, encodeURIComponent)) +
    encodeURIComponent(formed.slice(at + inner.length))
  );
}

export function identityList(members: readonly string[]): string {
  return members.map((member) => octets(member.toWellFormed().replace(/[\p{Cc}%,\s]/gu, encodeURIComponent))).join(",");
}

/** The octets of a text in UTF-8, as characters. */
function octets(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
