/** When to probe an endpoint: for the first time, until it has passed a probe, and from then on. All times are milliseconds. */

/** The part of the interval by which a probe comes earlier or later at random, so that the probes of many endpoints and proxies spread. */
const JITTER = 0.1;

/** Time between the first probes of two endpoints that begin together. */
const FIRST_STEP_MS = 2;
/** Time within which all endpoints that begin together have been probed once, however many they are. */
const FIRST_ROUND_MS = 2000;

/** The first interval of an endpoint that has not passed a probe yet. */
const UNPROVEN_FIRST_MS = 250;
/**
 * Its later intervals, as a part of the time since its first probe: an application that takes a minute to start is found at most four
 * seconds late.
 */
const UNPROVEN_PART = 1 / 16;

/** The wait before the first probe of the `index`th of `count` endpoints that begin together. */
export function firstProbeInMs(index: number, count: number): number {
  return index * Math.min(FIRST_STEP_MS, FIRST_ROUND_MS / count);
}

/**
 * The interval between probes of an endpoint that has not passed one yet. It begins short and grows up to the configured interval, so that
 * an application that starts together with the proxy is found soon, and one that never starts costs little.
 * @param sinceFirstMs time since the endpoint's first probe began
 * @param count how many endpoints are probed; the interval grows with them, because perhaps none of them has started
 * @param intervalMs the configured interval
 */
export function unprovenIntervalMs(sinceFirstMs: number, count: number, intervalMs: number): number {
  return Math.min(intervalMs, Math.max(UNPROVEN_FIRST_MS, count * FIRST_STEP_MS, sinceFirstMs * UNPROVEN_PART));
}

/**
 * When to begin the next probe of an endpoint, on the same clock as the arguments.
 * @param previousStartMs when the previous probe began
 * @param nowMs when the previous probe ended; if it took longer than the interval, the next one follows at once, so probes never overlap
 * @param intervalMs from the start of a probe to the start of the next
 * @param random evenly spread, at least 0 and below 1
 */
export function nextProbeAtMs(previousStartMs: number, nowMs: number, intervalMs: number, random: number): number {
  return Math.max(nowMs, previousStartMs + intervalMs * (1 - JITTER + 2 * JITTER * random));
}
