/** Reads Cache-Control (RFC 9111 section 5.2) and the fields that stand in its place for some caches (RFC 9213). */

/** What the directives of a message say. Times are in seconds; null: the directive is not there. */
export interface Directives {
  readonly noStore: boolean;
  /** Unqualified; the qualified form is in `noCacheFields`. */
  readonly noCache: boolean;
  /** Names in lower case that `no-cache="..."` has: these fields may not be sent without validation. */
  readonly noCacheFields: readonly string[];
  readonly isPrivate: boolean;
  /** Names in lower case that `private="..."` has: these fields may not be stored. */
  readonly privateFields: readonly string[];
  readonly isPublic: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAge: number | null;
  readonly sMaxAge: number | null;
  readonly minFresh: number | null;
  /** Infinity: however stale. */
  readonly maxStale: number | null;
  /** RFC 5861 section 3. */
  readonly staleWhileRevalidate: number | null;
  /** RFC 5861 section 4. */
  readonly staleIfError: number | null;
}

/** Above it counts as this (section 1.2.2). */
export const SECONDS_MAX = 2_147_483_648;

const MEMBER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:=(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\]|\\.)*)"))?$/s;

/**
 * The directives of all lines of Cache-Control together. Of those that stand there twice the stricter one counts, a time that is no number counts as 0
 * (section 4.2.1), and a member that is no directive is ignored.
 */
export function readCacheControl(values: readonly string[]): Directives {
  const found = new Found();
  for (const member of values.flatMap(membersOf)) {
    const [, name, token, quoted] = MEMBER.exec(member) ?? [];
    if (name !== undefined) found.add(name.toLowerCase(), token ?? quoted?.replace(/\\(.)/gs, "$1"));
  }
  return found;
}

/**
 * The directives that hold for this cache: those of the first of the targeted fields that is there and well formed, which replaces Cache-Control and Expires
 * (RFC 9213 section 2.2).
 * @param targeted names of such fields in lower case, from the most to the least specific
 * @param valuesOf gives the values of the lines with a name in lower case
 */
export function directivesFor(
  valuesOf: (name: string) => readonly string[],
  targeted: readonly string[],
): { readonly directives: Directives; readonly isTargeted: boolean } {
  for (const name of targeted) {
    const values = valuesOf(name);
    const directives = values.length === 0 ? null : readTargeted(values.join(","));
    if (directives !== null) return { directives, isTargeted: true };
  }
  return { directives: readCacheControl(valuesOf("cache-control")), isTargeted: false };
}

/** Texts between commas that stand in no quotes, without white space around them. */
function membersOf(value: string): string[] {
  if (!value.includes('"')) return value.split(",").map((member) => member.trim());
  const members: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < value.length; at++) {
    const unit = value[at];
    if (isQuoted && unit === "\\") at++;
    else if (unit === '"') isQuoted = !isQuoted;
    else if (unit === "," && !isQuoted) {
      members.push(value.slice(start, at).trim());
      start = at + 1;
    }
  }
  members.push(value.slice(start).trim());
  return members;
}

const KEY = /[*a-z][*a-z0-9_.-]*/y;
const ITEM =
  /(?:(-?[0-9]{1,15})(?![0-9.])|-?[0-9]{1,12}\.[0-9]{1,3}|"((?:[ !#-[\]-~]|\\["\\])*)"|([*A-Za-z][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)|:[A-Za-z0-9+/=]*:|\?([01])|@-?[0-9]{1,15})/y;
const PARAMETER = /;[ ]*[*a-z][*a-z0-9_.-]*/y;

/**
 * A dictionary of structured fields (RFC 9651 section 4.2.2) whose members are directives. Null: it is none, or a directive of this cache has a value of
 * another type than it should have; then the field is as good as not there (RFC 9213 section 2.1).
 */
