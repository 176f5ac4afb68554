/** Facts about the feature `rewrite` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const rewriteFacts = { guard: false, outcomes: {}, counters: {}, events: {} } as const satisfies FeatureFacts;
