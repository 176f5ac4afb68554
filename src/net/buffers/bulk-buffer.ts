/**
 * One large buffer shared by all connections of a thread that bring large messages. It stays in the processor's caches; a buffer for each
 * connection would not. Slices of it are given to the kernel in place, so the rule is:
 *
 *     No connection reads into the buffer while an unfinished write refers to it.
 *
 * The kernel takes most writes at once. When a write is unfinished, its connection keeps the buffer for itself, and all other connections
 * are moved to a new one. That happens before the next read, because the event loop makes reads one after the other.
 */
import type { Buffer } from "node:buffer";
import { giveBack, takeLargest } from "./read-buffers.ts";

/** A connection that uses the bulk buffer: from `join` until `leave`, `keep`, or a `moveTo` that it refuses. */
export interface BulkReader {
  /**
   * Uses that buffer for the next read. Returns false if the connection uses another buffer instead. Never called within a read of this
   * connection.
   */
  moveTo(buffer: Buffer): boolean;
}

/** A limit, because moving all connections must cost less than sharing the buffer gains. */
const READERS_MAX = 32;

export class BulkBuffer {
  private buffer: Buffer | null = null;
  private readonly readers: Set<BulkReader> = new Set();

  /** Returns the buffer for the connection's next reads; null: the limit of connections is reached. */
  join(reader: BulkReader): Buffer | null {
    if (this.readers.size >= READERS_MAX) return null;
    this.readers.add(reader);
    return (this.buffer ??= takeLargest());
  }

  /** The connection stops using the buffer; none of its writes refers to it. */
  leave(reader: BulkReader): void {
    if (!this.readers.delete(reader) || this.readers.size > 0 || this.buffer === null) return;
    giveBack(this.buffer);
    this.buffer = null;
  }

  /**
   * An unfinished write of this connection refers to the buffer: gives it the buffer, and moves all others. Call it at the end of the read.
   */
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
