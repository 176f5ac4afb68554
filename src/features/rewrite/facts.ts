/** Facts about the feature `rewrite` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const rewriteFacts = {
  guard: false,
  outcomes: { bad_rewritten_path: "400: `rewrite.path_regex` would make a path of it with dot segments, or has too much to replace." },
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
