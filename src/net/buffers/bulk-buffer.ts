/**
 * One large buffer that all connections read into which bring large messages in one piece: it stays in the processor's caches, where a
 * buffer for each would not. Slices of it go to the kernel in place, so
 *
 *     nobody reads into it while an unfinished write refers to it.
 *
 * The kernel takes most writes at once. When it does not take one, whoever wrote keeps the buffer, and the others are moved to another one
 * before anything else can be read: reads come from the event loop, one after the other.
 */
import type { Buffer } from "node:buffer";
import { giveBack, takeLargest } from "./read-buffers.ts";

/** A connection that reads into the buffer, from `join` to `leave`, `keep` or a `moveTo` that it refuses. */
export interface BulkReader {
  /** Its next read must go into that buffer; or it answers false, and reads into one of its own. Never called while it is being read. */
  moveTo(buffer: Buffer): boolean;
}

/** Moving them all must cost less than what is won. */
const READERS_MAX = 32;

export class BulkBuffer {
  private buffer: Buffer | null = null;
  private readonly readers: Set<BulkReader> = new Set();

  /** The buffer that it reads into from now on; null: there are enough. */
  join(reader: BulkReader): Buffer | null {
    if (this.readers.size >= READERS_MAX) return null;
    this.readers.add(reader);
    return (this.buffer ??= takeLargest());
  }

  /** It reads into it no more, and nothing of its own refers to it. */
  leave(reader: BulkReader): void {
    if (!this.readers.delete(reader) || this.readers.size > 0 || this.buffer === null) return;
    giveBack(this.buffer);
    this.buffer = null;
  }

  /** A write of its own still refers to the buffer: that is its own from now on. To be called at the end of the read that brought it. */
  keep(reader: BulkReader): void {
    this.readers.delete(reader);
    this.buffer = null;
    if (this.readers.size === 0) return;
    const next = takeLargest();
    for (const other of this.readers) if (!other.moveTo(next)) this.readers.delete(other);
    if (this.readers.size > 0) this.buffer = next;
    else giveBack(next);
  }
}
