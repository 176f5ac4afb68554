/** Which fields of heads the access log may show. Logs are kept, copied and read by many: no credential may get into one, not even by request. */

/** Why the log must not show that field; null: it may. Case does not matter. */
export function whyNotLogged(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === "referer") return "the log has it as `referer`, without the query that may hold secrets";
  if (HARMLESS.has(lower)) return null;
  const words = lower.split(/[^a-z0-9]+/);
  return words.some((word) => CREDENTIALS.has(word)) || words.at(-1) === "auth" || lower === "code" ? CARRIES : null;
}

const CARRIES = "it carries credentials, which must not get into a log";

/** Words of names, of which one is enough. */
const CREDENTIALS: ReadonlySet<string> = new Set(
  "authorization cookie cookie2 token tokens csrftoken authtoken accesstoken key apikey secret password passwd pwd credential credentials session sessionid jwt assertion signature sig sid ticket".split(
    " ",
  ),
);

/** Names with such a word that carry none. */
const HARMLESS: ReadonlySet<string> = new Set(["idempotency-key", "surrogate-key", "x-cache-key"]);
