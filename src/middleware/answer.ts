import type { Fields } from "../http/build-head.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";

/** What an {@link answer} has beside its status. */
export interface AnswerOptions {
  /** Word for the access log and the metrics, the outcome of the exchange. Default: `middleware`. */
  readonly reason?: string;
  /** One plain sentence, sent as a problem document (RFC 9457) to clients that accept JSON, else as text. Left out when there is a `body`. */
  readonly detail?: string;
  /** Further fields of the answer. A value is latin1: one character per byte. */
  readonly headers?: Readonly<Record<string, string>> | Fields;
  /** A text, sent in UTF-8. */
  readonly body?: string;
  /** The type of `body`. Default: `text/html; charset=utf-8` for a body that begins with `<`, else `text/plain; charset=utf-8`. */
  readonly contentType?: string;
}

/**
 * Makes the answer that `onRequest` returns to answer a request itself: `answer(503, { detail: "Back at nine.", headers: { "Retry-After": "60" } })`.
 * @param status 200 to 599
 */
export function answer(status: number, options: AnswerOptions = {}): LocalAnswer {
  const { reason = "middleware", detail = "", headers = [], body, contentType } = options;
  const fields = [...(Symbol.iterator in headers ? headers : Object.entries(headers))];
  if (body === undefined) return { status, reason, detail, fields };
  const type = contentType ?? (/^\s*</.test(body) ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
  return { status, reason, detail, fields, body: { contentType: type, text: body } };
}
