/**
 * Octets to text and back, one character per octet. These are the only functions that turn octets into text (RFC 9112 section 2.2).
 * They call methods of Node's Buffer that its types do not list, and which take half the time of `toString("latin1")` and
 * `write(..., "latin1")` for short texts.
 */
interface Latin1Bytes extends Uint8Array {
  latin1Slice(start: number, end: number): string;
  latin1Write(text: string, at: number): number;
}

/** The octets `[start, end)` of a Buffer as text. */
export function latin1(buffer: Uint8Array, start: number, end: number): string {
  return (buffer as Latin1Bytes).latin1Slice(start, end);
}

/** Writes text, whose characters must be U+00FF or below, into a Buffer from `at` on. The Buffer must have room for all of it. */
export function writeLatin1(buffer: Uint8Array, text: string, at: number): void {
  (buffer as Latin1Bytes).latin1Write(text, at);
}
