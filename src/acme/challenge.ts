/** How the control over a name is shown to the authority (RFC 8555 section 8, RFC 8737). */
import { createHash } from "node:crypto";
import { AcmeFault, listOf, property, shown } from "./acme-error.ts";

export type ChallengeType = "http-01" | "tls-alpn-01" | "dns-01";

/** A challenge of the authority, and the answer to it. */
export interface Challenge {
  readonly type: ChallengeType;
  /** The name that is to be shown, in lower case and without a wildcard's `*.`. */
  readonly name: string;
  readonly token: string;
  /** The token and the thumbprint of the account's key. */
  readonly keyAuthorization: string;
}

/** Answers challenges: serves a file, serves a certificate, or sets a record in the DNS. */
export interface ChallengeResponder {
  /** Resolves when the authority may look. */
  readonly present: (challenge: Challenge, signal: AbortSignal) => Promise<void>;
  /** Takes the answer away again. Called once for each `present`, after a failure of it too. */
  readonly remove: (challenge: Challenge) => Promise<void>;
}

/** The value of the TXT record `_acme-challenge.NAME` (RFC 8555 section 8.4). */
export function dnsRecord({ keyAuthorization }: Challenge): string {
  return createHash("sha256").update(keyAuthorization).digest("base64url");
}

/** The challenge of that type among those that an authorization offers, as the authority wrote it. */
export function offered(authorization: unknown, type: ChallengeType, name: string): unknown {
  const challenges = listOf(property(authorization, "challenges"));
  const found = challenges.find((challenge) => property(challenge, "type") === type);
  if (found !== undefined) return found;
  const types = challenges.map((challenge) => String(property(challenge, "type"))).join(", ");
  throw new AcmeFault(`the authority does not offer ${type} for ${name}, but ${types === "" ? "nothing" : shown(types)}`);
}

/** The token of a challenge. It becomes a part of a path, so its letters matter (RFC 8555 section 8.1). */
export function tokenOf(challenge: unknown): string {
  const token = property(challenge, "token");
  if (typeof token !== "string" || !/^[A-Za-z0-9_-]{1,256}$/.test(token)) throw new AcmeFault("the token of a challenge is not base64url");
  return token;
}
