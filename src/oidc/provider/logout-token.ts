/** What a provider sends when a user has logged out there: OpenID Connect Back-Channel Logout 1.0. */
import type { Provider } from "./provider.ts";

/** Who has logged out. */
export interface LoggedOut {
  readonly issuer: string;
  /** The provider's session; null: all sessions of `sub`. */
  readonly sid: string | null;
  readonly sub: string | null;
  readonly jti: string;
  /** Until when the token could be sent again, in milliseconds since 1970. */
  readonly replayUntilMs: number;
}

const EVENT = "http://schemas.openid.net/event/backchannel-logout";
const TOKEN_CHARS_MAX = 16 * 1024;
const NAME_CHARS_MAX = 1_024;
/** Tokens are sent when they are made. */
const MAX_AGE_MS = 300_000;

/**
 * Checks a logout token (section 2.6). @returns a text: why the token is refused
 * @throws what {@link Provider.verify} throws
 */
export async function readLogoutToken(provider: Provider, token: string, clockToleranceMs: number): Promise<LoggedOut | string> {
  if (token.length > TOKEN_CHARS_MAX) return "the token is too long";
  const claims = await provider.verify(token, ["logout+jwt", "jwt"], MAX_AGE_MS);
  const { iss, iat, jti } = claims;
  const sub: unknown = claims["sub"];
  const sid: unknown = claims["sid"];
  const events: unknown = claims["events"];
  // So that no ID token passes for a logout token.
  if (claims["nonce"] !== undefined) return "the token has a nonce";
  if (typeof events !== "object" || events === null || !isObject(Reflect.get(events, EVENT))) return "the token has no event of a logout";
  if (!isName(jti)) return "the token has no jti";
  if (typeof iat !== "number" || typeof iss !== "string") return "the token has no iat or iss";
  if ((sub !== undefined && !isName(sub)) || (sid !== undefined && !isName(sid))) return "sub or sid is no text";
  if (sub === undefined && sid === undefined) return "the token names neither sub nor sid";
  return { issuer: iss, sid: sid ?? null, sub: sub ?? null, jti, replayUntilMs: iat * 1_000 + MAX_AGE_MS + clockToleranceMs };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= NAME_CHARS_MAX;
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
