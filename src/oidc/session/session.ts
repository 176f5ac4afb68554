/** Somebody who is logged in, and how that is written into a cookie. */
import type { RevocableSession } from "./revocations.ts";

export type Claims = Readonly<Record<string, unknown>>;

/** What the cookie holds. It is never changed: a refresh makes another one. */
export interface OidcSession extends RevocableSession {
  /** Another one for each login. */
  readonly id: string;
  /** How many refreshes lie behind it: with `id`, what a refresh is named by. */
  readonly generation: number;
  readonly issuer: string;
  readonly subject: string;
  readonly sid: string | null;
  /** The claims about the user, without those about the token itself: those of the newest ID token, and of the user info endpoint. */
  readonly tokenClaims: Claims;
  readonly userInfo: Claims;
  /** Both together. What the ID token says is signed, and so goes first. */
  readonly claims: Claims;
  /** When the user logged in, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** When a refresh is due, and when the access token ends; null: the provider did not say. */
  readonly refreshAtMs: number | null;
  readonly tokenEndsAtMs: number | null;
  /** Null: it is not kept. */
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  /** As the provider has sent it, for its logout. Null: there was no room for it. */
  readonly idToken: string | null;
}

/** Claims about the token, not about the user (OpenID Connect Core 1.0, section 2). */
const ABOUT_THE_TOKEN: ReadonlySet<string> = new Set(["aud", "exp", "iat", "nbf", "jti", "nonce", "at_hash", "c_hash", "s_hash", "azp"]);
/** The layout of the text. One of another layout is none. */
const VERSION = 2;

export function claimsOf(token: Claims): Claims {
  return Object.fromEntries(Object.entries(token).filter(([name]) => !ABOUT_THE_TOKEN.has(name)));
}

export function writeSession(session: OidcSession): string {
  const { id, generation, issuer, subject, sid, tokenClaims, userInfo, startedAtMs, refreshAtMs, tokenEndsAtMs } = session;
  const { accessToken, refreshToken, idToken } = session;
  const times = [startedAtMs, refreshAtMs, tokenEndsAtMs];
  return JSON.stringify([VERSION, id, generation, issuer, subject, sid, tokenClaims, userInfo, times, accessToken, refreshToken, idToken]);
}

/** Null: the text is of another version. It comes out of a sealed cookie, so nobody else has written it. */
export function readSession(text: string): OidcSession | null {
  const parts: unknown = JSON.parse(text);
  if (!Array.isArray(parts) || parts[0] !== VERSION) return null;
  const [, id, generation, issuer, subject, sid, tokenClaims, userInfo, times, accessToken, refreshToken, idToken]: unknown[] = parts;
  if (!Array.isArray(times) || !isObject(tokenClaims) || !isObject(userInfo)) return null;
  const [startedAtMs, refreshAtMs, tokenEndsAtMs]: unknown[] = times;
  if (typeof id !== "string" || typeof generation !== "number" || typeof issuer !== "string") return null;
  if (typeof subject !== "string" || typeof startedAtMs !== "number") return null;
  return {
    id,
    generation,
    issuer,
    subject,
    sid: textOf(sid),
    tokenClaims,
    userInfo,
    claims: { ...userInfo, ...tokenClaims },
    startedAtMs,
    refreshAtMs: numberOf(refreshAtMs),
    tokenEndsAtMs: numberOf(tokenEndsAtMs),
    accessToken: textOf(accessToken),
    refreshToken: textOf(refreshToken),
    idToken: textOf(idToken),
  };
}

function isObject(value: unknown): value is Claims {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
