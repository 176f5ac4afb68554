/** Facts about the feature `rewrite_cookies` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const rewriteCookiesFacts = { guard: false, outcomes: {}, counters: {}, events: {} } as const satisfies FeatureFacts;
