import { MORE, SIGNATURE, fault } from "./header.ts";
import type { ProxyRead } from "./header.ts";
import { readV1 } from "./read-v1.ts";
import { readV2 } from "./read-v2.ts";

const V1_BEGINNING = "PROXY ";
/** The first piece that has to wait for more gets this much room, in bytes: enough for the addresses and most fields. */
const ROOM_BYTES = 256;

/**
 * Reads a header that comes in pieces. A connection has exactly one header, before everything else: bytes that begin like none are a fault, and
 * never the first bytes of the connection's own protocol.
 */
export class ProxyHeaderReader {
  /** What has come without making a header. Null: nothing has. */
  private held: Uint8Array | null = null;
  private size: number = 0;

  /** Whether any byte has come. */
  get hasBegun(): boolean {
    return this.size > 0;
  }

  /**
   * Takes `bytes[start, end)`. After a header, `end` of the result says where in `bytes` the connection's own protocol begins. After a header
   * or a fault the reader takes nothing more.
   */
  take(bytes: Uint8Array, start: number, end: number): ProxyRead {
    const { held, size } = this;
    if (held === null) {
      const read = readHeader(bytes, start, end);
      if (read.kind === "more") this.hold(bytes, start, end);
      return read;
    }
    this.hold(bytes, start, end);
    const read = readHeader(this.held ?? held, 0, this.size);
    return read.kind === "header" ? { ...read, end: start + read.end - size } : read;
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const size = this.size + end - start;
    const before = this.held;
    if (before === null || before.length < size) {
      this.held = new Uint8Array(Math.max(ROOM_BYTES, 2 * size));
      if (before !== null) this.held.set(before.subarray(0, this.size));
    }
    this.held?.set(bytes.subarray(start, end), this.size);
    this.size = size;
  }
}

/** Reads a header at `bytes[start, end)`. */
export function readHeader(bytes: Uint8Array, start: number, end: number): ProxyRead {
  if (start === end) return MORE;
  const isV1 = bytes[start] === V1_BEGINNING.charCodeAt(0);
  const beginning = isV1 ? V1_BEGINNING : SIGNATURE;
  for (let index = 0; index < beginning.length; index++) {
    if (start + index === end) return MORE;
    if (bytes[start + index] !== beginning.charCodeAt(index)) return fault("no_header");
  }
  return isV1 ? readV1(bytes, start, end) : readV2(bytes, start, end);
}
