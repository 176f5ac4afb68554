/** Facts about the feature `rate_limit` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const rateLimitFacts = {
  guard: true,
  outcomes: {
    rate_limited: "429: above the route's rate limit.",
    rate_limit_unknown: "503: the store in which the route's rate limit counts did not answer in time, and its `on_failure` is `closed`.",
  },
  counters: {
    rate_limited: {
      metric: "millrace_rate_limited_total",
      help: "Requests answered 429 by a rate limit.",
      outcomes: ["rate_limited"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
