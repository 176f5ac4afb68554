/**
 * The canonical path, for matching only: the path that the client spelled is the one that is forwarded (RFC 9110 section 7.7).
 *
 * The rule, in this order:
 * 1. `/` separates segments; empty ones are dropped ("//" is "/").
 * 2. A segment ends at its first `;`: parameters (RFC 3986 section 3.3) are not compared.
 * 3. `%XX` is decoded once. These stay encoded, in upper-case hex, for decoded they would change the structure or be
 *    misread: controls, DEL, bytes from 0x80, and `/ \ ; ? # %`. Such bytes that came unencoded are encoded. A `%` without two
 *    hex digits behind it is data and becomes `%25` (RFC 3986 section 2.4).
 * 4. `.` and `..` are resolved (RFC 3986 section 5.2.4); nothing climbs over the root.
 *
 * Origins differ in what they make of a path, and the proxy cannot know which one it has before it. So a path may have further readings
 * (`otherReadings`, `referenceReadings`), and nobody takes it where these lead elsewhere (match.ts). Where even those would be guesses,
 * it is refused, as null, and the answer is 400 (RFC 9112 section 3). Honest clients need none of it, for URL parsers resolve dot
 * segments themselves:
 * - NUL, encoded or not: it ends the path for origins written in C;
 * - a dot segment that does not stand plainly between slashes: `%2e%2e`, `..;x`, `..%2f`, `..\`;
 * - `..` behind a segment that counts for one or for none, which is an empty one or one of parameters only;
 * - an encoded slash behind a `;` in one segment: it ends the parameter or is a part of it;
 * - overlong UTF-8 (`%c0%af`) and `%u002f`, which some decoders still take for what they hide; what is encoded over and over;
 * - more segments or encoded structure than is ever needed, in a path that must be read several times;
 * - what does not begin with `/` and is not the `*` of OPTIONS.
 *
 * Case counts. Everything is linear in the length of the path.
 */
export function normalizePath(path: string): string | null {
  if (isCanonical(path)) return path;
  return path.charCodeAt(0) === SLASH && isReadable(path) ? read(decodedOnce(path), null, true) : null;
}

/**
 * The further readings of a path whose canonical form is `canonical`, in canonical form and different from it; hardly any path has one:
 * - encoded slashes and backslashes, and plain backslashes, as separators;
 * - encoded more than once, or with an encoded `;`, `?` or `#`: as an origin behind another decoder gets it;
 * - dot segments as names, which is what origins see that compare paths as they stand.
 */
export function otherReadings(path: string, canonical: string): readonly string[] {
  return path === canonical && !canonical.includes("%") ? NONE : readingsOf(path, canonical, (form) => form);
}

/**
 * The same of origins whose URL parser resolves the target as a reference (RFC 3986 section 4.2): "//host/path" is `/path` to them. The
 * authority ends at a slash, and for those that follow browsers (URL standard, section 4.4) at a backslash as well. They are apart because such a path is honest more often than not (match.ts): its client has appended `/path` to a URL that ends in
 * a slash.
 */
export function referenceReadings(path: string, canonical: string): readonly string[] {
  if (!LIKE_AUTHORITY.test(path)) return NONE;
  const both = [...readingsOf(path, canonical, withoutAuthority), ...readingsOf(path, canonical, withoutBrowsersAuthority)];
  return [...new Set(both)];
}

/** The canonical form of a path out of the configuration, which is Unicode text: its UTF-8 bytes are compared. */
export function normalizePattern(path: string): string | null {
  return normalizePath(
    path.replace(/[^\0-\x7f]/gu, (character) => (isLoneSurrogate(character) ? "%EF%BF%BD" : encodeURIComponent(character))),
  );
}

const NONE: readonly string[] = [];
const SLASH = 0x2f;

/** True for nearly every path that browsers send: one search, nothing allocated. */
function isCanonical(path: string): boolean {
  return path.charCodeAt(0) === SLASH ? !UNUSUAL.test(path) : path === "*";
}

/** What is encoded, takes part in an encoding or a parameter, or may be a dot segment or an empty one. */
const UNUSUAL = /[^ -$&-:<-[\]-~]|\/[/.]/;

/** In a path that is read more than once. Real ones have a dozen segments. */
const SEGMENTS_MAX = 256;
/** Encoded slashes, percent signs and the like. A URL that is carried encoded twice has some. */
const MARKS_MAX = 128;
const MARKS = /\\|%(?:2f|5c|25|3b|3f|23)|%(?![0-9a-f]{2})/gi;

/** Whether the path has readings at all; see above for what has none. */
function isReadable(path: string): boolean {
  const segments = path.slice(1).split("/");
  if (segments.length > SEGMENTS_MAX || (path.match(MARKS)?.length ?? 0) > MARKS_MAX) return false;
  let counted = true;
  for (const segment of segments) {
    if (segment === "..") {
      if (!counted) return false;
      continue;
    }
    if (segment === "") counted = false;
    if (!SPECIAL.test(segment)) continue;
    const decoded = decodedFully(segment);
    if (ENCODED.test(decoded) || HIDING.test(decoded)) return false;
    if (decoded.split(/[/\\]/).some((piece) => DOTS.test(piece))) return false;
    const parameters = decoded.indexOf(";");
    if (parameters >= 0 && /[/\\]/.test(decoded.slice(parameters))) return false;
    if (parameters === 0) counted = false;
  }
  return true;
}

