/** Part of the interval by which a probe comes earlier or later, so that probes of many endpoints and proxies spread. */
const JITTER = 0.1;

/**
 * When to begin the next probe of an endpoint.
 * @param previousStartMs when the previous one began; null: there was none, and the first is due at once
 * @param nowMs same time base; a probe that took longer than the interval is followed at once, never overlapped
 * @param intervalMs from start to start
 * @param random evenly spread, at least 0 and below 1
 */
export function nextProbeAtMs(previousStartMs: number | null, nowMs: number, intervalMs: number, random: number): number {
  if (previousStartMs === null) return nowMs;
  return Math.max(nowMs, previousStartMs + intervalMs * (1 - JITTER + 2 * JITTER * random));
}
