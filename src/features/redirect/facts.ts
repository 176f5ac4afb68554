/** Facts about the feature `redirect` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const redirectFacts = {
  guard: true,
  endsRoute: true,
  outcomes: { redirect: "any status: answered by the route's `redirect`." },
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
