/** Sessions from what the token endpoint answers. */
import { randomUUID } from "node:crypto";
import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import { claimsOf, type Claims, type OidcSession } from "./session.ts";

export type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** A refresh begins this long before the access token ends, or after four fifths of its life, whichever comes later. */
const REFRESH_AHEAD_MS = 60_000;

/** The session that begins with a login. @param keepAccessToken whether somebody needs it after the login */
export function startedSession(
  tokens: Tokens,
  issuer: string,
  userInfo: Claims,
  keepAccessToken: boolean,
  nowMs: number,
): OidcSession | null {
  const token = tokens.claims();
  if (token === undefined) return null;
  const sid: unknown = token["sid"];
  return {
    id: randomUUID(),
    generation: 0,
    issuer,
    subject: token.sub,
    sid: typeof sid === "string" ? sid : null,
    ...saidOf(claimsOf(token), userInfo),
    startedAtMs: nowMs,
    ...timesOf(tokens, nowMs),
    accessToken: keepAccessToken ? tokens.access_token : null,
    refreshToken: tokens.refresh_token ?? null,
    idToken: tokens.id_token ?? null,
  };
}

/**
 * The session after a refresh. Null: the provider has answered with another user's tokens (OpenID Connect Core 1.0, section 12.2).
 * An ID token says all of the user once more: a role that it does not name any more is one that the user has lost.
 */
export function refreshedSession(session: OidcSession, tokens: Tokens, userInfo: Claims, nowMs: number): OidcSession | null {
  const token = tokens.claims();
  if (token !== undefined && token.sub !== session.subject) return null;
  const sid: unknown = token?.["sid"];
  return {
    ...session,
    generation: session.generation + 1,
    sid: typeof sid === "string" ? sid : session.sid,
    ...saidOf(token === undefined ? session.tokenClaims : claimsOf(token), userInfo),
    ...timesOf(tokens, nowMs),
    accessToken: session.accessToken === null ? null : tokens.access_token,
    refreshToken: tokens.refresh_token ?? session.refreshToken,
    idToken: tokens.id_token ?? session.idToken,
  };
}

function saidOf(tokenClaims: Claims, userInfo: Claims): Pick<OidcSession, "tokenClaims" | "userInfo" | "claims"> {
  // Nothing is kept twice: sessions lie in cookies.
  const further = Object.fromEntries(Object.entries(claimsOf(userInfo)).filter(([name]) => !Object.hasOwn(tokenClaims, name)));
  return { tokenClaims, userInfo: further, claims: { ...further, ...tokenClaims } };
}

function timesOf(tokens: Tokens, nowMs: number): Pick<OidcSession, "refreshAtMs" | "tokenEndsAtMs"> {
  const lifeMs = (tokens.expires_in ?? 0) * 1_000;
  if (lifeMs <= 0) return { refreshAtMs: null, tokenEndsAtMs: null };
  return { tokenEndsAtMs: nowMs + lifeMs, refreshAtMs: nowMs + lifeMs - Math.min(REFRESH_AHEAD_MS, lifeMs / 5) };
}
