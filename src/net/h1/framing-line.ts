/** How the length of a body that is not the received one is said in a head (RFC 9112 section 6). */
import type { BodyLength } from "../../http/body-length.ts";
import { Known, bit } from "../../http/known-fields.ts";

/** What the received head said of its own body. */
export const FRAMING: number = bit(Known.contentLength) | bit(Known.transferEncoding);

export function framingLine(length: BodyLength): string {
  return length < 0 ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${length}\r\n`;
}
