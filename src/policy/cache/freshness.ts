/** How old a response is and how long it stays fresh (RFC 9111 section 4.2). */
import { parseHttpDate } from "../../http/parse-http-date.ts";
import type { Directives } from "./directives.ts";
import { SECONDS_MAX } from "./directives.ts";

/** The fields that bear on it. Lists are the values of all lines. */
export interface TimeFields {
  readonly age: readonly string[];
  readonly date: readonly string[];
  readonly expires: readonly string[];
  readonly lastModified: readonly string[];
}

/** When the request for a response was sent and when its head came, in milliseconds since 1970. */
export interface Times {
  readonly requestedMs: number;
  readonly receivedMs: number;
}

/** Statuses whose responses may be given a lifetime that their origin does not say (RFC 9110 section 15.1). */
export const HEURISTIC_STATUSES: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);

/** The share of the time since its last change for which a response counts as fresh (section 4.2.2), and the longest. */
const HEURISTIC_SHARE = 0.1;
const HEURISTIC_MS_MAX = 86_400_000;

/** What a configuration says about responses whose origin says nothing. Milliseconds. */
export interface OwnLifetimes {
  /** In the place of the heuristic; null: the heuristic. */
  readonly defaultMs: number | null;
  readonly byStatus: ReadonlyMap<number, number>;
}

/**
 * For how long a response is fresh, in milliseconds from when its origin made it; null: nothing says so, and there is no heuristic for it. What is said and cannot be
 * read says 0.
 * @param isTargeted whether the directives are those of a targeted field, beside which Expires means nothing
 */
export function lifetimeMs(
  status: number,
  fields: TimeFields,
  { directives, isTargeted }: { readonly directives: Directives; readonly isTargeted: boolean },
  { receivedMs }: Times,
  own: OwnLifetimes,
): number | null {
  const { sMaxAge, maxAge } = directives;
  if (sMaxAge !== null) return sMaxAge * 1000;
  if (maxAge !== null) return maxAge * 1000;
  const { expires } = fields;
  if (!isTargeted && expires.length > 0) {
    const at = expires.length === 1 ? looseDate(expires[0] ?? "") : null;
    return at === null ? 0 : Math.max(0, at - madeMs(fields, receivedMs));
  }
  const configured = own.byStatus.get(status) ?? (HEURISTIC_STATUSES.has(status) ? own.defaultMs : null);
  if (configured !== null) return configured;
  const modified = looseDate(fields.lastModified[0] ?? "");
  if (modified === null || !(HEURISTIC_STATUSES.has(status) || directives.isPublic)) return null;
  return Math.min(HEURISTIC_MS_MAX, Math.max(0, (madeMs(fields, receivedMs) - modified) * HEURISTIC_SHARE));
}

/** How old the response was when its head came (section 4.2.3), in milliseconds. */
export function correctedInitialAgeMs(fields: TimeFields, { requestedMs, receivedMs }: Times): number {
  const apparent = Math.max(0, receivedMs - madeMs(fields, receivedMs));
  const corrected = ageMs(fields.age) + Math.max(0, receivedMs - requestedMs);
  return Math.max(apparent, corrected);
}

/** What Age says: the first member of the first line, if it is a number (section 5.1). */
function ageMs([first = ""]: readonly string[]): number {
  const [member = ""] = first.split(",");
  const digits = /^[ \t]*([0-9]+)[ \t]*$/.exec(member)?.[1];
  return digits === undefined ? 0 : Math.min(SECONDS_MAX, Number(digits)) * 1000;
}

/** When the origin made the response; a response without a date was made when it came (RFC 9110 section 6.6.1). */
function madeMs({ date }: TimeFields, receivedMs: number): number {
  return looseDate(date[0] ?? "") ?? receivedMs;
}

/** A date in one of its three forms, in whatever case. */
function looseDate(text: string): number | null {
  return parseHttpDate(text) ?? parseHttpDate(text.replace(/[A-Za-z]+/g, (word) => (/^gmt$/i.test(word) ? "GMT" : capital(word))));
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1).toLowerCase()}`;
}
