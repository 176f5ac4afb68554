/** When the next attempt begins, and whether there are too many of them. */

/** How long further attempts wait, in milliseconds. */
export interface Backoff {
  /** The longest wait before the first further attempt. It doubles with each one. */
  readonly baseMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
}

/**
 * The wait before a further attempt: a random part of a time that doubles with each attempt. So the exchanges that failed at the same moment
 * do not all come back at the same moment.
 * @param attempt 1 for the first further attempt
 * @param random at least 0 and below 1
 */
export function backoffMs({ baseMs, maxMs }: Backoff, attempt: number, random: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30)) * random;
}

/**
 * Milliseconds that the field Retry-After (RFC 9110 section 10.2.3) asks for; 0 for a date that has passed; null: there is none, or it is
 * malformed.
 * @param epochMs the time now, in milliseconds since 1970
 */
export function retryAfterMs(value: string | undefined, epochMs: number): number | null {
  if (value === undefined) return null;
  if (/^[0-9]{1,10}$/.test(value)) return Number(value) * 1000;
  const at = /^[A-Z][a-z]{2,8}, /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - epochMs);
}

/** So many further attempts may be under way at once, however few exchanges there are. */
export const RETRIES_AT_ONCE_MIN = 3;

/**
 * Whether one more exchange may try again. The budget keeps further attempts from becoming a multiple of the load when an upstream fails:
 * they are a share of the exchanges in flight.
 * @param retrying exchanges at the upstream that are trying again at the moment
 * @param inFlight all exchanges in flight at it
 * @param budget the share that may try again, 0 to 1
 */
export function withinBudget(retrying: number, inFlight: number, budget: number): boolean {
  return retrying < Math.max(RETRIES_AT_ONCE_MIN, inFlight * budget);
}
