/** What an error of the protocol's library means for the one who wants to log in. */
import { ProviderUnavailable } from "./provider-fetch.ts";

/** Why the provider's part of a login or a refresh did not succeed. */
export type ProviderFault =
  /** It cannot be reached, or fails: another attempt may help. */
  | { readonly kind: "unavailable"; readonly reason: string }
  /** It says no, with an error code of OAuth 2.0 (RFC 6749, sections 4.1.2.1 and 5.2). */
  | { readonly kind: "refused"; readonly code: string; readonly description: string; readonly reason: string }
  /** It says something that must not be believed. */
  | { readonly kind: "invalid"; readonly reason: string };

const TEXT_CHARS_MAX = 300;
const CAUSES_MAX = 5;

export function faultOf(error: unknown): ProviderFault {
  const reasons: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth++) {
    if (current instanceof ProviderUnavailable || isTimeout(current)) return { kind: "unavailable", reason: plainText(current.message) };
    const code: unknown = Reflect.get(current, "error");
    // ResponseBodyError and AuthorizationResponseError of oauth4webapi.
    if (typeof code === "string") {
      const told: unknown = Reflect.get(current, "error_description");
      const description = typeof told === "string" ? plainText(told) : "";
      const plain = plainText(code);
      return { kind: "refused", code: plain, description, reason: description === "" ? plain : `${plain}: ${description}` };
    }
    const reason = explained(current) ?? current.message;
    if (!reasons.includes(reason)) reasons.push(reason);
    current = current.cause;
  }
  return { kind: "invalid", reason: plainText(reasons.join(": ") || String(error)) };
}

/** What the library's message leaves out, and an operator needs in order to mend it; null: nothing. Its errors hold what they are about in `cause`. */
function explained(error: Error): string | null {
  const { cause } = error;
  // RFC 6749 section 5.2: a client that has shown itself in `Authorization`, and is not known by that, is answered 401 with a challenge.
  if (error.name === "WWWAuthenticateChallengeError") {
    const schemes = Array.isArray(cause) ? cause.map((challenge: unknown) => textIn(challenge, "scheme").toLowerCase()) : [];
    const refused = schemes.includes("bearer") ? "the access token that it has given itself" : "client_id and client_secret";
    return `it does not take ${refused} (401)`;
  }
  if (textIn(cause, "attribute") === "issuer") {
    const own = textIn(property(cause, "body"), "issuer");
    if (own !== "") return `it calls itself ${own}, and issuer says ${textIn(cause, "expected")}`;
  }
  const used = textIn(property(cause, "header"), "alg");
  const expected = property(cause, "expected");
  if (used !== "" && typeof expected === "string") return `it signs with ${used}, and algorithm says ${expected}`;
  return null;
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function textIn(value: unknown, key: string): string {
  const text = property(value, key);
  return typeof text === "string" ? text : "";
}

/** `text` in one line without control characters, and not too long. It is not escaped for HTML: whoever writes it into a page does that. */
export function plainText(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim();
  return plain.length > TEXT_CHARS_MAX ? `${plain.slice(0, TEXT_CHARS_MAX)}...` : plain;
}

function isTimeout(error: Error): boolean {
  return error.name === "TimeoutError" || error.name === "AbortError";
}
