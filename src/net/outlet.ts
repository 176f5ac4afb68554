/**
 * The writing side of a socket: collects what one turn of the event loop has to say and writes it in as few calls as possible.
 * Text and small slices go out as one latin1 string, which copies them; large slices are handed to the kernel in place, so the memory
 * they lie in must stay untouched until `flush` said true or `onDrained` was called.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SHARED_BYTES } from "./read-buffers.ts";
import { latin1 } from "../http1/latin1.ts";

export interface OutletOwner {
  /** Everything written has left for the kernel, after `flush` had answered false. */
  onDrained(): void;
}

/** Collected text is written when it grows beyond this, even before `flush`. */
const TEXT_MAX = 64 * 1024;

export class Outlet {
  readonly socket: Socket;
  /** A write has not finished: the source must pause until `onDrained`. */
  blocked: boolean = false;
  bytesWritten: number = 0;
  private text: string = "";
  private corked: boolean = false;
  private readonly drained: () => void;

  constructor(socket: Socket, owner: OutletOwner) {
    this.socket = socket;
    this.drained = () => {
      if (!this.blocked || this.socket.destroyed || this.socket.writableEnded) return;
      if (this.socket.writableLength > 0) {
        this.socket.write("", "latin1", this.drained);
        return;
      }
      this.blocked = false;
      owner.onDrained();
    };
  }

  /** Text of characters up to U+00FF, one byte each. */
  append(text: string): void {
    this.text += text;
  }

  slice(bytes: Buffer, start: number, end: number): void {
    if (end - start <= SHARED_BYTES) {
      this.text += latin1(bytes, start, end);
      if (this.text.length > TEXT_MAX) this.writeText();
      return;
    }
    // With text before it or after it, all of it goes out in one gathering write at the flush.
    if (this.text !== "" && !this.corked) {
      this.corked = true;
      this.socket.cork();
    }
    if (this.text !== "") this.writeText();
    this.bytesWritten += end - start;
    this.socket.write(bytes.subarray(start, end));
  }

  /** Bytes that the kernel has taken; while a write is unfinished, as far as the system tells. */
  get taken(): number {
    const { _handle: handle }: { _handle?: { writeQueueSize?: number } | null } = this.socket as Socket & { _handle?: object | null };
    return this.bytesWritten - (handle?.writeQueueSize ?? this.socket.writableLength);
  }

  /** Whether something was appended that `flush` has not written yet. */
  get pending(): boolean {
    return this.text !== "";
  }

  /** Writes what was collected. True: the kernel has it all. False: `onDrained` will be called, or the socket ends. */
  flush(): boolean {
    if (this.text !== "") this.writeText();
    if (this.corked) {
      this.corked = false;
      this.socket.uncork();
    }
    if (this.blocked) return false;
    if (this.socket.writableLength === 0) return true;
    this.blocked = true;
    this.socket.write("", "latin1", this.drained);
    return false;
  }

  private writeText(): void {
    const text = this.text;
    this.text = "";
    this.bytesWritten += text.length;
    this.socket.write(text, "latin1");
  }
}
