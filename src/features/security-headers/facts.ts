/** Facts about the feature `security_headers` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const securityHeadersFacts = {
  guard: false,
  outcomes: {},
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
