/**
 * Decides how the body of a message is framed, for requests and responses: RFC 9112 section 6.3 in one function.
 *
 * Where the RFC lets a recipient repair a faulty message, this refuses it (docs/conformance.md, items 43 to 48), because request smuggling
 * lives on two readings of one message. The exception is a response that has no body whatever its fields say: it can be read in only
 * one way, and the origin server has already acted on the request.
 */
import type { FieldSection } from "../http/field-section.ts";
import type { BodyLength } from "../http/body-length.ts";
import { Known, bit } from "../http/known-fields.ts";
import { ZERO } from "./chars.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { LENGTH_CHARACTERS_MAX, LENGTH_MAX } from "./limits.ts";

export const Framing = { none: 0, length: 1, chunked: 2, untilClose: 3, tunnel: 4 } as const;
export type FramingKind = (typeof Framing)[keyof typeof Framing];

/** What decides the framing in addition to the fields. */
export interface MessageFacts {
  /** The response's status; 0 for a request. */
  readonly status: number;
  /** Whether it is the response to a HEAD request. */
  readonly toHead: boolean;
  readonly minor: 0 | 1;
}

/** The result of `decideFraming`. The object is reused, so that no message allocates one. */
export class BodyFraming {
  kind: FramingKind = Framing.none;
  /** The value of Content-Length with `Framing.length`, otherwise 0. */
  length: number = 0;
  /** Bits of framing fields that must not be forwarded: the response has no body, and they are faulty or not allowed. */
  misplaced: number = 0;
  /** The sender may send a body that the response must not have. It could not be told from the next response on this connection. */
  doubtful: boolean = false;

  /** The body's length, whatever way HTTP/1.1 frames it. */
  get bodyLength(): BodyLength {
    return this.kind === Framing.chunked || this.kind === Framing.untilClose ? -1 : this.length;
  }
}

const BODY_LENGTH_FIELDS = bit(Known.contentLength) | bit(Known.transferEncoding);

/** Writes the decision into `framing`. Returns the fault for which the message must be refused; null: it is valid. */
export function decideFraming(fields: FieldSection, facts: MessageFacts, framing: BodyFraming): Fault | null {
  framing.kind = Framing.none;
  framing.length = 0;
  framing.misplaced = 0;
  framing.doubtful = false;
  const { status } = facts;
  const given = fields.present & BODY_LENGTH_FIELDS;

  // 1. Responses to HEAD and responses with 1xx, 204 or 304 end with their heads, whatever their fields say.
  if (status !== 0 && (facts.toHead || status < 200 || status === 204 || status === 304)) {
    if (status === 101) framing.kind = Framing.tunnel;
    if (given !== 0) judgeMisplaced(fields, given, facts, framing);
    return null;
  }
  const length = (given & bit(Known.contentLength)) === 0 ? -1 : readLength(fields);
  if (typeof length !== "number") return length;
  const coded = (given & bit(Known.transferEncoding)) !== 0;
  if (coded) {
    const fault = codingFault(fields, facts.minor);
    if (fault !== null) return fault;
    // 3. Both fields: refused, in either direction.
    if (length >= 0) return Faults.ambiguousLength;
  }
  // 2. (A 2xx answer to CONNECT: this proxy refuses CONNECT.)
  // 4. chunked.
  if (coded) {
    framing.kind = Framing.chunked;
    return null;
  }
  // 5. and 6. Content-Length.
  if (length >= 0) {
    framing.length = length;
    framing.kind = length === 0 ? Framing.none : Framing.length;
    return null;
  }
  // 7. A request without either has no body. 8. A response without either ends with its connection.
  if (status !== 0) framing.kind = Framing.untilClose;
  return null;
}

/**
 * Judges the framing fields of a response that has no body.
 *
 * - In 1xx and 204 none is forwarded (RFC 9112 section 6.1, RFC 9110 section 8.6). A length of 0 is common there and raises no doubt.
 * - In 304 and in responses to HEAD, one well-formed field describes the response to GET and is forwarded. Anything else is not: a wrong
 *   Content-Length must not be forwarded (RFC 9110 section 8.6).
 */
function judgeMisplaced(fields: FieldSection, given: number, { status, minor }: MessageFacts, framing: BodyFraming): void {
  const coded = given !== bit(Known.contentLength);
  const length = coded ? 0 : readLength(fields);
  const neverHere = status < 200 || status === 204;
  const wellFormed = coded ? given === bit(Known.transferEncoding) && codingFault(fields, minor) === null : typeof length === "number";
  if (neverHere || !wellFormed) framing.misplaced = given;
  framing.doubtful = neverHere ? coded || length !== 0 : !wellFormed;
}

/** The value of Content-Length, or the fault in it. */
function readLength(fields: FieldSection): number | Fault {
  const index = fields.knownIndex(Known.contentLength, 0);
  if (index < 0 || fields.knownIndex(Known.contentLength, index + 1) >= 0) return Faults.contentLengthRepeated;
  const length = parseLength(fields.value(index));
  return length < 0 ? Faults.contentLength : length;
}

/** The fault in Transfer-Encoding; null: it is exactly one `chunked`, the only supported value. */
function codingFault(fields: FieldSection, minor: 0 | 1): Fault | null {
  if (minor === 0) return Faults.transferEncodingOld;
  const values = fields.knownValues(Known.transferEncoding);
  return values.length !== 1 || (values[0] ?? "").toLowerCase() !== "chunked" ? Faults.transferEncoding : null;
}

/**
 * The value of `1*DIGIT` below 10^15; −1 for any other text. Digit by digit, because Number() would accept "0x5", "5e0", " 5" and "", and
 * takes ten times as long.
 */
export function parseLength(text: string): number {
  if (text === "" || text.length > LENGTH_CHARACTERS_MAX) return -1;
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    if (length > LENGTH_MAX) return -1;
  }
  return length;
}
