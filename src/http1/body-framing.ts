/**
 * How the body of a message is framed: RFC 9112 section 6.3, for requests and responses, decided in this one function. Where the
 * RFC lets a recipient repair, this refuses (docs/conformance.md, items 43 to 48): two readings of one message are the root of smuggling.
 */
import type { FieldSection } from "../http/field-section.ts";
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
}

const BODY_LENGTH_FIELDS = bit(Known.contentLength) | bit(Known.transferEncoding);
const DIGITS = /^[0-9]+$/;

/** Decides and writes into `framing`; returns the fault for which the message must be refused, or null. */
export function decideFraming(fields: FieldSection, facts: MessageFacts, framing: BodyFraming): Fault | null {
  framing.kind = Framing.none;
  framing.length = 0;
  const isResponse = facts.status !== 0;
  const given = fields.present & BODY_LENGTH_FIELDS;

  // Checked whatever the rules below say: a wrong Content-Length is never forwarded, not even on an answer to HEAD (RFC 9110, 8.6).
  let length = -1;
  if ((given & bit(Known.contentLength)) !== 0) {
    const values = fields.knownValues(Known.contentLength);
    if (values.length !== 1) return Faults.contentLengthRepeated;
    length = parseLength(values[0] ?? "");
    if (length < 0) return Faults.contentLength;
  }
  const coded = (given & bit(Known.transferEncoding)) !== 0;
  if (coded) {
    if (facts.minor === 0) return Faults.transferEncodingOld;
    const values = fields.knownValues(Known.transferEncoding);
    if (values.length !== 1 || (values[0] ?? "").toLowerCase() !== "chunked") return Faults.transferEncoding;
    // 3. Both fields: refused, in either direction.
    if (length >= 0) return Faults.ambiguousLength;
  }

  // 1. Answers to HEAD, 1xx, 204 and 304 have no body, whatever their fields say.
  if (isResponse && (facts.toHead || facts.status < 200 || facts.status === 204 || facts.status === 304)) {
    if (facts.status === 101) framing.kind = Framing.tunnel;
    // RFC 9112 section 6.1: neither field belongs into 1xx and 204. A Content-Length of 0 is common and harmless.
    if ((facts.status < 200 || facts.status === 204) && (coded || length > 0)) return Faults.lengthForbidden;
    return null;
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
  if (isResponse) framing.kind = Framing.untilClose;
  return null;
}

/** `1*DIGIT` below 10^15, or −1. A test by expression and not by Number(), which takes "0x5", "5e0", " 5" and "". */
export function parseLength(text: string): number {
  if (!DIGITS.test(text)) return -1;
  if (text.length <= LENGTH_DIGITS_MAX) return Number(text);
  const digits = text.replace(/^0+/, "");
  return digits.length <= LENGTH_DIGITS_MAX && text.length <= 64 ? Number(digits) : -1;
}
