/**
 * Refuses requests of a client above a rate. The count is exact and shared by all threads: policy/rate-limit/gcra.ts has the rule, and
 * shared/bucket-table.ts the memory. No client waits for another, and nothing is queued.
 */
import { clientKey } from "../../base/client-key.ts";
import { decide, emissionInterval, newRateDecision } from "../../policy/rate-limit/gcra.ts";
import type { RateDecision } from "../../policy/rate-limit/gcra.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import { rateLimitFacts } from "./facts.ts";
import type { RateLimitConfig } from "./schema.ts";

export const rateLimit: Feature<"rate_limit"> = {
  name: "rate-limit",
  key: "rate_limit",
  facts: rateLimitFacts,
  compile: (config, { buckets, workerIndex, route, now }) => rateLimitMiddleware(config, buckets, workerIndex, route.key(), now),
};

/**
 * @param table where the buckets of all threads are
 * @param worker index of this thread
 * @param limiterId names the route's buckets in the table; the same in all threads and after a reload, so that buckets outlive a reload
 * @param now gives milliseconds of a clock that all threads read alike
 */
export function rateLimitMiddleware(
  config: RateLimitConfig,
  table: BucketTable,
  worker: number,
  limiterId: string,
  now: () => number,
): Middleware {
  const { requests_per_minute: perMinute, requests_per_second: perSecond, burst } = config;
  const windowSeconds = perMinute === undefined ? 1 : 60;
  const requests = perMinute ?? perSecond ?? 1;
  const interval = emissionInterval(requests, windowSeconds * 1000);
  const header = config.key.startsWith("header:") ? config.key.slice("header:".length).toLowerCase() : null;
  const keys = table.keysOf(limiterId);
  const policy = `"default";q=${requests};w=${windowSeconds}`;
  const decision = newRateDecision();

  let lastClient = "";
  let lastKey = "";
  /**
   * The key under which a request counts. A request without the header counts by its address, so that leaving the header out is no way
   * around the limit. The first letter tells an address from a header with the same text.
   */
  const keyOf = (exchange: ExchangeView): string => {
    const value = header === null ? undefined : exchange.request.get(header);
    if (value !== undefined) return `h${value}`;
    if (exchange.client !== lastClient) {
      lastClient = exchange.client;
      lastKey = `a${clientKey(exchange.client)}`;
    }
    return lastKey;
  };

  return {
    name: "rate-limit",
    onRequest(exchange) {
      const nowMs = now();
      const tatMs = table.open(keys, keyOf(exchange), nowMs, worker);
      decide(tatMs, nowMs, interval, burst, decision);
      table.close(decision.tatMs, worker);
      return decision.allowed ? null : refusal(decision, policy);
    },
  };
}

/** The RateLimit fields are those of draft-ietf-httpapi-ratelimit-headers: r is how many requests are left, t the seconds until all are back. */
function refusal(decision: RateDecision, policy: string): LocalAnswer {
  const retrySeconds = wholeSeconds(decision.retryAfterMs);
  return {
    status: 429,
    reason: "rate_limited",
    detail: `Too many requests; the next one is welcome in ${retrySeconds} ${retrySeconds === 1 ? "second" : "seconds"}.`,
    fields: [
      ["Retry-After", `${retrySeconds}`],
      ["RateLimit-Policy", policy],
      ["RateLimit", `"default";r=${decision.remaining};t=${wholeSeconds(decision.resetMs)}`],
    ],
  };
}

/** Seconds, rounded up and at least 1, because a client that comes back too early is refused again. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
