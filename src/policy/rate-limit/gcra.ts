/**
 * The generic cell rate algorithm: a leaky bucket whose whole state is one time, the theoretical arrival time (TAT), at which the
 * bucket will be full again. `burst` requests pass at once, after that one per emission interval; the bucket refills evenly, so
 * there is no window at whose edge twice as many pass.
 *
 * Arithmetic is exact. Times are multiples of 1/1024 ms, and a double holds every such time until the year 2248: sums and
 * differences never round, so a burst of n admits n, not n - 1.
 */

/** A decision, written into a reused object. */
export interface RateDecision {
  allowed: boolean;
  /** What to store, whether the request was admitted or not. */
  tatMs: number;
  /** Requests that would still pass at this moment. */
  remaining: number;
  /** Until one more request passes; 0 when the request was admitted. */
  retryAfterMs: number;
  /** Until the bucket is full again. */
  resetMs: number;
}

export function newRateDecision(): RateDecision {
  return { allowed: false, tatMs: 0, remaining: 0, retryAfterMs: 0, resetMs: 0 };
}

/**
 * @param storedTatMs what the last decision for this key left behind; undefined, or any time that has passed: nothing
 * @param nowMs milliseconds, at least 0, of a clock that all threads which share the state read alike
 * @param emissionIntervalMs from `emissionInterval`
 * @param burst requests that pass at once, a whole number of at least 1
 * @param decision where the result is written
 */
export function decide(
  storedTatMs: number | undefined,
  nowMs: number,
  emissionIntervalMs: number,
  burst: number,
  decision: RateDecision,
): void {
  const now = Math.floor(nowMs * TICKS_PER_MS) / TICKS_PER_MS;
  const capacityMs = burst * emissionIntervalMs;
  let tat = storedTatMs === undefined || storedTatMs < now ? now : storedTatMs;
  // No decision leads further ahead than the capacity. If the TAT is, the clock was set back or the limit was narrowed by a
  // reload: then the bucket counts as empty, or the client would stay out for as long as the clock went back.
  if (tat - now > capacityMs + CLOCK_SLACK_MS) tat = now + capacityMs;
  const next = tat + emissionIntervalMs;
  const spareMs = capacityMs - (next - now);
  if (spareMs >= 0) {
    decision.allowed = true;
    decision.tatMs = next;
    decision.remaining = Math.floor(spareMs / emissionIntervalMs);
    decision.retryAfterMs = 0;
    decision.resetMs = next - now;
  } else {
    decision.allowed = false;
    decision.tatMs = tat;
    decision.remaining = 0;
    decision.retryAfterMs = -spareMs;
    decision.resetMs = tat - now;
  }
}

/**
 * Milliseconds between two requests at the steady rate, rounded to what keeps the arithmetic exact: by at most 0.005 % for
 * rates up to 100 in a second, by 2.4 % at 1,000,000 in a second.
 */
export function emissionInterval(requests: number, perMs: number): number {
  return Math.max(1, Math.round((perMs / requests) * TICKS_PER_MS)) / TICKS_PER_MS;
}

const TICKS_PER_MS = 1024;

/** Clocks of threads may differ by this much before a TAT is taken for a sign of a clock that was set back. */
const CLOCK_SLACK_MS = 2_000;
