/** Node's own methods of a Buffer, which its types do not list: half the time of `toString("latin1")` and `write(..., "latin1")` for short texts. */
interface Latin1Bytes extends Uint8Array {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, at: number): number;
}

/** The octets `[start, end)` of a Buffer as text, one character each: the only way octets become text here (RFC 9112 section 2.2). */
export function latin1(buffer: Uint8Array, start: number, end: number): string {
  return (buffer as Latin1Bytes).latin1Slice(start, end);
}

/** The other way: writes text of characters up to U+00FF, one octet each, into a Buffer from `at` on, where there is room for all of it. */
export function writeLatin1(buffer: Uint8Array, text: string, at: number): void {
  (buffer as Latin1Bytes).latin1Write(text, at);
}
