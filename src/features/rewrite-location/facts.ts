/** Facts about the feature `rewrite_location` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const rewriteLocationFacts = { guard: false, outcomes: {}, counters: {}, events: {} } as const satisfies FeatureFacts;
