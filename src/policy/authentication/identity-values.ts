/**
 * How names, roles and claims are written into the value of a field: as UTF-8, one character for each octet. Two different ones never become the same
 * text, for upstreams let people in by it: control characters, spaces at either end and `%` are percent-encoded, in lists the comma too.
 */

export function identityText(text: string): string {
  return octets(text.toWellFormed().replace(/[\p{Cc}%]|^ +| +$/gu, encodeURIComponent));
}

export function identityList(members: readonly string[]): string {
  return members.map((member) => octets(member.toWellFormed().replace(/[\p{Cc}%, ]/gu, encodeURIComponent))).join(",");
}

/** The octets of a text in UTF-8, as characters. */
function octets(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return encodeURIComponent(text).replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
