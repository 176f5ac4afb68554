/**
 * The code of all features that a route may have, for the data plane. The order of the list is the order in which features act on a request,
 * whatever the order of the keys in the file:
 *
 * - `request_id` comes first: every answer carries the id, whoever gives it.
 * - `cors` comes next: a preflight carries no credentials and must be answered whatever the others say.
 * - `access` comes before `rate_limit`: refused clients should use up nothing.
 * - `maintenance` comes before `rate_limit`: who is turned away has used up nothing.
 * - `rate_limit` comes before `authentication`: guesses at tokens are limited too (docs/decisions/0004-order-of-middleware.md).
 * - What edits heads comes after those. `request_headers` and `response_headers` have the last word on the fields that the others add.
 * - `redirect`, `respond` and `files` come after everything else, the user's own middleware included: they answer in the place of an upstream.
 */
import type { Feature } from "../proxy/feature/feature.ts";
import type { FeatureKey } from "./declared.ts";
import { access } from "./access/access.ts";
import { authentication } from "./authentication/authentication.ts";
import { cors } from "./cors/cors.ts";
import { errorPages } from "./error-pages/error-pages.ts";
import { files } from "./files/files.ts";
import { maintenance } from "./maintenance/maintenance.ts";
import { rateLimit } from "./rate-limit/rate-limit.ts";
import { redirect } from "./redirect/redirect.ts";
import { requestHeaders } from "./request-headers/request-headers.ts";
import { requestId } from "./request-id/request-id.ts";
import { respond } from "./respond/respond.ts";
import { responseHeaders } from "./response-headers/response-headers.ts";
import { rewriteCookies } from "./rewrite-cookies/rewrite-cookies.ts";
import { rewriteLocation } from "./rewrite-location/rewrite-location.ts";
import { rewrite } from "./rewrite/rewrite.ts";
import { securityHeaders } from "./security-headers/security-headers.ts";

const features = [
  requestId,
  cors,
  access,
  maintenance,
  rateLimit,
  authentication,
  rewrite,
  errorPages,
  requestHeaders,
  rewriteLocation,
  rewriteCookies,
  securityHeaders,
  responseHeaders,
  redirect,
  respond,
  files,
] as const;

export const FEATURES: Complete<typeof features> = features;

/** Makes the compiler refuse a list that lacks a feature of declared.ts. */
type Complete<List extends readonly Feature[]> =
  Exclude<FeatureKey, List[number]["key"]> extends never ? readonly Feature[] : { missing: Exclude<FeatureKey, List[number]["key"]> };
