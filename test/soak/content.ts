/**
 * Bodies that can be told apart. All of them are windows into one table of random bytes; a body's seed says where its window begins. A
 * byte of another body, a lost or a doubled one is found by comparing memory, which costs next to nothing.
 */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { Random } from "./random.ts";

/** A prime: windows that wrap do not fall into step with read sizes. */
const TABLE_BYTES = 1_048_573;
/** Longest piece that {@link Content.piece} gives. */
export const PIECE_BYTES_MAX: number = 64 * 1024;

const table = makeTable();

export class Content {
  readonly bytes: number;
  private readonly start: number;

  /** @param part tells apart the bodies of one exchange */
  constructor(seed: number, part: "request" | "response", bytes: number) {
    this.bytes = bytes;
    this.start = new Random(seed * 2 + (part === "request" ? 0 : 1)).below(TABLE_BYTES);
  }

  /** `[from, to)`, at most {@link PIECE_BYTES_MAX} long; a view of the table. */
  piece(from: number, to: number): Buffer {
    const at = (this.start + from) % TABLE_BYTES;
    return table.subarray(at, at + Math.min(to, this.bytes) - from);
  }

  /** Whether `bytes` are what stands at `at`, and not beyond the end. */
  holds(at: number, bytes: Buffer): boolean {
    if (at + bytes.length > this.bytes) return false;
    for (let done = 0; done < bytes.length; done += PIECE_BYTES_MAX) {
      const piece = bytes.subarray(done, done + PIECE_BYTES_MAX);
      if (!piece.equals(this.piece(at + done, at + done + piece.length))) return false;
    }
    return true;
  }

  digest(): string {
    const digest = new Digest();
    for (let at = 0; at < this.bytes; at += PIECE_BYTES_MAX) digest.add(this.piece(at, at + PIECE_BYTES_MAX));
    return digest.text();
  }
}

/** Length and CRC-32 of what a peer got. */
export class Digest {
  private bytes: number = 0;
  private crc: number = 0;

  add(piece: Buffer): void {
    this.bytes += piece.length;
    this.crc = crc32(piece, this.crc);
  }

  text(): string {
    return `${this.bytes}-${this.crc.toString(16)}`;
  }
}

function makeTable(): Buffer {
  const random = new Random(0x6d696c6c);
  const made = Buffer.alloc(TABLE_BYTES + PIECE_BYTES_MAX);
  for (let at = 0; at < TABLE_BYTES; at++) made[at] = random.below(256);
  made.copy(made, TABLE_BYTES, 0, PIECE_BYTES_MAX);
  return made;
}
