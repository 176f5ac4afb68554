/**
 * How long to wait before a worker that died is replaced: not at all the first time, so that one bad request costs no capacity; then
 * 100 ms, doubling up to 5 s, while deaths follow each other, so that a fault that comes back at once does not burn a processor.
 */
export interface RestartHistory {
  /** Deaths in a row that came soon after the one before. */
  readonly repeats: number;
  readonly diedAtMs: number;
}

export const NO_RESTARTS: RestartHistory = { repeats: 0, diedAtMs: -Infinity };

/** Deaths further apart than this, beyond the delay itself, are unrelated. */
const RELATED_MS = 10_000;
const FIRST_DELAY_MS = 100;
const DELAY_MAX_MS = 5000;

export function restartDelay(history: RestartHistory, nowMs: number): { readonly delayMs: number; readonly history: RestartHistory } {
  const repeats = nowMs - history.diedAtMs <= RELATED_MS + delayAfter(history.repeats) ? history.repeats + 1 : 0;
  return { delayMs: delayAfter(repeats), history: { repeats, diedAtMs: nowMs } };
}

function delayAfter(repeats: number): number {
  return repeats === 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (repeats - 1), DELAY_MAX_MS);
}
