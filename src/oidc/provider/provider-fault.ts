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
    if (!reasons.includes(current.message)) reasons.push(current.message);
    current = current.cause;
  }
  return { kind: "invalid", reason: plainText(reasons.join(": ") || String(error)) };
}

/** `text` in one line without control characters, and not too long. It is not escaped for HTML: whoever writes it into a page does that. */
export function plainText(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim();
  return plain.length > TEXT_CHARS_MAX ? `${plain.slice(0, TEXT_CHARS_MAX)}...` : plain;
}

function isTimeout(error: Error): boolean {
  return error.name === "TimeoutError" || error.name === "AbortError";
}
