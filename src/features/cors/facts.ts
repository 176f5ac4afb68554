/** Facts about the feature `cors` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const corsFacts = {
  // CORS tells browsers what a page may read; it refuses no request.
  guard: false,
  outcomes: { preflight: "204: a CORS preflight." },
  counters: {},
  events: { cors_decision: "Why a cross-origin request got no CORS fields; said only with `cors.debug`." },
} as const satisfies FeatureFacts;
