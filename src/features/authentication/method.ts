/** A way in which a client shows who it is. */
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
  /** Edits the request that goes upstream: takes out what was for the proxy, and writes what the method itself has found for the upstream. Absent: nothing. */
  editRequest?(exchange: ExchangeView, request: RequestChanges): void;
  /** Edits the client's response, such as by the cookie of a renewed session. Absent: nothing. */
  editResponse?(exchange: ExchangeView, response: ResponseChanges): void;
}

export function isRefusal(verdict: Verdict): verdict is LocalAnswer {
  return "status" in verdict;
}

export const REALM = 'realm="millrace"';

/** RFC 6750 section 3.1: `error` is named only when the request presented a token. */
const WRONG_TOKEN = `Bearer ${REALM}, error="invalid_token"`;

/** 401 for a token that may be anybody's guess: nothing is said of what is wrong. */
export const INVALID_TOKEN: LocalAnswer = refusal("The token is not valid.", WRONG_TOKEN);

/** 401 for whoever has a token that was genuine. @param said what is wrong with it, without a quotation mark */
export function invalidToken(said: string): LocalAnswer {
  return refusal(said, `${WRONG_TOKEN}, error_description="${said}"`);
}

/** 401 for credentials that are wrong. */
export function refusal(detail: string, challenge: string): LocalAnswer {
  return { status: 401, reason: "unauthorized", detail, fields: [["WWW-Authenticate", challenge]] };
}
