import type { FeatureNames } from "../../values/feature-names.ts";

export const corsNames = {
  outcomes: { preflight: "204: a CORS preflight." },
  counters: {},
  events: { cors_decision: "Why a cross-origin request got no CORS fields; said only with `cors.debug`." },
} as const satisfies FeatureNames;
