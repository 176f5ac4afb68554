/**
 * The token that a request presents: `Authorization: Bearer TOKEN` (RFC 6750 section 2.1; the scheme without case, then one or more
 * spaces) or `X-API-Key: TOKEN`.
 *
 * - Two lines of either field are refused: an origin that reads the other one would see another token than the proxy checked.
 * - When both fields carry a token, both must be valid. Either alone would do, but a request with a right and a wrong token is no
 *   honest request, and the wrong one would have been passed by unseen.
 * - An Authorization of another scheme is none of ours: it is neither checked nor taken away.
 */
import { trimOws } from "../../http/trim-ows.ts";
import type { RequestHead } from "../../http/request-head.ts";

export interface Credentials {
  /** Every token presented, at most one per field; none when empty. Bytes as latin1 text. */
  readonly tokens: readonly string[];
}

/** null: a field occurs twice, and the request is malformed. */
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

/** The token of a Bearer credential, "" when it lacks one; null for another scheme. */
export function bearerToken(authorization: string): string | null {
  if (authorization.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return null;
  const rest = authorization.slice(SCHEME.length);
  if (rest === "") return "";
  return rest.startsWith(" ") ? trimOws(rest) : null;
}

const SCHEME = "bearer";
