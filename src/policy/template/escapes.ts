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

/** For the value of a field: control characters are left out. `value` is latin1 text. */
export function escapeFieldValue(value: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return value.replace(/[\x00-\x1f\x7f]/g, "");
}

/** The escape for a body of that media type. */
export function escapeFor(contentType: string): (value: string) => string {
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) return escapeJson;
  return type === "text/html" || type.endsWith("+xml") || type.endsWith("/xml") ? escapeHtml : (value) => value;
}
