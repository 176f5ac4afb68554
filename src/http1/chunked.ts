/**
 * Decodes the chunked transfer coding (RFC 9112 section 7.1). Framing is read byte by byte; data is passed on in slices. Lines must end
 * with CRLF: a parser that accepts a bare LF and one that does not see different messages (the attack "TERM.EXT").
 *
 * ```text
 *   size [extensions] --CRLF--> data --all--> data CR --> data LF --> size
 *    | size 0, CRLF
 *    `--> last (the trailer section follows; the caller reads it)
 * ```
 */
import { CR, HEX, LF, SEMICOLON, isSpace } from "./chars.ts";
import { Extension, nextInExtension } from "./chunk-extensions.ts";
import type { ExtensionState } from "./chunk-extensions.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./faults.ts";
import { CHUNK_DIGITS_MAX, CHUNK_EXTENSION_BYTES_MAX, CHUNK_SIZE_CHARS_MAX, MESSAGE_EXTENSION_BYTES_MAX } from "./limits.ts";

export const Chunk = { needMore: 0, data: 1, last: 2, fault: 3 } as const;
export type ChunkResult = (typeof Chunk)[keyof typeof Chunk];

const State = { sizeFirst: 0, size: 1, extension: 2, sizeLineFeed: 3, data: 4, dataCr: 5, dataLf: 6, last: 7 } as const;

export class ChunkedDecoder {
  /** Offset of the first byte that the last `step` did not consume. */
  at: number = 0;
  /** After `Chunk.data`: the data is `bytes[dataStart, dataEnd)` of the bytes given to `step`. */
  dataStart: number = 0;
  dataEnd: number = 0;
  /** After `Chunk.fault`: the reason. */
  fault: Fault = Faults.chunkSize;

  private state: number = State.sizeFirst;
  /** Data bytes left in this chunk. While the size is being read: its value so far. */
  private remaining: number = 0;
  private digits: number = 0;
  private sizeChars: number = 0;
  private extension: ExtensionState = Extension.before;
  private extensionBytes: number = 0;
  private messageExtensionBytes: number = 0;

  /** Begins a new body. */
  reset(): void {
    this.state = State.sizeFirst;
    this.remaining = 0;
    this.messageExtensionBytes = 0;
  }

  /**
   * Reads `bytes[from, limit)` up to the next result and sets `at`. `data`: see `dataStart`. `last`: the last chunk was read, and the
   * trailer section follows, which the caller reads.
   */
  step(bytes: Uint8Array, from: number, limit: number): ChunkResult {
    let at = from;
    while (at < limit) {
      if (this.state === State.data) {
        const end = Math.min(limit, at + this.remaining);
        this.dataStart = at;
        this.dataEnd = end;
        this.remaining -= end - at;
        if (this.remaining === 0) this.state = State.dataCr;
        this.at = end;
        return Chunk.data;
      }
      const octet = bytes[at] as number;
      at++;
      const fault = this.frame(octet);
      if (fault !== null) {
        this.fault = fault;
        this.at = at;
        return Chunk.fault;
      }
      if (this.state === State.last) {
        this.at = at;
        return Chunk.last;
      }
    }
    this.at = at;
    return Chunk.needMore;
  }

  /** Reads one octet of framing. */
  private frame(octet: number): Fault | null {
    switch (this.state) {
      case State.sizeFirst:
        this.remaining = 0;
        this.digits = 0;
        this.sizeChars = 0;
        this.extensionBytes = 0;
        this.state = State.size;
        return this.sizeDigit(octet);
      case State.size:
        if (octet === CR) this.state = State.sizeLineFeed;
        else if (octet === SEMICOLON) {
          this.state = State.extension;
          this.extension = Extension.start;
        } else if (isSpace(octet)) {
          // RFC 9112 section 7.1.1 allows white space only before ";", so "5 \r\n" is refused.
          this.state = State.extension;
          this.extension = Extension.before;
          return this.countExtension();
        } else return this.sizeDigit(octet);
        return null;
      case State.extension:
        this.extension = nextInExtension(this.extension, octet);
        if (this.extension === Extension.fault) return Faults.chunkExtension;
        if (this.extension !== Extension.end) return this.countExtension();
        this.state = State.sizeLineFeed;
        return null;
      case State.sizeLineFeed:
        if (octet !== LF) return Faults.chunkSize;
        this.state = this.remaining === 0 ? State.last : State.data;
        return null;
      case State.dataCr:
        if (octet !== CR) return Faults.chunkEnd;
        this.state = State.dataLf;
        return null;
      default:
        if (octet !== LF) return Faults.chunkEnd;
        this.state = State.sizeFirst;
        return null;
    }
  }

  private sizeDigit(octet: number): Fault | null {
    const digit = HEX[octet] as number;
    if (digit === 255) return Faults.chunkSize;
    this.sizeChars++;
    if (this.digits > 0 || digit > 0) this.digits++;
    if (this.digits > CHUNK_DIGITS_MAX || this.sizeChars > CHUNK_SIZE_CHARS_MAX) return Faults.chunkSize;
    this.remaining = this.remaining * 16 + digit;
    return null;
  }

  private countExtension(): Fault | null {
    this.extensionBytes++;
    this.messageExtensionBytes++;
    const tooLong = this.extensionBytes > CHUNK_EXTENSION_BYTES_MAX || this.messageExtensionBytes > MESSAGE_EXTENSION_BYTES_MAX;
    return tooLong ? Faults.chunkExtension : null;
  }
}
