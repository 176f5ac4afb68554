/**
 * Decides how long to wait before a worker that died is replaced.
 *
 * The first time there is no delay, so that one bad request costs no capacity. While deaths follow each other closely, the delay is
 * 100 ms, then doubles up to 5 s, so that a fault that returns at once does not use up a processor.
 */

/** The earlier deaths of one worker. */
export interface RestartHistory {
  /** How many deaths in a row came soon after the one before. */
  readonly repeats: number;
  readonly diedAtMs: number;
}

export const NO_RESTARTS: RestartHistory = { repeats: 0, diedAtMs: -Infinity };

/** Deaths that are further apart than this plus the delay are unrelated. */
const RELATED_MS = 10_000;
const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 5000;

/** The delay after a death at `nowMs`, and the history to pass at the next one. */
export function restartDelay(history: RestartHistory, nowMs: number): { readonly delayMs: number; readonly history: RestartHistory } {
  const repeats = nowMs - history.diedAtMs <= RELATED_MS + delayAfter(history.repeats) ? history.repeats + 1 : 0;
  return { delayMs: delayAfter(repeats), history: { repeats, diedAtMs: nowMs } };
}

function delayAfter(repeats: number): number {
  return repeats === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (repeats - 1), DELAY_MAX_MS);
}
