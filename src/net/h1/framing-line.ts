/** The framing fields of a head whose body middleware has replaced (RFC 9112 section 6). */
import type { BodyLength } from "../../http/body-length.ts";
import { Known, bit } from "../../http/known-fields.ts";

/** Bits of the received fields that say how long the received body is. They are dropped when the body is replaced. */
export const FRAMING: number = bit(Known.contentLength) | bit(Known.transferEncoding);

/** The field line for a body of `length` bytes; negative for an unknown length, which is sent chunked. */
export function framingLine(length: BodyLength): string {
  return length < 0 ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${length}\r\n`;
}
