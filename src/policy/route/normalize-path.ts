/**
 * Brings the path of a request into a canonical form, so that all spellings of a path meet the same route. The form is used for matching
 * only: what is forwarded is the path as the client spelled it (RFC 9110 section 7.7).
 *
 * The rule, in this order:
 * 1. `/` separates segments; empty ones are dropped ("//" is "/").
 * 2. A segment ends at its first `;`: parameters (RFC 3986 section 3.3) are not compared.
 * 3. `%XX` is decoded once. Some bytes stay encoded, in upper-case hex, because decoded they would change the structure or be
 *    misread: controls, DEL, bytes from 0x80, and `/ \ ; ? # %`. Such bytes that came unencoded are encoded. A `%` that two
 *    hex digits do not follow is data and becomes `%25` (RFC 3986 section 2.4).
 * 4. `.` and `..` are resolved (RFC 3986 section 5.2.4); nothing climbs over the root.
 *
 * Origin servers differ in how they read a path, and the proxy cannot know which kind it has before it. So a path may have further readings
 * (`otherReadings`, `referenceReadings`), and no route takes it when these lead to another route (match.ts). Where even the readings would
 * be guesses, `normalizePath` gives null, and the answer is 400 (RFC 9112 section 3). Honest clients send no such path, because URL parsers
 * resolve dot segments themselves:
 * - NUL, encoded or not: origin servers written in C end the path there;
 * - a dot segment that does not stand plainly between slashes: `%2e%2e`, `..;x`, `..%2f`, `..\`;
 * - `..` after an empty segment or one that consists of parameters: some count such a segment, others do not;
 * - an encoded slash after a `;` in one segment: it may end the parameter or belong to it;
 * - overlong UTF-8 (`%c0%af`) and `%u002f`, which some decoders still decode; bytes that are encoded many times over;
 * - more segments or encoded separators than is ever needed, in a path that must be read several times;
 * - a path that does not begin with `/` and is not the `*` of OPTIONS.
 *
 * Case counts. Everything is linear in the length of the path.
 */
export function normalizePath(path: string): string | null {
  if (isCanonical(path)) return path;
  return path.charCodeAt(0) === SLASH && isReadable(path) ? read(decodedOnce(path), null, true) : null;
}

/**
 * The readings of a path other than its canonical form `canonical`, each in canonical form. Hardly any path has one. They come of
 * - encoded slashes and backslashes, and plain backslashes, read as separators;
 * - bytes encoded more than once, and an encoded `;`, `?` or `#`, read as by an origin server that gets the path decoded already;
 * - dot segments read as names, as by origin servers that compare paths without resolving them.
 */
export function otherReadings(path: string, canonical: string): readonly string[] {
  return path === canonical && !canonical.includes("%") ? NONE : readingsOf(path, canonical, (form) => form);
}

/**
 * The readings of a path by origin servers whose URL parser resolves the target as a reference (RFC 3986 section 4.2): to them "//host/path"
 * is `/path`. The authority ends at a slash, and for parsers that follow browsers (URL standard, section 4.4) at a backslash too. These
 * readings have a function of their own because such a path is mostly honest, and match.ts is more lenient with it: the client has appended
 * `/path` to a base URL that ends in a slash.
 */
export function referenceReadings(path: string, canonical: string): readonly string[] {
  if (!LIKE_AUTHORITY.test(path)) return NONE;
  const both = [...readingsOf(path, canonical, withoutAuthority), ...readingsOf(path, canonical, withoutBrowsersAuthority)];
  return [...new Set(both)];
}

/** The canonical form of a path from the configuration, which is Unicode text and is compared by its UTF-8 bytes. Null as `normalizePath`. */
export function normalizePattern(path: string): string | null {
  return normalizePath(
    path.replace(/[^\0-\x7f]/gu, (character) => (isLoneSurrogate(character) ? "%EF%BF%BD" : encodeURIComponent(character))),
  );
}

/** The canonical form of one segment, dot segments included, by steps 2 and 3 of the rule. "": it does not count. */
export function canonicalSegment(segment: string): string {
  const decoded = decodedOnce(segment);
  const end = decoded.indexOf(";");
  return end < 0 ? decoded : decoded.slice(0, end);
}

const NONE: readonly string[] = [];
const SLASH = 0x2f;

/** True for nearly every path that browsers send: one search, nothing allocated. */
export function isCanonical(path: string): boolean {
  return path.charCodeAt(0) === SLASH ? !UNUSUAL.test(path) : path === "*";
}

/** Characters that are or may begin an escape, a parameter or a separator, and the beginning of a dot segment or an empty segment. */
const UNUSUAL = /[^ -$&-:<-[\]-~]|\/[/.]/;

/** The most segments of a path that must be read more than once. Real paths have a dozen. */
const SEGMENTS_MAX = 256;
/** The most encoded slashes, percent signs and the like. A path that contains a URL encoded twice has some. */
const MARKS_MAX = 128;
const MARKS = /\\|%(?:2f|5c|25|3b|3f|23)|%(?![0-9a-f]{2})/gi;

/** Whether the path can be read at all. The header of this file lists what cannot. */
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

/** Characters by which a segment may stand for another one. */
const SPECIAL = /[%;?#\\]|[^ -~]/;
/** A dot segment, with or without parameters, or followed by what may be read as a query. */
const DOTS = /^\.{1,2}(?:[;?#]|$)/;
/** NUL, `%uXXXX`, which only old decoders decode, and UTF-8 with more bytes than its character needs (RFC 3629 section 3). */
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

/** All readings but the canonical one. `shownOf` gives the part of the path that such an origin server looks at. */
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

/** What separates segments besides a slash; null for nothing else. */
type Separators = RegExp | null;

/** For each kind of origin server: the path as that kind decodes it, and what separates its segments then. */
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

/** Applies steps 1, 2 and 4 of the rule to a decoded path. */
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

/** Appends a segment without its parameters to `kept`; false when nothing is left of it. */
function keep(kept: string[], segment: string): boolean {
  const end = segment.indexOf(";");
  if (end === 0 || segment === "") return false;
  kept.push(end < 0 ? segment : segment.slice(0, end));
  return true;
}

/** Applies step 3 of the rule, but leaves `;` as it came. Characters above 0xFF do not occur, because a head is latin1 text. */
function decodedOnce(path: string): string {
  return path.replace(/%([0-9A-Fa-f]{2})|[^ -~]|[%?#\\]/g, canonicalCharacter);
}

/** A segment decoded as often as possible. A decoded slash is written as `%2F`, to tell it from a separator. */
function decodedDeeply(segment: string): string {
  return SPECIAL.test(segment) ? decodedFully(segment).replace(/[^ -~]|[%?#\\/]/g, canonicalCharacter) : segment;
}

function canonicalCharacter(found: string, hex: unknown): string {
  const character = typeof hex === "string" ? decodedCharacter(found, hex) : found;
  return KEPT_ENCODED.test(character) ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}` : character;
}

const KEPT_ENCODED = /[^ -~]|[/\\;?#%]/;

/** A segment decoded until nothing is left to decode, but in at most ROUNDS_MAX rounds, which is more than an honest path needs. */
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
