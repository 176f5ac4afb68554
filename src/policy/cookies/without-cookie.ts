/** Takes one cookie out of the values of Cookie (RFC 6265 section 4.2). */

/** The values without the cookies of that name, joined to one. Null: there is no such cookie. "": nothing is left. */
export function withoutCookie(values: Iterable<string>, name: string): string | null {
  let isThere = false;
  const kept: string[] = [];
  for (const value of values) {
    for (const pair of value.split(";")) {
      const trimmed = pair.trim();
      if (trimmed === "") continue;
      const end = trimmed.indexOf("=");
      if (end >= 0 && trimmed.slice(0, end).trimEnd() === name) isThere = true;
      else kept.push(trimmed);
    }
  }
  return isThere ? kept.join("; ") : null;
}
