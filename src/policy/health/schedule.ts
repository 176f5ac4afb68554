/** Part of the interval by which a probe comes earlier or later, so that probes of many endpoints and proxies spread. */
const JITTER = 0.1;

/** From the first probe of one endpoint to that of the next, where several begin together. */
const FIRST_STEP_MS = 2;
/** Within this time the first probe of each of them has begun, however many they are. */
const FIRST_ROUND_MS = 2000;

/** The interval at first, while an endpoint has not passed a probe yet. */
const UNPROVEN_FIRST_MS = 250;
/** The interval later, as a part of the time since its first probe: an application that takes a minute to start is found four seconds late at most. */
const UNPROVEN_PART = 1 / 16;

/** After how many milliseconds the first probe of an endpoint is due: the `index`th of `count` that begin together. */
export function firstProbeInMs(index: number, count: number): number {
  return index * Math.min(FIRST_STEP_MS, FIRST_ROUND_MS / count);
}

/**
 * The interval while an endpoint has not passed a probe yet. It begins short and grows up to the configured one, so that an application
 * that starts together with the proxy is found soon, and one that never starts costs little.
 * @param sinceFirstMs since its first probe began
 * @param count endpoints that are probed, all of which may not have started
 */
export function unprovenIntervalMs(sinceFirstMs: number, count: number, intervalMs: number): number {
  return Math.min(intervalMs, Math.max(UNPROVEN_FIRST_MS, count * FIRST_STEP_MS, sinceFirstMs * UNPROVEN_PART));
}

/**
 * When to begin the next probe of an endpoint.
 * @param previousStartMs when the previous one began
 * @param nowMs same time base; a probe that took longer than the interval is followed at once, never overlapped
 * @param intervalMs from start to start
 * @param random evenly spread, at least 0 and below 1
 */
export function nextProbeAtMs(previousStartMs: number, nowMs: number, intervalMs: number, random: number): number {
  return Math.max(nowMs, previousStartMs + intervalMs * (1 - JITTER + 2 * JITTER * random));
}
