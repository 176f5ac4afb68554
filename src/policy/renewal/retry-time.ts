/** When an order that came to nothing is tried again. */

const MINUTE_MS = 60_000;
/**
 * Pauses after the first failure, the second, and so on. Four tries in the first hour: Let's Encrypt refuses a name for an hour after five failed
 * validations.
 */
const PAUSES_MS: readonly number[] = [2, 10, 30, 60, 180, 360].map((minutes) => minutes * MINUTE_MS);
/** The longest pause when the process has just been started: whoever has repaired something and starts it again does not want to wait for hours. */
const PAUSE_AFTER_START_MS = 15 * MINUTE_MS;
const SPREAD = 1 / 10;

/** What is known of the tries so far. */
export interface Failures {
  /** How many there were since the last success. */
  readonly count: number;
  /** When the last one was, epoch milliseconds. */
  readonly lastMs: number;
  /** Before this time the authority does not want to be asked, epoch milliseconds; 0: it has not said so. */
  readonly notBeforeMs: number;
}

export const NO_FAILURES: Failures = { count: 0, lastMs: 0, notBeforeMs: 0 };

export function failedAgain(failures: Failures, now: number, retryAfterMs: number | null): Failures {
  return { count: failures.count + 1, lastMs: now, notBeforeMs: retryAfterMs === null ? 0 : now + retryAfterMs };
}

/**
 * The time of the next try, epoch milliseconds; it may be in the past.
 * @param random at least 0 and below 1
 * @param hasJustStarted whether the process knows the failures only from an earlier run
 */
export function retryTime({ count, lastMs, notBeforeMs }: Failures, random: number, hasJustStarted: boolean = false): number {
  if (count === 0) return 0;
  const usual = PAUSES_MS[Math.min(count, PAUSES_MS.length) - 1] ?? 0;
  const pause = (hasJustStarted ? Math.min(usual, PAUSE_AFTER_START_MS) : usual) * (1 + SPREAD * random);
  return Math.round(Math.max(lastMs + pause, notBeforeMs));
}
