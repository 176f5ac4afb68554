/** Facts about the feature `request_id` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const requestIdFacts = {
  guard: false,
  outcomes: {},
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
