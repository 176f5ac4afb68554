/** How a look-up ended. Failures: there is no such name; a server says that it cannot tell now; no server answered in time. */
export type LookupFailure = "not_found" | "unavailable" | "timeout";

/** An answer is looked up anew when its time to live is over, but not more often than this: a time of 0 is common and means "do not keep". */
const ANSWER_LEAST_MS = 1000;
/** And not later than this: who moves a name waits for it, and a question every ten seconds is no load. */
const ANSWER_MOST_MS = 10_000;

/** After a failure. The wait doubles from the first to the last: a container's name comes into being soon or not at all. */
const RETRY_FIRST_MS = 250;
const RETRY_LAST_MS = 5000;

/** Part of a wait by which it may be shorter, so that the look-ups of many names spread. */
const JITTER = 0.1;

/**
 * How long to wait for the next look-up of a name, whoever needs it: an answer that is looked up before it is asked for makes no
 * request wait.
 * @param last what the last look-up came to: an answer with its time to live, or a failure: the number of failures in a row, this one included
 * @param random evenly spread, at least 0 and below 1
 */
export function nextLookupInMs(last: { readonly ttlMs: number } | { readonly failures: number }, random: number): number {
  const waitMs =
    "ttlMs" in last
      ? Math.min(ANSWER_MOST_MS, Math.max(ANSWER_LEAST_MS, last.ttlMs))
      : Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(last.failures - 1, 16));
  return waitMs * (1 - JITTER * random);
}
