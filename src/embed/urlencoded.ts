/**
 * Writes a parsed form as application/x-www-form-urlencoded. Lists become repeated names, nested objects get brackets (`a[b]=c`), as the
 * usual parsers read them.
 */
export function urlencoded(form: object): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(form)) write(pairs, name, value);
  return pairs.join("&");
}

function write(pairs: string[], name: string, value: unknown): void {
  if (Array.isArray(value)) {
    for (const each of value) write(pairs, typeof each === "object" && each !== null ? `${name}[]` : name, each);
  } else if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) write(pairs, `${name}[${key}]`, each);
  } else pairs.push(`${escaped(name)}=${escaped(textOf(value))}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" || typeof value === "bigint"
    ? String(value)
    : "";
}

function escaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll("%20", "+");
}
