/** Facts about the feature `access` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const accessFacts = {
  guard: true,
  outcomes: { access_denied: "403: the client's address is not one that the route's `access` admits." },
  counters: {
    access_denied: {
      metric: "millrace_access_denied_total",
      help: "Requests answered 403 for the client's address.",
      outcomes: ["access_denied"],
    },
  },
  events: {},
} as const satisfies FeatureFacts;
