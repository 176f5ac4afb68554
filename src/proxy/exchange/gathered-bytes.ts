/**
 * Bytes that come in pieces and are wanted in one. They lie in one buffer that grows: with an object for each piece, a peer that sends chunks of
 * one byte would cost a hundred times what is counted. Of the buffer half may be empty.
 */
import { Buffer } from "node:buffer";

const NONE = Buffer.alloc(0);
const FIRST_BYTES = 4096;

export class GatheredBytes {
  size: number = 0;
  private buffer: Buffer = NONE;

  /** A view of all that has come, another one each time. */
  get bytes(): Buffer {
    return this.buffer.subarray(0, this.size);
  }

  /** Keeps a copy. */
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

  letGo(): void {
    this.buffer = NONE;
    this.size = 0;
  }
}