function readTargeted(value: string): Directives | null {
  const found = new Found();
  const last = new Map<string, string | true>();
  let at = skip(value, 0, " ");
  while (at < value.length) {
    const key = matchAt(KEY, value, at);
    if (key === null) return null;
    at += key[0].length;
    let said: string | true = true;
    if (value[at] === "=") {
      if (value[at + 1] === "(") return null;
      const item = matchAt(ITEM, value, at + 1);
      if (item === null) return null;
      at += 1 + item[0].length;
      const [, integer, text, , boolean] = item;
      if (NUMBERS.has(key[0]) ? integer === undefined : FLAGS.has(key[0]) && boolean === undefined) return null;
      if (boolean === "0") said = "?0";
      else said = integer ?? text ?? true;
    } else if (NUMBERS.has(key[0])) return null;
    for (let parameter = matchAt(PARAMETER, value, at); parameter !== null; parameter = matchAt(PARAMETER, value, at)) {
      at += parameter[0].length;
      if (value[at] !== "=") continue;
      const item = matchAt(ITEM, value, at + 1);
      if (item === null) return null;
      at += 1 + item[0].length;
    }
    // Of two members with one key the last one counts.
    last.set(key[0], said);
    at = skip(value, at, " \t");
    if (at >= value.length) break;
    if (value[at] !== ",") return null;
    at = skip(value, at + 1, " \t");
    if (at >= value.length) return null;
  }
  if (last.size === 0) return null;
  for (const [key, said] of last) if (said !== "?0") found.add(key, said === true ? undefined : said);
  return found;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function skip(text: string, from: number, units: string): number {
  let at = from;
  while (at < text.length && units.includes(text[at] ?? "")) at++;
  return at;
}

const NUMBERS: ReadonlySet<string> = new Set(["max-age", "s-maxage", "stale-while-revalidate", "stale-if-error"]);
const FLAGS: ReadonlySet<string> = new Set([
  "no-store",
  "public",
  "must-revalidate",
  "proxy-revalidate",
  "must-understand",
  "no-transform",
]);

class Found implements Directives {
  noStore: boolean = false;
  noCache: boolean = false;
  noCacheFields: readonly string[] = [];
  isPrivate: boolean = false;
  privateFields: readonly string[] = [];
  isPublic: boolean = false;
  mustRevalidate: boolean = false;
  proxyRevalidate: boolean = false;
  mustUnderstand: boolean = false;
  noTransform: boolean = false;
  onlyIfCached: boolean = false;
  maxAge: number | null = null;
  sMaxAge: number | null = null;
  minFresh: number | null = null;
  maxStale: number | null = null;
  staleWhileRevalidate: number | null = null;
  staleIfError: number | null = null;

  /** @param argument undefined: the directive has none */
  add(name: string, argument: string | undefined): void {
    switch (name) {
      case "no-store":
        this.noStore = true;
        break;
      case "no-cache":
        if (hasNames(argument)) this.noCacheFields = [...this.noCacheFields, ...namesIn(argument)];
        else this.noCache = true;
        break;
      case "private":
        if (hasNames(argument)) this.privateFields = [...this.privateFields, ...namesIn(argument)];
        else this.isPrivate = true;
        break;
      case "public":
        this.isPublic = true;
        break;
      case "must-revalidate":
        this.mustRevalidate = true;
        break;
      case "proxy-revalidate":
        this.proxyRevalidate = true;
        break;
      case "must-understand":
        this.mustUnderstand = true;
        break;
      case "no-transform":
        this.noTransform = true;
        break;
      case "only-if-cached":
        this.onlyIfCached = true;
        break;
      case "max-age":
        this.maxAge = least(this.maxAge, secondsOf(argument));
        break;
      case "s-maxage":
        this.sMaxAge = least(this.sMaxAge, secondsOf(argument));
        break;
      case "min-fresh":
        this.minFresh = Math.max(this.minFresh ?? 0, secondsOf(argument));
        break;
      case "max-stale":
        this.maxStale = least(this.maxStale, argument === undefined ? Infinity : secondsOf(argument));
        break;
      case "stale-while-revalidate":
        this.staleWhileRevalidate = least(this.staleWhileRevalidate, secondsOf(argument));
        break;
      case "stale-if-error":
        this.staleIfError = least(this.staleIfError, secondsOf(argument));
        break;
    }
  }
}

function hasNames(argument: string | undefined): argument is string {
  return argument !== undefined && argument.trim() !== "";
}

function namesIn(argument: string): string[] {
  return argument
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}

function least(known: number | null, seconds: number): number {
  return known === null ? seconds : Math.min(known, seconds);
}

/** Delta-seconds (section 1.2.2); 0 where it is none. */
function secondsOf(argument: string | undefined): number {
  return argument !== undefined && /^[0-9]+$/.test(argument) ? Math.min(SECONDS_MAX, Number(argument)) : 0;
}
