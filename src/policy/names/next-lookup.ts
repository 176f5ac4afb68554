/** When to look a name up again, after an answer and after a failure. */

/** How a look-up failed: there is no such name; a server says that it cannot answer now; no server answered in time. */
export type LookupFailure = "not_found" | "unavailable" | "timeout";

/** The shortest wait after an answer, whatever its time to live, which is often 0 and means "do not keep". */
const ANSWER_LEAST_MS = 1000;
/** The longest wait after an answer: an operator who moves a name waits for it, and a question every ten seconds is no load. */
const ANSWER_MOST_MS = 10_000;

/** Waits after a failure, which double from the first to the last: the name of a container comes into being soon or not at all. */
const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5000;

/** The part of a wait by which it may be cut short at random, so that the look-ups of many names spread. */
const JITTER = 0.1;

/**
 * How many milliseconds to wait before the next look-up of a name. Names are looked up again whether a request needs them or not, so that
 * no request waits for an answer.
 * @param last the result of the last look-up: the time to live of an answer, or the number of failures in a row, the last one included
 * @param random evenly spread, at least 0 and below 1
 */
export function nextLookupInMs(last: { readonly ttlMs: number } | { readonly failures: number }, random: number): number {
  const waitMs =
    "ttlMs" in last
      ? Math.min(ANSWER_MOST_MS, Math.max(ANSWER_LEAST_MS, last.ttlMs))
      : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(last.failures - 1, 16));
  return waitMs * (1 - JITTER * random);
}
