/** Changes the attributes of a cookie that an origin sets. Attributes are told apart as browsers do (RFC 6265 section 5.2). */
import { trimOws } from "../../http/trim-ows.ts";

/** What is not there stays as the origin sends it. */
export interface CookieEdits {
  /** In the place of a domain that the cookie has; "": the cookie gets none, and is for the host alone. */
  readonly domain?: string | undefined;
  /** In the place of a path that the cookie has. */
  readonly path?: string | undefined;
  /** Whether the cookie has Secure. It stays where browsers refuse the cookie without it. */
  readonly secure?: boolean | undefined;
  /** `none` brings Secure with it, without which browsers refuse the cookie. */
  readonly same_site?: "strict" | "lax" | "none" | undefined;
}

const SAME_SITE = { strict: "Strict", lax: "Lax", none: "None" } as const;
/** Browsers ignore an attribute with a longer value (draft RFC 6265bis section 5.6). */
const VALUE_MAX = 1024;

interface Attribute {
  /** As received, without the semicolon before it. */
  readonly text: string;
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

/** @param line the value of a Set-Cookie line. Anything is taken: what is no cookie gets attributes too, and stays none. */
export function rewriteCookie(line: string, edits: CookieEdits): string {
  const [pair = "", ...rest] = line.split(";");
  if (trimOws(line) === "") return line;
  const attributes = rest.map(attributeOf);
  const name = attributeOf(pair).name;
  // Browsers refuse a cookie of this name with a domain, without Secure, or with another path than / (draft RFC 6265bis section 4.1.3.2).
  const isHostOnly = name.startsWith("__host-");
  const sameSite = edits.same_site ?? attributes.findLast((each) => each.name === "samesite")?.value.toLowerCase();
  const mustBeSecure =
    isHostOnly || name.startsWith("__secure-") || sameSite === "none" || attributes.some((each) => each.name === "partitioned");
  const removesSecure = edits.secure === false && !mustBeSecure;
  let text = pair;
  for (const attribute of attributes) {
    const kept = isHostOnly ? attribute.text : relocated(attribute, edits);
    const isReplaced = (attribute.name === "secure" && removesSecure) || (attribute.name === "samesite" && edits.same_site !== undefined);
    if (kept !== null && !isReplaced) text += `;${kept}`;
  }
  const isSecure = attributes.some((each) => each.name === "secure");
  if (!isSecure && (edits.secure === true || edits.same_site === "none")) text += "; Secure";
  if (edits.same_site !== undefined) text += `; SameSite=${SAME_SITE[edits.same_site]}`;
  return text;
}

/** The text of an attribute with another domain or path in it; null: it goes. */
function relocated({ text, name, value }: Attribute, { domain, path }: CookieEdits): string | null {
  if (name === "path" && path !== undefined) return withValue(text, path);
  // Browsers ignore an empty domain, and take the host. To put a name there would show the cookie to more hosts.
  if (name !== "domain" || domain === undefined || value === "" || value.length > VALUE_MAX) return text;
  return domain === "" ? null : withValue(text, domain);
}

function withValue(text: string, value: string): string {
  const equals = text.indexOf("=");
  return `${equals < 0 ? text : text.slice(0, equals)}=${value}`;
}

function attributeOf(text: string): Attribute {
  const equals = text.indexOf("=");
  if (equals < 0) return { text, name: trimOws(text).toLowerCase(), value: "" };
  return { text, name: trimOws(text.slice(0, equals)).toLowerCase(), value: trimOws(text.slice(equals + 1)) };
}
