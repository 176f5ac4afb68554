/** Reads cookies and query parameters of a request, for variables. Values are as received: nothing is decoded. */

/** The value of the first cookie of that name (RFC 6265 section 4.2.1), without the quotes around it; "": there is none. */
export function cookieValue(lines: readonly string[], name: string): string {
  for (const line of lines) {
    for (const pair of line.split(";")) {
      const equals = pair.indexOf("=");
      if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
      const value = pair.slice(equals + 1).trim();
      return /^".*"$/.test(value) ? value.slice(1, -1) : value;
    }
  }
  return "";
}

/** The values of all cookies of that name, as they were sent. */
export function cookieValues(lines: readonly string[], name: string): string[] {
  return lines
    .flatMap((line) => line.split(";"))
    .map((pair) => pair.split("="))
    .filter(([key = "", ...value]) => value.length > 0 && key.trim() === name)
    .map(([, ...value]) => value.join("=").trim());
}

/** The value of the first parameter of that name; "": there is none. */
export function queryValue(query: string, name: string): string {
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (key === name) return equals < 0 ? "" : pair.slice(equals + 1);
  }
  return "";
}
