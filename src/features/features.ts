/** The code of all features, for the data plane, in the order in which they act. Made from registry.ts by `npm run docs`. */
import type { Feature } from "../proxy/feature/feature.ts";
import { requestId } from "./request-id/request-id.ts";
import { cors } from "./cors/cors.ts";
import { access } from "./access/access.ts";
import { maintenance } from "./maintenance/maintenance.ts";
import { rateLimit } from "./rate-limit/rate-limit.ts";
import { concurrencyLimit } from "./concurrency-limit/concurrency-limit.ts";
import { authentication } from "./authentication/authentication.ts";
import { require } from "./require/require.ts";
import { filter } from "./filter/filter.ts";
import { validate } from "./validate/validate.ts";
import { tokenLimit } from "./token-limit/token-limit.ts";
import { cache } from "./cache/cache.ts";
import { rewrite } from "./rewrite/rewrite.ts";
import { errorPages } from "./error-pages/error-pages.ts";
import { rewriteLocation } from "./rewrite-location/rewrite-location.ts";
import { rewriteCookies } from "./rewrite-cookies/rewrite-cookies.ts";
import { securityHeaders } from "./security-headers/security-headers.ts";
import { requestHeaders } from "./request-headers/request-headers.ts";
import { responseHeaders } from "./response-headers/response-headers.ts";
import { compression } from "./compression/compression.ts";
import { redirect } from "./redirect/redirect.ts";
import { respond } from "./respond/respond.ts";
import { files } from "./files/files.ts";

export const FEATURES: readonly Feature[] = [
  requestId,
  cors,
  access,
  maintenance,
  rateLimit,
  concurrencyLimit,
  authentication,
  require,
  filter,
  validate,
  tokenLimit,
  cache,
  rewrite,
  errorPages,
  rewriteLocation,
  rewriteCookies,
  securityHeaders,
  requestHeaders,
  responseHeaders,
  compression,
  redirect,
  respond,
  files,
];
