import type { FieldSection } from "../http/field-section.ts";
import { keptTrailers } from "../http/forward-fields.ts";

/** The line before a chunk's data (RFC 9112 section 7.1). Received extensions end at this hop. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export const CHUNK_END = "\r\n";

/** The last chunk and the trailer section. */
export function lastChunk(trailers: FieldSection | null): string {
  return trailers === null ? "0\r\n\r\n" : `0\r\n${keptTrailers(trailers)}\r\n`;
}
