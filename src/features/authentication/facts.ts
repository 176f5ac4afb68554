/** Facts about the feature `authentication` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const authenticationFacts = {
  guard: true,
  outcomes: { unauthorized: "401: no token, or a wrong one.", bad_request: "400: `X-API-Key` more than once." },
  counters: {
    unauthorized: {
      metric: "millrace_unauthorized_total",
      help: "Requests answered 401 for a missing or wrong token.",
      outcomes: ["unauthorized"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
