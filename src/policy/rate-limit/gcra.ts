/**
 * The decision of a rate limit, by the generic cell rate algorithm: a leaky bucket whose whole state is one time, the theoretical arrival
 * time (TAT), at which the bucket will be full again. `burst` requests pass at once, after that one per emission interval. The bucket
 * refills evenly, so there is no window at whose edge twice as many requests pass.
 *
 * Arithmetic is exact. Times are multiples of 1/1024 ms, and a double holds every such time until the year 2248: sums and
 * differences are never rounded, so a burst of n admits n, not n - 1.
 */

import type { Rate } from "./rate.ts";

/** The result of `decide`, which writes it into an object that the caller reuses. */
export interface RateDecision {
  allowed: boolean;
  /** The TAT to store for the key, whether the request was admitted or not. */
  tatMs: number;
  /** Time until this request would pass; 0 when it was admitted. */
  retryAfterMs: number;
}

/** An object for `decide` to write into. */
export function newRateDecision(): RateDecision {
  return { allowed: false, tatMs: 0, retryAfterMs: 0 };
}

/**
 * Decides whether a request passes, and writes the result into `decision`. A request may cost more than one: then as many as it costs must be left.
 * @param storedTatMs `tatMs` of the last decision for this key; undefined or a time in the past for a full bucket
 * @param nowMs milliseconds, at least 0, of a clock that all threads which share the state read alike
 * @param emissionIntervalMs from `emissionInterval`
 * @param burst requests that pass at once, a whole number of at least 1
 * @param cost how many requests this one counts as, a whole number; above `burst` it never passes
 * @param debtMaxMs how far behind an empty bucket the key may be, because more was counted afterwards (`countedLater`) than was left
 */
export function decide(
  storedTatMs: number | undefined,
  nowMs: number,
  emissionIntervalMs: number,
  burst: number,
  decision: RateDecision,
  cost: number = 1,
  debtMaxMs: number = 0,
): void {
  const now = Math.floor(nowMs * TICKS_PER_MS) / TICKS_PER_MS;
  const capacityMs = burst * emissionIntervalMs;
  let tat = storedTatMs === undefined || storedTatMs < now ? now : storedTatMs;
  // Nothing sets the TAT further ahead than capacity and debt. If it is, the clock was set back or a reload narrowed the limit. Then it counts as
  // that far; otherwise the client would be refused for as long as the clock was set back.
  const aheadMaxMs = capacityMs + debtMaxMs;
  if (tat - now > aheadMaxMs + CLOCK_SLACK_MS) tat = now + aheadMaxMs;
  const next = tat + cost * emissionIntervalMs;
  const spareMs = capacityMs - (next - now);
  if (spareMs >= 0) {
    decision.allowed = true;
    decision.tatMs = next;
    decision.retryAfterMs = 0;
  } else {
    decision.allowed = false;
    decision.tatMs = tat;
    decision.retryAfterMs = -spareMs;
  }
}

/**
 * The TAT of a key after something was counted whatever is left, or given back.
 * @param count how many requests; below 0 they are given back
 * @param debtMaxMs as for `decide`
 */
export function countedLater(
  storedTatMs: number,
  nowMs: number,
  emissionIntervalMs: number,
  burst: number,
  count: number,
  debtMaxMs: number = 0,
): number {
  const now = Math.floor(nowMs * TICKS_PER_MS) / TICKS_PER_MS;
  const tat = Math.max(storedTatMs, now) + count * emissionIntervalMs;
  return Math.max(0, Math.min(tat, now + burst * emissionIntervalMs + debtMaxMs));
}

/** What is left of an allowance. */
export interface Shortage {
  /** How many requests would pass now. */
  readonly remaining: number;
  /** After how many milliseconds one more would; 0: all would pass now. */
  readonly moreAfterMs: number;
}

/** What is left for the key with that TAT. */
export function shortage(storedTatMs: number, nowMs: number, emissionIntervalMs: number, burst: number): Shortage {
  const spareMs = burst * emissionIntervalMs - Math.max(0, storedTatMs - nowMs);
  const remaining = Math.max(0, Math.floor(spareMs / emissionIntervalMs));
  return { remaining, moreAfterMs: remaining >= burst ? 0 : (remaining + 1) * emissionIntervalMs - spareMs };
}

/**
 * Milliseconds between two requests at the steady rate, rounded to a multiple of 1/1024 ms to keep the arithmetic exact. The rounding is at
 * most 0.005 % for rates up to 100 per second, and 2.4 % at 1,000,000 per second.
 * @param requests how many requests may pass in `perMs` milliseconds
 */
export function emissionInterval(requests: number, perMs: number): number {
  return Math.max(1, Math.round((perMs / requests) * TICKS_PER_MS)) / TICKS_PER_MS;
}

/** The same in whole microseconds, for stores that count in them. The rounding is at most 0.005 % for rates up to 100 per second, and none at 1,000,000. */
export function emissionIntervalUs({ requests, windowSeconds }: Rate): number {
  return Math.max(1, Math.round((windowSeconds * 1_000_000) / requests));
}

const TICKS_PER_MS = 1024;

/** How much the clocks of threads may differ. Only a TAT further ahead than that shows that a clock was set back. */
const CLOCK_SLACK_MS = 2_000;
