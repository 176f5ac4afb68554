/** Sessions from what the token endpoint answers. */
import { randomUUID } from "node:crypto";
import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from "openid-client";
import { claimsOf, type OidcSession } from "./session.ts";

export type Tokens = TokenEndpointResponse & TokenEndpointResponseHelpers;

/** A refresh begins this long before the access token ends, or after four fifths of its life, whichever comes later. */
const REFRESH_AHEAD_MS = 60_000;

/** The session that begins with a login. @param keepAccessToken whether somebody needs it after the login */
export function startedSession(
  tokens: Tokens,
  issuer: string,
  userInfo: Readonly<Record<string, unknown>>,
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
    // What the ID token says is signed, and so goes first.
    claims: { ...claimsOf(userInfo), ...claimsOf(token) },
    startedAtMs: nowMs,
    ...timesOf(tokens, nowMs),
    accessToken: keepAccessToken ? tokens.access_token : null,
    refreshToken: tokens.refresh_token ?? null,
    idToken: tokens.id_token ?? null,
  };
}

/** The session after a refresh. Null: the provider has answered with another user's tokens (OpenID Connect Core 1.0, section 12.2). */
export function refreshedSession(session: OidcSession, tokens: Tokens, nowMs: number): OidcSession | null {
  const token = tokens.claims();
  if (token !== undefined && token.sub !== session.subject) return null;
  const sid: unknown = token?.["sid"];
  return {
    ...session,
    generation: session.generation + 1,
    sid: typeof sid === "string" ? sid : session.sid,
    claims: token === undefined ? session.claims : { ...session.claims, ...claimsOf(token) },
    ...timesOf(tokens, nowMs),
    accessToken: session.accessToken === null ? null : tokens.access_token,
    refreshToken: tokens.refresh_token ?? session.refreshToken,
    idToken: tokens.id_token ?? session.idToken,
  };
}

function timesOf(tokens: Tokens, nowMs: number): Pick<OidcSession, "refreshAtMs" | "tokenEndsAtMs"> {
  const lifeMs = (tokens.expires_in ?? 0) * 1_000;
  if (lifeMs <= 0) return { refreshAtMs: null, tokenEndsAtMs: null };
  return { tokenEndsAtMs: nowMs + lifeMs, refreshAtMs: nowMs + lifeMs - Math.min(REFRESH_AHEAD_MS, lifeMs / 5) };
}
