/** Facts about the feature `error_pages` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const errorPagesFacts = {
  guard: false,
  outcomes: {},
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
