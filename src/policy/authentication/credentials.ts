/**
 * Reads the tokens that a request presents: `Authorization: Bearer TOKEN` (RFC 6750 section 2.1; the case of the scheme is ignored) or `X-API-Key: TOKEN`.
 *
 * - Two lines of either field are refused: an origin server that reads the other line would see another token than the proxy checked.
 * - When both fields carry a token, both must be valid. One valid token would be enough to let the request in, but a request with a valid
 *   and an invalid token is not honest, and the invalid one would go to the origin server unchecked.
 * - Authorization with another scheme is not the proxy's business: it is neither checked nor taken away.
 */
import { trimOws } from "../../http/trim-ows.ts";
import type { RequestHead } from "../../http/request-head.ts";

export interface Credentials {
  /** The tokens, as latin1 text: at most one per field, none when the request presents none. */
  readonly tokens: readonly string[];
}

/** The tokens of a request; null when a field occurs twice, which makes the request malformed. */
export function readCredentials(request: Pick<RequestHead, "values">): Credentials | null {
  const authorization = request.values("authorization");
  const apiKey = request.values("x-api-key");
  if (authorization.length > 1 || apiKey.length > 1) return null;
  const tokens: string[] = [];
  const bearer = authorization[0] === undefined ? null : bearerToken(authorization[0]);
  if (bearer !== null) tokens.push(bearer);
  if (apiKey[0] !== undefined) tokens.push(apiKey[0]);
  return { tokens };
}

/** The token in a value of Authorization; "" when none follows the scheme, null for a scheme other than Bearer. */
export function bearerToken(authorization: string): string | null {
  return afterScheme(authorization, "bearer");
}

/**
 * What follows the scheme in a value of Authorization, without white space around it; null for another scheme. A scheme ends before the first character that
 * no token has (RFC 9110 section 5.6.2), and that need not be a space: many servers split the value at any white space, and would read credentials that the
 * proxy has neither checked nor taken away.
 * @param scheme in lower case
 */
export function afterScheme(authorization: string, scheme: string): string | null {
  if (authorization.slice(0, scheme.length).toLowerCase() !== scheme) return null;
  const rest = authorization.slice(scheme.length);
  return TOKEN_CHARACTER_FIRST.test(rest) ? null : trimOws(rest);
}

const TOKEN_CHARACTER_FIRST = /^[!#$%&'*+.^_`|~0-9A-Za-z-]/;
