/** Facts about the feature `concurrency_limit` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const concurrencyLimitFacts = {
  guard: true,
  outcomes: {
    concurrency_limited: "429: as many requests of this client are under way as the route's `concurrency_limit` allows.",
    capacity_reached: "503: as many requests to this route or upstream are under way as `concurrency_limit` allows.",
  },
  counters: {
    concurrency_limited: {
      metric: "millrace_concurrency_limited_total",
      help: "Requests refused because too many were under way.",
      outcomes: ["concurrency_limited", "capacity_reached"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
