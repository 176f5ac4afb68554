/**
 * The decision of a rate limit, by the generic cell rate algorithm: a leaky bucket whose whole state is one time, the theoretical arrival
 * time (TAT), at which the bucket will be full again. `burst` requests pass at once, after that one per emission interval. The bucket
 * refills evenly, so there is no window at whose edge twice as many requests pass.
 *
 * Arithmetic is exact. Times are multiples of 1/1024 ms, and a double holds every such time until the year 2248: sums and
 * differences are never rounded, so a burst of n admits n, not n - 1.
 */

/** The result of `decide`, which writes it into an object that the caller reuses. */
export interface RateDecision {
  allowed: boolean;
  /** The TAT to store for the key, whether the request was admitted or not. */
  tatMs: number;
  /** How many more requests would pass now. */
  remaining: number;
  /** Time until one more request passes; 0 when this request was admitted. */
  retryAfterMs: number;
  /** Time until the bucket is full again. */
  resetMs: number;
}

/** An object for `decide` to write into. */
export function newRateDecision(): RateDecision {
  return { allowed: false, tatMs: 0, remaining: 0, retryAfterMs: 0, resetMs: 0 };
}

/**
 * Decides whether a request passes, and writes the result into `decision`.
 * @param storedTatMs `tatMs` of the last decision for this key; undefined or a time in the past for a full bucket
 * @param nowMs milliseconds, at least 0, of a clock that all threads which share the state read alike
 * @param emissionIntervalMs from `emissionInterval`
 * @param burst requests that pass at once, a whole number of at least 1
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
  // No decision sets the TAT further ahead than the capacity. If it is, the clock was set back or a reload narrowed the limit. Then the
  // bucket counts as empty; otherwise the client would be refused for as long as the clock was set back.
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
 * Milliseconds between two requests at the steady rate, rounded to a multiple of 1/1024 ms to keep the arithmetic exact. The rounding is at
 * most 0.005 % for rates up to 100 per second, and 2.4 % at 1,000,000 per second.
 * @param requests how many requests may pass in `perMs` milliseconds
 */
export function emissionInterval(requests: number, perMs: number): number {
  return Math.max(1, Math.round((perMs / requests) * TICKS_PER_MS)) / TICKS_PER_MS;
}

const TICKS_PER_MS = 1024;

/** How much the clocks of threads may differ. Only a TAT further ahead than that shows that a clock was set back. */
const CLOCK_SLACK_MS = 2_000;
