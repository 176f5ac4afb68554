/**
 * The chunk that a chunked body goes on with: whatever one read brought of the body becomes one, in however many chunks it came (RFC 9112
 * section 7.1.3: how a sender cuts them says nothing). The receiver has fewer to read, and no line lies between the slices to be written.
 * One serves all connections of a thread, for nothing may stay in it behind the event that brought it: the memory that it refers to is
 * read into again.
 */
import type { Buffer } from "node:buffer";
import { CHUNK_END, chunkStart } from "../../http1/write-chunk.ts";
import type { Outlet } from "./outlet.ts";

/** Moving fewer bytes costs less than one more piece in a gathering write. */
const MOVED_MAX = 4096;

export class OpenChunk {
  private outlet: Outlet | null = null;
  private bytes: Buffer | null = null;
  /** Start and end of each slice of `bytes`, in order. */
  private readonly places: number[] = [];
  private length: number = 0;

  /** Body bytes for that connection; they stay where they are until `close`, and what lies before `start` may be written over. */
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

  /** Gives the outlet what was collected for it: before anything else that it is given, and before it is flushed. */
  close(outlet: Outlet): void {
    if (outlet === this.outlet) this.closeAny();
  }

  /** What was collected for that outlet goes nowhere: its connection is given up. */
  drop(outlet: Outlet): void {
    if (outlet === this.outlet) this.forget();
  }

  /** At the end of every event that may have brought some: whoever it is for gets it while it is there. */
  closeAny(): void {
    const { outlet, bytes, places } = this;
    if (outlet === null || bytes === null) return;
    outlet.append(chunkStart(this.length));
    for (let index = 0; index < places.length; index += 2) outlet.slice(bytes, places[index] as number, places[index + 1] as number);
    outlet.append(CHUNK_END);
    this.forget();
  }

  /** Something was added that is not closed yet: never at the end of an event. */
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
