/** The cookies of this folder in one request, and the lines that set and remove them (RFC 6265). */

/** Names of cookies, without the prefix that browsers check: {@link RequestCookies} adds it. */
export type CookieName = string;

/** How the names of all cookies of logins begin, but for the prefix. */
export const COOKIES_BEGIN = "millrace-";

/** What a browser must see for a cookie that begins with this: `Secure`, `Path=/`, no `Domain`. So no sibling domain can plant one. */
const HOST_PREFIX = "__Host-";

/**
 * The cookies of one request whose names begin with `base`. A name that occurs twice has no value: browsers do not say which of the two
 * another domain has planted.
 */
export class RequestCookies {
  readonly #values = new Map<string, string>();
  readonly #prefix: string;
  readonly #attributes: string;

  /**
   * @param header the values of all `Cookie` fields, joined with `; `; "": there is none
   * @param base how the names begin that are of interest
   * @param https whether the client came over TLS: then names begin with `__Host-`
   */
  constructor(header: string, base: string, https: boolean) {
    this.#prefix = https ? HOST_PREFIX : "";
    this.#attributes = `Path=/; HttpOnly; ${https ? "Secure; " : ""}SameSite=Lax`;
    const wanted = this.#prefix + base;
    if (!header.includes(wanted)) return;
    for (const pair of header.split(";")) {
      const [name, value] = split(pair);
      if (!name.startsWith(wanted)) continue;
      this.#values.set(name, this.#values.has(name) ? "" : value);
    }
  }

  /** The value; null: there is none, or more than one. */
  get(name: CookieName): string | null {
    const value = this.#values.get(this.#prefix + name);
    return value === undefined || value === "" ? null : value;
  }

  /** The names that begin with `start`, without the prefix. */
  names(start: CookieName): CookieName[] {
    const wanted = this.#prefix + start;
    return [...this.#values.keys()].filter((name) => name.startsWith(wanted)).map((name) => name.slice(this.#prefix.length));
  }

  /** What the name is bound to when it is sealed: a cookie of plain HTTP is none of HTTPS. */
  fullName(name: CookieName): string {
    return this.#prefix + name;
  }

  /** A `Set-Cookie` value. @param maxAgeMs after which browsers forget the cookie */
  setLine(name: CookieName, value: string, maxAgeMs: number): string {
    return `${this.#prefix}${name}=${value}; Max-Age=${Math.ceil(maxAgeMs / 1000)}; ${this.#attributes}`;
  }

  removeLine(name: CookieName): string {
    return this.setLine(name, "", 0);
  }
}

/**
 * What an origin may see of a `Cookie` field: all cookies but those of logins, in their order and spelling.
 * @returns null: none is left
 */
export function otherCookies(header: string): string | null {
  if (!header.includes(COOKIES_BEGIN)) return header === "" ? null : header;
  const others = header.split(";").filter((pair) => {
    const [name] = split(pair);
    return !name.startsWith(COOKIES_BEGIN) && !name.startsWith(HOST_PREFIX + COOKIES_BEGIN);
  });
  return others.length === 0 ? null : others.map((pair) => pair.trim()).join("; ");
}

function split(pair: string): [name: string, value: string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? ["", pair.trim()] : [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
}
