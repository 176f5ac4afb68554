/** Which lines of a response go to the client, and the Date that the proxy adds: what all HTTP versions share. docs/forwarding.md says why. */
import type { BodyLength } from "./body-length.ts";
import { connectionOptions } from "./connection-options.ts";
import { RESPONSE_DROPPED, keptText } from "./forward-fields.ts";
import type { ResponseEdits } from "./head-edits.ts";
import type { FieldEdits } from "./field-edits.ts";
import { httpDate } from "./http-date.ts";
import { Known, bit } from "./known-fields.ts";
import type { ResponseHead } from "./response-head.ts";

/** The received lines that are passed on. Hop-by-hop fields are not, unless `dropped` leaves them out. */
export function keptResponseLines(head: ResponseHead, dropped: number, removed: readonly string[]): string {
  const options = connectionOptions(head);
  return keptText(head, dropped, options.named.length === 0 ? removed : removed.concat(options.named));
}

/**
 * The Date line for a response without one, because a recipient with a clock adds it (RFC 9110 section 6.6.1). An edit that removes or replaces
 * Date holds.
 * @param epochMs milliseconds since 1970
 */
export function missingDate(head: ResponseHead, edits: FieldEdits, epochMs: number): string {
  return ((head.present | edits.removal.known) & bit(Known.date)) === 0 ? `Date: ${httpDate(epochMs)}\r\n` : "";
}

/** The lines of an interim response: its end-to-end fields, and nothing added. */
export function interimLines(head: ResponseHead): string {
  return keptResponseLines(head, RESPONSE_DROPPED | head.hidden, []);
}

export interface UnframedResponse {
  /** The length of the body that is sent. */
  readonly length: BodyLength;
  /** Whether trailers can be sent after it. */
  readonly hasTrailers: boolean;
  /** Whether fields about the connection can be sent. */
  readonly isHttp1: boolean;
  /** Milliseconds since 1970, for the Date field. */
  readonly epochMs: number;
}

/**
 * The lines of a response for a client whose messages are framed by somebody else: by HTTP/2, by Node's http, by the web's streams. Of all framing
 * fields only Content-Length is among them. Connection is only in a 426.
 */
export function unframedLines(
  head: ResponseHead,
  edits: ResponseEdits,
  { length, hasTrailers, isHttp1, epochMs }: UnframedResponse,
): string {
  let dropped = RESPONSE_DROPPED | head.hidden | bit(Known.transferEncoding);
  if (!hasTrailers) dropped |= bit(Known.trailer);
  let extra = edits.added;
  if (edits.bodyLength !== null) {
    dropped |= bit(Known.contentLength);
    if (edits.bodyLength >= 0) extra += `Content-Length: ${edits.bodyLength}\r\n`;
  } else if (length < 0) dropped |= bit(Known.contentLength);
  extra += missingDate(head, edits, epochMs);
  // RFC 9110 section 15.5.22: 426 must say what to upgrade to.
  if (isHttp1 && head.status === 426 && (head.present & bit(Known.upgrade)) !== 0) {
    dropped &= ~bit(Known.upgrade);
    extra += "Connection: upgrade\r\n";
  }
  return keptResponseLines(head, dropped | edits.removal.known, edits.removal.others) + extra;
}
