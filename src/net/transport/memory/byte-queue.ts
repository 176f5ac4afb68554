import type { Buffer } from "node:buffer";

/** How many taken pieces may stay at the front of the list before the list is copied without them. */
const GAP_MAX = 64;

/** A queue of bytes. Refers to the added buffers and copies nothing. */
export class ByteQueue {
  length: number = 0;
  private pieces: Buffer[] = [];
  /** Index of the first piece that was not taken yet. */
  private first: number = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.length += piece.length;
  }

  /** Takes at most `max` bytes from the front, out of the first piece only. The queue must not be empty. */
  take(max: number): Buffer {
    const piece = this.pieces[this.first] as Buffer;
    const part = piece.subarray(0, max);
    this.length -= part.length;
    if (part.length < piece.length) this.pieces[this.first] = piece.subarray(part.length);
    else if (++this.first > GAP_MAX && this.first * 2 > this.pieces.length) {
      this.pieces = this.pieces.slice(this.first);
      this.first = 0;
    }
    return part;
  }

  clear(): void {
    this.pieces = [];
    this.first = 0;
    this.length = 0;
  }
}
