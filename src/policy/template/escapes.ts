/** How values of variables are written where their text could be read as something else. */

/** For HTML, in text and in quoted attributes. */
export function escapeHtml(value: string): string {
  return value.replace(/[&<>"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** For the inside of a JSON string. */
export function escapeJson(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/** For a URL: what no URL may hold is percent-encoded, octet by octet. `value` is latin1 text. */
export function escapeUrl(value: string): string {
  return value.replace(/[^!-~]|["<>\\^`{|}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);
}

/**
 * For the value of a field: control characters are left out, and so is what is above U+00FF. A head is written one octet for each character: of
 * U+010D a carriage return would be left.
 */
export function escapeFieldValue(value: string): string {
  return value.replace(/[^ -~\x80-\xff]/g, "");
}

/** The escape for a body of that media type, which may come from the client too. */
export function escapeFor(contentType: string): (value: string) => string {
  const types = essences(contentType);
  if (types.some(isMarkup)) return escapeHtml;
  return types.some((type) => type === "application/json" || type.endsWith("+json")) ? escapeJson : (value) => value;
}

/** The types that a browser may find in the value: of a list it takes one, and it reads a type up to the first character that is none of a type. */
function essences(contentType: string): readonly string[] {
  return contentType.split(",").map((member) => (/^[^;(\s]*/.exec(member.trim())?.[0] ?? "").toLowerCase());
}

/** Whether a browser shows a body of that type as a page. Without a type that it knows it may guess from the body (MIME Sniffing standard, section 7). */
function isMarkup(type: string): boolean {
  const isUnknown = !/^[^/]+\/[^/]+$/.test(type) || ["*/*", "unknown/unknown", "application/unknown"].includes(type);
  return isUnknown || type === "text/html" || type.endsWith("+xml") || type.endsWith("/xml") || type === "text/xsl";
}
