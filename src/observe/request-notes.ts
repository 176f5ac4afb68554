/** What the access log says of a request's fields in every line: who asks (User-Agent), from where (Referer), and in which trace (traceparent). */
import type { RequestHead } from "../http/request-head.ts";
import { traceIdOf } from "../http/trace-id.ts";
import { shownReferer } from "./shown-referer.ts";

export interface RequestNotes {
  /** "": the request has no such field; so with the others. */
  readonly userAgent: string;
  /** Without query, fragment and credentials. */
  readonly referer: string;
  readonly traceId: string;
}

export const NO_NOTES: RequestNotes = { userAgent: "", referer: "", traceId: "" };

/** The notes about a head, made once for the same lines: requests of one connection often have the same (http1/remembered). */
export function notesOf(head: RequestHead): RequestNotes {
  const known = head.notes instanceof HeadNotes ? head.notes : null;
  if (known !== null && known.edition === head.edition && head.edition !== 0) return known;
  return (head.notes = new HeadNotes(head, known ?? NOTHING));
}

/** What an earlier head had. Texts that are the same again are not made again. */
type Before = Pick<HeadNotes, "userAgent" | "sentReferer" | "referer" | "sentTrace" | "traceId">;

const NOTHING: Before = { userAgent: "", sentReferer: "", referer: "", sentTrace: "", traceId: "" };

class HeadNotes implements RequestNotes {
  readonly edition: number;
  readonly userAgent: string;
  /** The value of Referer as it was sent. */
  readonly sentReferer: string;
  readonly referer: string;
  /** The value of traceparent; "": there is none, or there are several, of which nobody may use one (W3C Trace Context, section 3.2.2). */
  readonly sentTrace: string;
  readonly traceId: string;

  constructor(head: RequestHead, before: Before) {
    const { text, count } = head;
    let agentAt = -1;
    let refererAt = -1;
    let traceAt = -1;
    let traces = 0;
    for (let index = 0; index < count; index++) {
      const start = head.nameStart(index);
      // Most names are told by their length, others by their first letter.
      switch (head.nameEnd(index) - start) {
        case AGENT.length:
          if (agentAt < 0 && isName(text, start, AGENT)) agentAt = index;
          break;
        case REFERER.length:
          if (refererAt < 0 && isName(text, start, REFERER)) refererAt = index;
          break;
        case TRACE.length:
          if (isName(text, start, TRACE)) {
            traceAt = index;
            traces++;
          }
      }
    }
    this.edition = head.edition;
    this.userAgent = valueAt(head, agentAt, before.userAgent);
    const referer = valueAt(head, refererAt, before.sentReferer);
    this.sentReferer = referer;
    this.referer = referer === before.sentReferer ? before.referer : shownReferer(referer);
    const trace = traces === 1 ? valueAt(head, traceAt, before.sentTrace) : "";
    this.sentTrace = trace;
    this.traceId = trace === before.sentTrace ? before.traceId : traceIdOf(trace);
  }
}

const AGENT = "user-agent";
const REFERER = "referer";
const TRACE = "traceparent";

/** Whether the name at `start`, which has as many characters, is that one (lower case). */
function isName(text: string, start: number, lowerName: string): boolean {
  if ((text.charCodeAt(start) | 0x20) !== lowerName.charCodeAt(0)) return false;
  const name = text.slice(start, start + lowerName.length);
  return name === lowerName || name.toLowerCase() === lowerName;
}

/**
 * The value of that line; "" for -1.
 * @param before a text that it probably is: it is given back then, because whoever compares identical texts is done at once
 */
function valueAt(head: RequestHead, index: number, before: string): string {
  if (index < 0) return "";
  const value = head.value(index);
  return value === before ? before : value;
}
