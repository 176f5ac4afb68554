/**
 * The canonical path, for matching only: the path that the client spelled is the one that is forwarded (RFC 9110 section 7.7).
 * Two spellings that an origin may take for the same resource get the same canonical path, so no spelling leads around a route.
 *
 * The rule, in this order:
 * 1. `/` and `\` separate segments (browsers send `\` as `/`, many origins read it so); empty segments are dropped ("//" is "/").
 * 2. A segment ends at its first `;`: parameters (RFC 3986 section 3.3) are not compared.
 * 3. `%XX` is decoded once. These stay encoded, in upper-case hex, for decoded they would change the structure or be
 *    misread: controls, DEL, bytes from 0x80, and `/ \ ; ? # %`. Such bytes that came unencoded are encoded. A `%` without two
 *    hex digits behind it is data and becomes `%25` (RFC 3986 section 2.4).
 * 4. `.` and `..` segments, however spelled, are resolved (RFC 3986 section 5.2.4); nothing climbs over the root.
 *
 * Refused, as null, because no reading of it is safe: an encoded or plain NUL (ends the path for origins written in C), a dot
 * segment with parameters such as `..;x` (some origins climb on it, others take it for a name; nobody needs it), and a path that
 * does not begin with `/` and is not the `*` of OPTIONS. The answer to these is 400 (RFC 9112 section 3).
 *
 * Linear in the length of the path; idempotent.
 */
export function normalizePath(path: string): string | null {
  if (isCanonical(path)) return path;
  return path.charCodeAt(0) === SLASH || path.charCodeAt(0) === BACKSLASH ? rebuild(path) : null;
}

/**
 * The second reading of a canonical path: encoded slashes as separators. Some origins decode `%2F` before they look at the
 * path, others take it for data, and the proxy cannot know. Returns the same string when there is nothing to read twice.
 */
export function decodeSlashes(canonicalPath: string): string {
  if (!canonicalPath.includes("%2F") && !canonicalPath.includes("%5C")) return canonicalPath;
  // Nothing in a canonical path is refused by rebuild, so the fall-back is never taken; "/" would be a safe route as well.
  return rebuild(canonicalPath.replaceAll("%2F", "/").replaceAll("%5C", "/")) ?? "/";
}

/** The canonical form of a path out of the configuration, which is Unicode text: its UTF-8 bytes are compared. */
export function normalizePattern(path: string): string | null {
  return normalizePath(
    path.replace(/[^\0-\x7f]/gu, (character) => (isLoneSurrogate(character) ? "%EF%BF%BD" : encodeURIComponent(character))),
  );
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const DOT = 0x2e;

/** True for nearly every path that browsers send: one look at each character, nothing allocated. */
function isCanonical(path: string): boolean {
  if (path.charCodeAt(0) !== SLASH) return path === "*";
  let previous = SLASH;
  for (let at = 1; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === PERCENT || code === BACKSLASH || code === SEMICOLON || code <= 0x1f || code >= 0x7f) return false;
    if (previous === SLASH && (code === SLASH || code === DOT)) return false;
    previous = code;
  }
  return true;
}

function rebuild(path: string): string | null {
  const segments: string[] = [];
  let endsInSlash = true;
  for (let at = 1; at <= path.length; at++) {
    const start = at;
    let nameEnd = -1;
    for (; at < path.length; at++) {
      const code = path.charCodeAt(at);
      if (code === SLASH || code === BACKSLASH) break;
      if (code === SEMICOLON && nameEnd < 0) nameEnd = at;
    }
    const hasParameters = nameEnd >= 0;
    const segment = decodeOnce(path.slice(start, hasParameters ? nameEnd : at));
    if (segment === null) return null;
    const isDots = segment === "." || segment === "..";
    if (hasParameters && (isDots || hasNul(path.slice(nameEnd, at)))) return null;
    // The last segment decides whether the path ends in a slash: "/a/" and "/a/." do, "/a" does not.
    endsInSlash = segment === "" || isDots;
    if (segment === "..") segments.pop();
    else if (!endsInSlash) segments.push(segment);
  }
  if (segments.length === 0) return "/";
  return `/${segments.join("/")}${endsInSlash ? "/" : ""}`;
}

/** What is not printable ASCII, and what would change the structure. Characters beyond 0xFF do not occur: a head is latin1 text. */
const KEPT_ENCODED = /[^ -~]|[/\\;?#%]/;
const NEEDS_WORK = /[^ -~]|[%?#]/;
const ESCAPE = /%([0-9A-Fa-f]{2})|[^ -~]|[%?#]/g;

/** Step 3; null when the segment holds a NUL. */
function decodeOnce(segment: string): string | null {
  if (!NEEDS_WORK.test(segment)) return segment;
  if (hasNul(segment)) return null;
  return segment.replace(ESCAPE, (found: string, hex: string | undefined) => {
    const character = hex === undefined ? found : String.fromCharCode(Number.parseInt(hex, 16));
    return KEPT_ENCODED.test(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : character;
  });
}

function hasNul(text: string): boolean {
  return text.includes("\0") || text.includes("%00");
}

function isLoneSurrogate(character: string): boolean {
  return character.length === 1 && character >= "\ud800" && character <= "\udfff";
}
