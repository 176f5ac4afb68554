/**
 * Without the optional white space around it: SP and HTAB only (RFC 9110 section 5.6.3). String.trim knows more, 0xA0 for one, and a
 * regular expression for the end of a text is quadratic in the spaces within it.
 */
export function trimOws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isOws(text.charCodeAt(start))) start++;
  while (end > start && isOws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isOws(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
