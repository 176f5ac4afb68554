/**
 * Joins the chunks of a chunked body: all body bytes of one read become one chunk, however many chunks they came in. The borders of chunks
 * have no meaning (RFC 9112 section 7.1.3). So the receiver has fewer chunks to read, and the slices are written without lines in between.
 * One object serves all connections of a thread, because it must be empty after each event: it refers to a read buffer, which is used
 * again.
 */
import type { Buffer } from "node:buffer";
import { CHUNK_END, chunkStart } from "../../http1/write-chunk.ts";
import type { Outlet } from "./outlet.ts";

/** A slice of fewer bytes is moved to join the slice before: that costs less than a further piece in a gathering write. */
const MOVED_MAX = 4096;

export class OpenChunk {
  private outlet: Outlet | null = null;
  private bytes: Buffer | null = null;
  /** Start and end of each slice of `bytes`, in order. */
  private readonly places: number[] = [];
  private length: number = 0;

  /** Adds body bytes for that connection. The bytes stay in place until `close`; the bytes before `start` may be overwritten. */
  add(outlet: Outlet, bytes: Buffer, start: number, end: number): void {
    if (outlet !== this.outlet || bytes !== this.bytes) {
      this.closeAny();
      this.outlet = outlet;
      this.bytes = bytes;
    }
    const { places } = this;
    const length = end - start;
    const last = places.length - 1;
    this.length += length;
    if (length < MOVED_MAX && last > 0) {
      const to = places[last] as number;
      bytes.copyWithin(to, start, end);
      places[last] = to + length;
    } else places.push(start, end);
  }

  /**
   * Writes the chunk to the outlet, if it is for that one. Call it before anything else is written to the outlet and before it is flushed.
   */
  close(outlet: Outlet): void {
    if (outlet === this.outlet) this.closeAny();
  }

  /** Drops the chunk, if it is for that outlet: its connection is given up. */
  drop(outlet: Outlet): void {
    if (outlet === this.outlet) this.forget();
  }

  /** Writes the chunk to its outlet. Call it at the end of every event that may have added bytes. */
  closeAny(): void {
    const { outlet, bytes, places } = this;
    if (outlet === null || bytes === null) return;
    outlet.append(chunkStart(this.length));
    for (let index = 0; index < places.length; index += 2) outlet.slice(bytes, places[index] as number, places[index + 1] as number);
    outlet.append(CHUNK_END);
    this.forget();
  }

  /** Whether there is an unwritten chunk. Never true at the end of an event. */
  get isOpen(): boolean {
    return this.outlet !== null;
  }

  private forget(): void {
    this.outlet = null;
    this.bytes = null;
    this.places.length = 0;
    this.length = 0;
  }
}
