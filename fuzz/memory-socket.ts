import { Duplex } from "node:stream";
import type { Buffer } from "node:buffer";

/** One end of a connection that exists in memory only: gives what it is told to receive, and forgets what is written to it. */
export class MemorySocket extends Duplex {
  /** As a socket does when bytes arrive; without the queue of streams, which would hand them on in a later turn of the event loop. */
  receive(bytes: Buffer): void {
    this.emit("data", bytes);
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, done: () => void): void {
    done();
  }
}
