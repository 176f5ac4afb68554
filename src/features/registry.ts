/**
 * The features that a route may have, in the order in which they act on a request, whatever the order in the file. CORS comes first: a
 * preflight carries no credentials, and its answer is due whatever the other two say. The limiter stands before the token check, so that
 * guesses at tokens are limited too (docs/decisions/0004-order-of-middleware.md).
 */
import type { Feature } from "../proxy/feature/feature.ts";
import type { FeatureKey } from "./declared.ts";
import { authentication } from "./authentication/authentication.ts";
import { cors } from "./cors/cors.ts";
import { rateLimit } from "./rate-limit/rate-limit.ts";

const features = [cors, rateLimit, authentication] as const;

export const FEATURES: Complete<typeof features> = features;

/** Refused by the compiler where a feature is declared and does not stand in the list. */
type Complete<List extends readonly Feature[]> =
  Exclude<FeatureKey, List[number]["key"]> extends never ? readonly Feature[] : { missing: Exclude<FeatureKey, List[number]["key"]> };
