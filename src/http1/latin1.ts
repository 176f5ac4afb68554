import type { Buffer } from "node:buffer";

/** Node's own methods, which its types do not list: half the time of `toString("latin1")` and `write(..., "latin1")` for short texts. */
type Latin1Buffer = Buffer & { latin1Slice(start: number, end: number): string; latin1Write(text: string, at: number): number };

/** The octets `bytes[start, end)` as text, one character each: the only way octets become text here (RFC 9112 section 2.2). */
export function latin1(bytes: Buffer, start: number, end: number): string {
  return (bytes as Latin1Buffer).latin1Slice(start, end);
}

/** The other way: text of characters up to U+00FF, one octet each, to `at` and behind, where there is room for all of it. */
export function writeLatin1(bytes: Buffer, text: string, at: number): void {
  (bytes as Latin1Buffer).latin1Write(text, at);
}
