/** What each way has in common in which a client shows who it is. */
import type { RequestChanges, ResponseChanges } from "../../http/head-edits.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Identity } from "../../proxy/ports/identity.ts";

/** Who the client is, or the answer that refuses it. */
export type Verdict = Identity | LocalAnswer;

export interface Method {
  /** A value of WWW-Authenticate for clients that bring nothing (RFC 9110 section 11.6.1); null: there is no scheme for this. */
  readonly challenge: string | null;
  /** Judges what the request brings. Null: it brings nothing of this kind. */
  judge(exchange: ExchangeView): Verdict | null | Promise<Verdict | null>;
  /** Takes out of a request that goes upstream what was for the proxy. */
  strip?(exchange: ExchangeView, request: RequestChanges): void;
  /** Adds to the client's response what belongs to having shown who it is. Absent: nothing. */
  addTo?(exchange: ExchangeView, response: ResponseChanges): void;
}

export function isRefusal(verdict: Verdict): verdict is LocalAnswer {
  return "status" in verdict;
}

export const REALM = 'realm="millrace"';

/**
 * 401 for a token that is wrong (RFC 6750 section 3.1).
 * @param said what is wrong, without a quotation mark, for whoever has a token that was genuine; absent: nothing more than that it is not valid
 */
export function invalidToken(said?: string): LocalAnswer {
  const challenge = `Bearer ${REALM}, error="invalid_token"`;
  if (said === undefined) return refusal("The token is not valid.", challenge);
  return refusal(said, `${challenge}, error_description="${said}"`);
}

/** 401 for credentials that are wrong. */
export function refusal(detail: string, challenge: string): LocalAnswer {
  return { status: 401, reason: "unauthorized", detail, fields: [["WWW-Authenticate", challenge]] };
}
