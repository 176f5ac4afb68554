/** Facts about the feature `request_headers` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const requestHeadersFacts = {
  guard: false,
  outcomes: {},
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