/** What may stand for something else. */
const SPECIAL = /[%;?#\\]|[^ -~]/;
/** A dot segment, with or without parameters or what may be taken for a query. */
const DOTS = /^\.{1,2}(?:[;?#]|$)/;
/** NUL, what only old decoders decode, and UTF-8 that takes more bytes than its character needs (RFC 3629 section 3). */
const HIDING = /\0|%u[0-9A-Fa-f]{4}|[\xc0\xc1][\x80-\xbf]|\xe0[\x80-\x9f][\x80-\xbf]|\xf0[\x80-\x8f][\x80-\xbf]/i;
const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/;

const LIKE_AUTHORITY = /^\/[/\\]/;
const AUTHORITY = /^\/\/[^/]*/;
const BROWSERS_AUTHORITY = /^(?:\/|%5C)+(?:[^/%]|%(?!5C))*/;
const FIRST_SEPARATOR = /^(?:\/|%5C)/;

function withoutAuthority(form: string): string {
  return form.replace(AUTHORITY, "") || "/";
}

function withoutBrowsersAuthority(form: string): string {
  return `/${form.replace(BROWSERS_AUTHORITY, "").replace(FIRST_SEPARATOR, "")}`;
}

/** All but the canonical one; `shownOf` tells what the origin has left of a form. */
function readingsOf(path: string, canonical: string, shownOf: (form: string) => string): readonly string[] {
  const hasDots = DOT_SEGMENT.test(path);
  const readings = new Set<string>();
  for (const [form, separators] of formsOf(path)) {
    const shown = shownOf(form);
    readings.add(read(shown, separators, true));
    if (hasDots) readings.add(read(shown, separators, false));
  }
  readings.delete(canonical);
  return [...readings];
}

/** What separates segments beside a slash; null: nothing. */
type Separators = RegExp | null;

/** The path with everything decoded that can be, and what then separates its segments: one pair for each kind of origin. */
function formsOf(path: string): [form: string, separators: Separators][] {
  const once = decodedOnce(path);
  const [slash, backslash] = [once.includes("%2F"), once.includes("%5C")];
  const forms: [string, Separators][] = [[once, null]];
  if (slash) forms.push([once, /%2F/]);
  if (backslash) forms.push([once, /%5C/]);
  if (slash && backslash) forms.push([once, /%2F|%5C/]);
  const deeply = path.split("/").map(decodedDeeply).join("/");
  const query = deeply.search(/%(?:3F|23)/);
  if (deeply === once && query < 0) return forms;
  for (const shown of query < 0 ? [deeply] : [deeply, deeply.slice(0, query)]) forms.push([shown, /%2F/], [shown, /%2F|%5C/]);
  return forms;
}

/** Steps 1, 2 and 4 of the rule on a path that is decoded. */
function read(form: string, separators: Separators, resolveDots: boolean): string {
  const kept: string[] = [];
  let endsInSlash = true;
  for (const segment of form.slice(1).split("/")) {
    const isDots = resolveDots && (segment === "." || segment === "..");
    if (isDots && segment === "..") kept.pop();
    if (isDots) endsInSlash = true;
    else if (separators === null || !segment.includes("%")) endsInSlash = !keep(kept, segment);
    else for (const piece of segment.split(separators)) endsInSlash = !keep(kept, piece);
  }
  if (kept.length === 0) return "/";
  // The last segment decides whether the path ends in a slash: "/a/" and "/a/." do, "/a" does not.
  return `/${kept.join("/")}${endsInSlash ? "/" : ""}`;
}

/** False: without its parameters nothing is left of the segment. */
function keep(kept: string[], segment: string): boolean {
  const end = segment.indexOf(";");
  if (end === 0 || segment === "") return false;
  kept.push(end < 0 ? segment : segment.slice(0, end));
  return true;
}

/** Step 3 of the rule, with `;` left as it came. Characters beyond 0xFF do not occur: a head is latin1 text. */
function decodedOnce(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})|[^ -~]|[%?#\\]/g, canonicalCharacter);
}

/** A segment as the most eager of decoders reads it; what was a slash there stands as `%2F`. */
function decodedDeeply(segment: string): string {
  return SPECIAL.test(segment) ? decodedFully(segment).replace(/[^ -~]|[%?#\\/]/g, canonicalCharacter) : segment;
}

function canonicalCharacter(found: string, hex: unknown): string {
  const character = typeof hex === "string" ? decodedCharacter(found, hex) : found;
  return KEPT_ENCODED.test(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : character;
}

const KEPT_ENCODED = /[^ -~]|[/\\;?#%]/;

/** Decoded until nothing is left to decode; what takes more rounds than any honest path stays as it is then. */
function decodedFully(segment: string): string {
  let text = segment;
  for (let round = 0; round < ROUNDS_MAX && ENCODED.test(text); round++) {
    text = text.replace(/%(?:25)*([0-9A-Fa-f]{2})/g, decodedCharacter);
  }
  return text;
}

const ENCODED = /%[0-9A-Fa-f]{2}/;
const ROUNDS_MAX = 3;

function decodedCharacter(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}

function isLoneSurrogate(character: string): boolean {
  return character.length === 1 && character >= "\ud800" && character <= "\udfff";
}
