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

/** The escape for a body of that media type. */
export function escapeFor(contentType: string): (value: string) => string {
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) return escapeJson;
  return type === "text/html" || type.endsWith("+xml") || type.endsWith("/xml") ? escapeHtml : (value) => value;
}
