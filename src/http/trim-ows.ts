/**
 * The text without optional white space (OWS) around it: SP and HTAB only (RFC 9110 section 5.6.3). String.trim would remove more, such as
 * 0xA0, and a regular expression for trailing space takes quadratic time in the spaces within the text.
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
