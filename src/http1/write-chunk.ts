import type { FieldSection } from "../http/field-section.ts";
import { keptTrailers } from "../http/forward-fields.ts";

/** The line before a chunk's data (RFC 9112 section 7.1). Received chunk extensions are not forwarded. */
export function chunkStart(length: number): string {
  return `${length.toString(16)}\r\n`;
}

export const CHUNK_END = "\r\n";

/** The last chunk and the trailer section, with the trailers that may be forwarded. */
export function lastChunk(trailers: FieldSection | null): string {
  return trailers === null ? "0\r\n\r\n" : `0\r\n${keptTrailers(trailers)}\r\n`;
}
