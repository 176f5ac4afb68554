/**
 * Collects pieces of bytes into one buffer. The buffer grows by doubling, so up to half of it may be unused. A list of pieces would be
 * dangerous: for pieces of one byte each, the objects take a hundred times the memory that is counted.
 */
import { Buffer } from "node:buffer";

const NONE = Buffer.alloc(0);
const FIRST_BYTES = 4096;

export class GatheredBytes {
  size: number = 0;
  private buffer: Buffer = NONE;

  /** The memory that the bytes take. */
  get capacity(): number {
    return this.buffer.length;
  }

  /** All bytes added so far, as a new view of the buffer. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.size);
  }

  /** Adds a copy of the bytes. */
  add(bytes: Buffer, start: number, end: number): void {
    const size = this.size + end - start;
    if (size > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.buffer.length, FIRST_BYTES));
      this.buffer.copy(grown, 0, 0, this.size);
      this.buffer = grown;
    }
    bytes.copy(this.buffer, this.size, start, end);
    this.size = size;
  }

  /** Forgets all bytes. Views that `bytes` has returned stay valid. */
  letGo(): void {
    this.buffer = NONE;
    this.size = 0;
  }
}
