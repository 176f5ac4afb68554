/**
 * The writing side of a socket: collects what one turn of the event loop has to say and writes it in as few calls as possible.
 * Text, small slices and those of the shared read buffer go out as one latin1 string, which copies them; large slices are handed to the
 * kernel in place, so the memory they lie in must stay untouched until `flush` said true or `onDrained` was called.
 */
import type { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { latin1 } from "../http1/latin1.ts";
import { sharedBuffer } from "./read-buffers.ts";
import { awaitWrite, handleOf, writeChunks } from "./socket-handle.ts";
import type { SocketHandle } from "./socket-handle.ts";

export interface OutletOwner {
  /** Everything written has left for the kernel, after `flush` had answered false. */
  onDrained(): void;
  /** The peer takes nothing more. What it sent before can still be read; what is written from now on is thrown away. */
  onWriteFailed(): void;
}

/** From here on a piece of its own in a gathering write costs less than copying. */
const IN_PLACE_BYTES = 4096;
/** Collected text is written when it grows beyond this, even before `flush`. */
const TEXT_MAX = 64 * 1024;

export class Outlet {
  readonly socket: Socket;
  /** A write has not finished: the source must pause until `onDrained`. */
  blocked: boolean = false;
  bytesWritten: number = 0;
  /** A write failed: the peer takes nothing more. */
  failed: boolean = false;
  private readonly owner: OutletOwner;
  /** null: the socket's stream is used. */
  private handle: SocketHandle | null = null;
  private text: string = "";
  /** What goes before `text`, in one gathering write. */
  private chunks: (string | Buffer)[] | null = null;
  private unfinished: number = 0;

  constructor(socket: Socket, owner: OutletOwner) {
    this.socket = socket;
    this.owner = owner;
  }

  /** Text of characters up to U+00FF, one byte each. */
  append(text: string): void {
    this.text += text;
  }

  slice(bytes: Buffer, start: number, end: number): void {
    if (bytes === sharedBuffer || end - start < IN_PLACE_BYTES) {
      this.text += latin1(bytes, start, end);
      if (this.text.length > TEXT_MAX) this.write();
      return;
    }
    this.chunks ??= [];
    if (this.text !== "") this.chunks.push(this.text);
    this.text = "";
    this.chunks.push(bytes.subarray(start, end));
  }

  /** Bytes that the kernel has taken; while a write is unfinished, as far as the system tells. */
  get taken(): number {
    const { handle } = this;
    return this.bytesWritten - (handle === null ? this.socket.writableLength : handle.writeQueueSize);
  }

  /** Writes what was collected. True: the kernel has it all. False: `onDrained` will be called, or the socket ends. */
  flush(): boolean {
    if (this.text !== "" || this.chunks !== null) this.write();
    return !this.blocked;
  }

  private write(): void {
    const { socket, text, chunks } = this;
    this.text = "";
    this.chunks = null;
    if (this.failed || socket.destroyed || socket.writableEnded) return;
    const handle = (this.handle ??= handleOf(socket));
    if (chunks === null) this.bytesWritten += text.length;
    else {
      if (text !== "") chunks.push(text);
      for (const chunk of chunks) this.bytesWritten += chunk.length;
    }
    if (handle === null) return this.writeStream(chunks ?? [text]);
    const result = chunks === null ? handle.writeLatin1String(null, text) : writeChunks(handle, chunks);
    if (typeof result === "number") {
      if (result !== 0) this.fail();
      return;
    }
    this.unfinished++;
    this.blocked = true;
    awaitWrite(result, chunks ?? text, (status) => this.complete(status));
  }

  private complete(status: number): void {
    this.unfinished--;
    if (this.failed || this.socket.destroyed) return;
    if (status < 0) return this.fail();
    if (this.unfinished > 0 || !this.blocked) return;
    this.blocked = false;
    if (!this.socket.writableEnded) this.owner.onDrained();
  }

  private fail(): void {
    if (this.failed) return;
    this.failed = true;
    this.blocked = false;
    this.owner.onWriteFailed();
  }

  // ---- through the socket's stream, where its handle is none of those that are known -----------------------------------

  private writeStream(chunks: readonly (string | Buffer)[]): void {
    const { socket } = this;
    if (chunks.length > 1) socket.cork();
    for (const chunk of chunks) {
      if (typeof chunk === "string") socket.write(chunk, "latin1");
      else socket.write(chunk);
    }
    if (chunks.length > 1) socket.uncork();
    if (this.blocked || socket.writableLength === 0) return;
    this.blocked = true;
    socket.write("", "latin1", () => this.streamWritten());
  }

  private streamWritten(): void {
    const { socket } = this;
    if (!this.blocked || socket.destroyed || socket.writableEnded) return;
    if (socket.writableLength > 0) return void socket.write("", "latin1", () => this.streamWritten());
    this.blocked = false;
    this.owner.onDrained();
  }
}
