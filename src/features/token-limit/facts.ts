/** Facts about the feature `token_limit` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const tokenLimitFacts = {
  guard: true,
  outcomes: {
    tokens_limited: "429: above the route's limit of tokens per minute.",
    token_limit_unknown:
      "503: the store in which the route's limit of tokens counts did not answer in time, and its `on_failure` is `closed`.",
    token_budget_spent: "429: the budget of tokens for the hour, the day or the month is used up.",
  },
  counters: {
    tokens_limited: {
      metric: "millrace_tokens_limited_total",
      help: "Requests answered 429 by a limit of tokens.",
      outcomes: ["tokens_limited", "token_budget_spent"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
