import type { Buffer } from "node:buffer";

/** Emptied places at the front of the list that are kept before it is moved up. */
const GAP_MAX = 64;

/** Bytes in the order in which they were added, referred to and not copied. */
export class ByteQueue {
  length: number = 0;
  private pieces: Buffer[] = [];
  /** Index of the first piece that is not taken. */
  private first: number = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.length += piece.length;
  }

  /** Takes bytes from the front: a part of the first piece, at most `max`; at least one byte is there. */
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
