import { trimOws } from "../../http/trim-ows.ts";

/** A longer prefix is none that a chain of proxies has taken off. */
const LENGTH_MAX = 1024;
/** A path that no program takes for a reference with a host: `//host` and `/\host` are none. */
const PREFIX = /^\/(?!\/)[A-Za-z0-9\-._~!$&'()*+;=:@%/]*$/;

/**
 * The value of X-Forwarded-Prefix for a request of which `taken` was taken off: one path, which begins with what proxies before this one have
 * taken off. ASP.NET and Werkzeug read the last member of a list, Spring joins all of them, and others take the whole value for a path;
 * a single path is the same to all of them.
 * @param before the values of the field as received. Where one is malformed none counts
 */
export function forwardedPrefix(before: readonly string[], taken: string): string {
  let joined = "";
  for (const value of before) {
    for (const member of value.split(",")) {
      const prefix = trimOws(member);
      if (prefix === "") continue;
      if (!PREFIX.test(prefix)) return taken;
      joined += prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
    }
  }
  return joined.length > LENGTH_MAX || !PREFIX.test(joined + taken) ? taken : joined + taken;
}
