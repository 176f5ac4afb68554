/**
 * How the body of a message is framed: RFC 9112 section 6.3, for requests and responses, decided in this one function. Where the
 * RFC lets a recipient repair, this refuses (docs/conformance.md, items 43 to 48): two readings of one message are the root of smuggling.
 * Not so where the response has no body whatever the fields say: there is one reading, and what it was the answer to has been done.
 */
import type { FieldSection } from "../http/field-section.ts";
import type { BodyLength } from "../http/body-length.ts";
import { Known, bit } from "../http/known-fields.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { LENGTH_DIGITS_MAX } from "./limits.ts";

export const Framing = { none: 0, length: 1, chunked: 2, untilClose: 3, tunnel: 4 } as const;
export type FramingKind = (typeof Framing)[keyof typeof Framing];

/** What decides the framing besides the fields. */
export interface MessageFacts {
  /** The response's status, or 0 for a request. */
  readonly status: number;
  /** The response answers a HEAD request. */
  readonly toHead: boolean;
  readonly minor: 0 | 1;
}

/** The decision, written into a reused object: the data path allocates nothing for it. */
export class BodyFraming {
  kind: FramingKind = Framing.none;
  /** Content-Length with `Framing.length`, else 0. */
  length: number = 0;
  /** Bits of received fields that do not go on: they announce what a response of this kind never has. */
  misplaced: number = 0;
  /** Their sender may send more than the response has: nothing else on this connection can be told from that. */
  doubtful: boolean = false;

  /** The body's length without the way in which HTTP/1.1 frames it. */
  get bodyLength(): BodyLength {
    return this.kind === Framing.chunked || this.kind === Framing.untilClose ? -1 : this.length;
  }
}

const BODY_LENGTH_FIELDS = bit(Known.contentLength) | bit(Known.transferEncoding);
const DIGITS = /^[0-9]+$/;

/** Decides and writes into `framing`; returns the fault for which the message must be refused, or null. */
export function decideFraming(fields: FieldSection, facts: MessageFacts, framing: BodyFraming): Fault | null {
  framing.kind = Framing.none;
  framing.length = 0;
  framing.misplaced = 0;
  framing.doubtful = false;
  const { status } = facts;
  const given = fields.present & BODY_LENGTH_FIELDS;

  // 1. Answers to HEAD, 1xx, 204 and 304 end with their heads, whatever their fields say.
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
 * Framing fields of a response that has no body. Of 1xx and 204 none goes on (RFC 9112 section 6.1, RFC 9110 section 8.6); a length of 0 says
 * nothing wrong there, and is common. To HEAD and in 304 one well-formed field tells what GET would have got; anything else is taken away,
 * for a wrong Content-Length is never forwarded (RFC 9110 section 8.6).
 */
function judgeMisplaced(fields: FieldSection, given: number, { status, minor }: MessageFacts, framing: BodyFraming): void {
  const coded = given !== bit(Known.contentLength);
  const length = coded ? 0 : readLength(fields);
  const neverHere = status < 200 || status === 204;
  const wellFormed = coded ? given === bit(Known.transferEncoding) && codingFault(fields, minor) === null : typeof length === "number";
  if (neverHere || !wellFormed) framing.misplaced = given;
  framing.doubtful = neverHere ? coded || length !== 0 : !wellFormed;
}

/** The number that Content-Length gives, or what is wrong with it. */
function readLength(fields: FieldSection): number | Fault {
  const values = fields.knownValues(Known.contentLength);
  if (values.length !== 1) return Faults.contentLengthRepeated;
  const length = parseLength(values[0] ?? "");
  return length < 0 ? Faults.contentLength : length;
}

/** Only a single `chunked` is understood. */
function codingFault(fields: FieldSection, minor: 0 | 1): Fault | null {
  if (minor === 0) return Faults.transferEncodingOld;
  const values = fields.knownValues(Known.transferEncoding);
  return values.length !== 1 || (values[0] ?? "").toLowerCase() !== "chunked" ? Faults.transferEncoding : null;
}

/** `1*DIGIT` below 10^15, or −1. A test by expression and not by Number(), which takes "0x5", "5e0", " 5" and "". */
export function parseLength(text: string): number {
  if (!DIGITS.test(text)) return -1;
  if (text.length <= LENGTH_DIGITS_MAX) return Number(text);
  const digits = text.replace(/^0+/, "");
  return digits.length <= LENGTH_DIGITS_MAX && text.length <= 64 ? Number(digits) : -1;
}
