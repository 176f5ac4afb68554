/**
 * The declarations of all features: their keys in a route with schemas and texts, and their facts. The main thread reads configurations with
 * them. Data-plane threads do not load this file; features.ts has the features' code for them. Made from registry.ts by `npm run docs`.
 */
import { requestIdDeclaration } from "./request-id/schema.ts";
import { corsDeclaration } from "./cors/schema.ts";
import { accessDeclaration } from "./access/schema.ts";
import { maintenanceDeclaration } from "./maintenance/schema.ts";
import { rateLimitDeclaration } from "./rate-limit/schema.ts";
import { concurrencyLimitDeclaration } from "./concurrency-limit/schema.ts";
import { authenticationDeclaration } from "./authentication/schema.ts";
import { requireDeclaration } from "./require/schema.ts";
import { filterDeclaration } from "./filter/schema.ts";
import { validateDeclaration } from "./validate/schema.ts";
import { tokenLimitDeclaration } from "./token-limit/schema.ts";
import { cacheDeclaration } from "./cache/schema.ts";
import { rewriteDeclaration } from "./rewrite/schema.ts";
import { errorPagesDeclaration } from "./error-pages/schema.ts";
import { rewriteLocationDeclaration } from "./rewrite-location/schema.ts";
import { rewriteCookiesDeclaration } from "./rewrite-cookies/schema.ts";
import { securityHeadersDeclaration } from "./security-headers/schema.ts";
import { requestHeadersDeclaration } from "./request-headers/schema.ts";
import { responseHeadersDeclaration } from "./response-headers/schema.ts";
import { compressionDeclaration } from "./compression/schema.ts";
import { redirectDeclaration } from "./redirect/schema.ts";
import { respondDeclaration } from "./respond/schema.ts";
import { filesDeclaration } from "./files/schema.ts";

export const DECLARED = {
  request_id: requestIdDeclaration,
  cors: corsDeclaration,
  access: accessDeclaration,
  maintenance: maintenanceDeclaration,
  rate_limit: rateLimitDeclaration,
  concurrency_limit: concurrencyLimitDeclaration,
  authentication: authenticationDeclaration,
  require: requireDeclaration,
  filter: filterDeclaration,
  validate: validateDeclaration,
  token_limit: tokenLimitDeclaration,
  cache: cacheDeclaration,
  rewrite: rewriteDeclaration,
  error_pages: errorPagesDeclaration,
  rewrite_location: rewriteLocationDeclaration,
  rewrite_cookies: rewriteCookiesDeclaration,
  security_headers: securityHeadersDeclaration,
  request_headers: requestHeadersDeclaration,
  response_headers: responseHeadersDeclaration,
  compression: compressionDeclaration,
  redirect: redirectDeclaration,
  respond: respondDeclaration,
  files: filesDeclaration,
} as const;

export type FeatureKey = keyof typeof DECLARED;

/** The names of the events that features write to the application log. */
export type FeatureEvent = { [Key in FeatureKey]: keyof (typeof DECLARED)[Key]["facts"]["events"] }[FeatureKey];
