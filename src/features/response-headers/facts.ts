/** Facts about the feature `response_headers` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const responseHeadersFacts = {
  guard: false,
  outcomes: {},
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
