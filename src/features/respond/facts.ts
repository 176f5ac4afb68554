/** Facts about the feature `respond` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const respondFacts = {
  // A route may answer 403 for what its path protects.
  guard: true,
  endsRoute: true,
  outcomes: { respond: "any status: answered by the route's `respond`." },
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
