/** Facts about the feature `cache` that need none of its code. */
import type { FeatureFacts } from "../../values/feature-facts.ts";

export const cacheFacts = {
  guard: false,
  outcomes: {
    not_cached: "504: the request asks for a stored response only (`Cache-Control: only-if-cached`), and none can be used.",
    cache_range: "416: the stored response has no such bytes.",
  },
  counters: {},
  events: {},
} as const satisfies FeatureFacts;
