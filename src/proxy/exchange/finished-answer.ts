/** Turns an answer of the proxy's own into what a driver sends: all rules about such answers that do not depend on the HTTP version. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import { fieldLine } from "../../http/field-edits.ts";
import type { FieldEdits } from "../../http/field-edits.ts";
import { httpDate } from "../../http/http-date.ts";
import { Known } from "../../http/known-fields.ts";
import { NO_NAMES } from "../../http/removed-names.ts";
import type { RemovedNames } from "../../http/removed-names.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { mayHaveBody, reasonPhrase } from "../../http/status.ts";
import { TOKEN } from "../../http/syntax.ts";
import type { LocalAnswer } from "../local-answer.ts";
import { PSEUDONYM } from "./forwarding.ts";

/** An answer as a driver sends it. The driver adds nothing but what its HTTP version says about the connection. */
export interface FinishedAnswer {
  readonly status: number;
  /** All fields, Content-Length included, as text: `name: value\r\n` each. */
  readonly lines: string;
  /** The octets of the body, one character each. Empty where none is sent, as in the answer to HEAD. */
  readonly body: string;
}

/**
 * Chooses type and body of an answer, and collects its fields. A field that the answer or an edit gives takes the place of the one that the
 * proxy would write itself. What edits remove is left out, but never Content-Length. Throws a TypeError if a field cannot be sent.
 * @param request the request that is answered; null where no head has come
 * @param epochMs milliseconds since 1970, for the Date field
 */
export function finishAnswer(answer: LocalAnswer, request: RequestHead | null, edits: FieldEdits, epochMs: number): FinishedAnswer {
  const { status, fields, proxyStatus } = answer;
  const { removal } = edits;
  let lines = isWanted("date", fields, removal) ? `Date: ${httpDate(epochMs)}\r\n` : "";
  for (const [name, value] of fields) {
    if (removal === NO_NAMES || !removal.names.includes(name.toLowerCase())) lines += fieldLine(name, value);
  }
  lines += edits.added;
  if (proxyStatus !== undefined && isWanted("proxy-status", fields, removal)) lines += proxyStatusLine(proxyStatus);
  // A middleware may give a text with a status that allows no body. If it were sent, the client would take it for the beginning of the next response.
  // RFC 9110 section 8.6: no Content-Length in a 204.
  if (!mayHaveBody(status)) return { status, lines, body: "" };
  if (answer.detail === "" && answer.body === undefined) return { status, lines: `${lines}Content-Length: 0\r\n`, body: "" };
  const accepted = answer.members !== undefined || (request !== null && acceptsJson(request.knownValue(Known.accept)));
  const text = bodyText(answer, accepted);
  const body = answer.body?.isOctets === true ? text : utf8(text);
  if (isWanted("content-type", fields, removal)) lines += typeLine(answer, accepted);
  lines += `Content-Length: ${body.length}\r\n`;
  if (status >= 400 && isWanted("cache-control", fields, removal)) lines += "Cache-Control: no-store\r\n";
  return { status, lines, body: request !== null && request.method === "HEAD" ? "" : body };
}

/** Whether the proxy writes its own line of that name (lower case): the answer does not give the field, and no edit removes or replaces it. */
function isWanted(name: string, fields: LocalAnswer["fields"], removal: RemovedNames): boolean {
  if (removal !== NO_NAMES && removal.names.includes(name)) return false;
  for (const [given] of fields) if (given.length === name.length && given.toLowerCase() === name) return false;
  return true;
}

function proxyStatusLine(error: string): string {
  if (!TOKEN.test(error)) throw new TypeError(`the error type ${JSON.stringify(error)} is not a token`);
  return `Proxy-Status: ${PSEUDONYM}; error=${error}\r\n`;
}

/** A client that accepts JSON gets a problem document (RFC 9457), others get one line of text. */
function bodyText({ status, detail, body, requestId, members }: LocalAnswer, json: boolean): string {
  if (body !== undefined) return body.text;
  const title = reasonPhrase(status);
  if (!json) return `${status} ${title}: ${detail}\n`;
  return `${JSON.stringify({ type: "about:blank", title, status, detail, request_id: requestId, ...members })}\n`;
}

function typeLine({ body }: LocalAnswer, json: boolean): string {
  if (body !== undefined) return fieldLine("Content-Type", body.contentType);
  return json ? "Content-Type: application/problem+json\r\n" : "Content-Type: text/plain; charset=utf-8\r\n";
}

const NOT_ASCII = /[^\0-\x7f]/;

/** The octets of `text` in UTF-8, one character each. */
function utf8(text: string): string {
  if (!NOT_ASCII.test(text)) return text;
  const bytes = Buffer.from(text, "utf8");
  return latin1(bytes, 0, bytes.length);
}

/** Whether an Accept field names a JSON type. */
export function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return accept.split(",").some((range) => JSON_RANGE.test(range) && !REFUSED_RANGE.test(range));
}

const JSON_RANGE = /^[ \t]*application\/(?:problem\+json|json|\*)[ \t]*(?:;|$)/i;
/** Weight 0: the client does not accept this type (RFC 9110 section 12.4.2). */
const REFUSED_RANGE = /;[ \t]*q=0(?:\.0{0,3})?[ \t]*(?:;|$)/i;
