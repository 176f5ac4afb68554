/**
 * What the program must know of its features without their code: the main thread reads it, data-plane threads do not load it. One line a
 * feature; registry.ts has their code.
 */
import { authenticationNames } from "./authentication/names.ts";
import { corsNames } from "./cors/names.ts";
import { rateLimitNames } from "./rate-limit/names.ts";

export const DECLARED = {
  rate_limit: { names: rateLimitNames },
  cors: { names: corsNames },
  authentication: { names: authenticationNames },
} as const;

export type FeatureKey = keyof typeof DECLARED;

/** The events of the application log that features have. */
export type FeatureEvent = { [Key in FeatureKey]: keyof (typeof DECLARED)[Key]["names"]["events"] }[FeatureKey];
