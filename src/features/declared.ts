/**
 * What the program must know of its features without their code: their keys in a route, in the order of the reference page, and their
 * facts. One line a feature; registry.ts has their code. Data-plane threads do not load this.
 */
import { authenticationDeclaration } from "./authentication/schema.ts";
import { corsDeclaration } from "./cors/schema.ts";
import { rateLimitDeclaration } from "./rate-limit/schema.ts";

export const DECLARED = {
  rate_limit: rateLimitDeclaration,
  cors: corsDeclaration,
  authentication: authenticationDeclaration,
} as const;

export type FeatureKey = keyof typeof DECLARED;

/** The events of the application log that features have. */
export type FeatureEvent = { [Key in FeatureKey]: keyof (typeof DECLARED)[Key]["facts"]["events"] }[FeatureKey];
