/** Writes the head of a response to the client as HTTP/1.1 text, and whole answers of the proxy's own. docs/forwarding.md says which fields pass. */
import type { FieldEdits } from "../../http/field-edits.ts";
import type { ResponseEdits } from "../../http/head-edits.ts";
import { RESPONSE_DROPPED } from "../../http/forward-fields.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { interimLines, keptResponseLines, missingDate } from "../../http/response-lines.ts";
import { reasonPhrase } from "../../http/status.ts";
import { withFreshLines } from "../../http1/remembered/written-head.ts";
import { Http1ResponseHead } from "../../http1/http1-response-head.ts";
import type { FinishedAnswer } from "../../proxy/exchange/finished-answer.ts";
import { FRAMING, framingLine } from "./framing-line.ts";

/** How the end of the body is marked for the client (RFC 9112 section 6). */
export const BodyMode = { none: 0, length: 1, chunked: 2, untilClose: 3 } as const;
export type BodyModeKind = (typeof BodyMode)[keyof typeof BodyMode];

export interface ResponseFacts {
  readonly mode: BodyModeKind;
  /** Whether the connection ends after this response. */
  readonly close: boolean;
  /** Milliseconds since 1970, for the Date field. */
  readonly epochMs: number;
}

/**
 * The whole head: status line, kept fields, added fields and the empty line. The text of an earlier response with the same lines and
 * circumstances is used again (`head.written`).
 */
export function responseHeadText(head: ResponseHead, edits: ResponseEdits, facts: ResponseFacts): string {
  const start = statusLine(head, edits.newStatus);
  if (!(head instanceof Http1ResponseHead) || responseDependsOnMore(head, edits))
    return withFreshLines(start, responseLines(head, edits, facts), edits.fresh);
  const { written } = head;
  if (written.knows(head.edition, edits, facts.mode * 2 + (facts.close ? 1 : 0), ""))
    return edits.fresh === "" ? written.withStart(start) : written.withFresh(start, edits.fresh);
  const lines = responseLines(head, edits, facts);
  written.keep(lines);
  return withFreshLines(start, lines, edits.fresh);
}

/** Whether the text depends on more than `written.knows` compares: received lines, edits of middleware, framing. */
function responseDependsOnMore({ status, present, hidden }: ResponseHead, edits: FieldEdits): boolean {
  return hidden !== 0 || status === 426 || edits.bodyLength !== null || (present & bit(Known.date)) === 0;
}

function responseLines(head: ResponseHead, edits: FieldEdits, facts: ResponseFacts): string {
  let dropped = RESPONSE_DROPPED | head.hidden;
  let extra = edits.steady;
  if (edits.bodyLength !== null) {
    dropped |= FRAMING;
    if (edits.bodyLength >= 0 || facts.mode === BodyMode.chunked) extra += framingLine(edits.bodyLength);
  } else if ((head.present & bit(Known.transferEncoding)) === 0) {
    if (facts.mode === BodyMode.chunked) extra += "Transfer-Encoding: chunked\r\n";
  } else if (facts.mode === BodyMode.untilClose) dropped |= bit(Known.transferEncoding);
  extra += missingDate(head, edits, facts.epochMs);
  let options = facts.close ? "close" : "";
  // RFC 9110 section 15.5.22: 426 must say what to upgrade to.
  if (head.status === 426 && (head.present & bit(Known.upgrade)) !== 0) {
    dropped &= ~bit(Known.upgrade);
    options = options === "" ? "upgrade" : `upgrade, ${options}`;
  }
  if (options !== "") extra += `Connection: ${options}\r\n`;
  return `${keptResponseLines(head, dropped | edits.removal.known, edits.removal.others)}${extra}\r\n`;
}

/** The head of an interim response: its end-to-end fields, and nothing added. */
export function interimHeadText(head: ResponseHead): string {
  return `${statusLine(head)}${interimLines(head)}\r\n`;
}

/** The head of the 101 that opens a tunnel. */
export function switchingHeadText(head: ResponseHead): string {
  return `${statusLine(head)}${keptResponseLines(head, (RESPONSE_DROPPED & ~bit(Known.upgrade)) | head.hidden, [])}Connection: Upgrade\r\n\r\n`;
}

/** The text of an answer of the proxy's own, head and body. */
export function answerText({ status, lines, body }: FinishedAnswer, close: boolean): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}${close ? "Connection: close\r\n" : ""}\r\n${body}`;
}

/** @param status the status to send instead of the received one; null for the received one */
function statusLine(head: ResponseHead, status: number | null = null): string {
  if (status !== null) return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  return head instanceof Http1ResponseHead && head.startLineReusable ? head.startLine : `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
}
