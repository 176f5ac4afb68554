/**
 * The writing side of a connection: collects what one turn of the event loop has to say and writes it in as few calls as possible.
 * Text, small slices and those of the shared read buffer go out as one latin1 string, which copies them; large slices are handed to the
 * kernel in place, so the memory they lie in must stay untouched until `flush` said true or `onUnblocked` was called.
 */
import type { Buffer } from "node:buffer";
import { latin1, writeLatin1 } from "../../base/latin1.ts";
import { sharedBuffer, withSharedBytes } from "./read-buffers.ts";
import type { Transport, TransportWriter } from "../transport/transport.ts";
import type { Waiting, WriteBatch } from "./write-batch.ts";

export interface OutletOwner {
  /** After `flush` had answered false: everything written has left for the kernel. */
  onUnblocked(): void;
  /** What `flushLater` answered true for has not all left after all: as if it had answered false. */
  onBlocked(): void;
  /** The peer takes nothing more. What it sent before can still be read; what is written from now on is thrown away. */
  onWriteFailed(): void;
}

/** From here on a piece of its own in a gathering write costs less than copying. */
const IN_PLACE_BYTES = 4096;
/** Collected text is written when it grows beyond this, even before `flush`. */
const TEXT_MAX = 64 * 1024;

/** Longer text does not wait for the end of the turn: it would leave the processor's caches meanwhile. */
const WAITING_MAX = 8 * 1024;

export class Outlet implements TransportWriter, Waiting {
  /** Where it writes to; null until the owner has connected it. */
  transport: Transport | null = null;
  /** A write has not finished: the source must pause until `onUnblocked`. */
  blocked: boolean = false;
  /** Bytes handed to the transport. */
  bytesSent: number = 0;
  /** A write failed: the peer takes nothing more. */
  failed: boolean = false;
  /** Text is kept for the end of the turn. */
  waits: boolean = false;
  private takenMark: number = 0;
  private readonly owner: OutletOwner;
  private text: string = "";
  /** What goes before `text`, in one gathering write. */
  private pieces: (string | Buffer)[] | null = null;

  constructor(owner: OutletOwner) {
    this.owner = owner;
  }

  /** Text of characters up to U+00FF, one byte each. */
  append(text: string): void {
    this.text += text;
  }

  /** What lies before `start` has been read, and may be written over. */
  slice(bytes: Buffer, start: number, end: number): void {
    if (bytes === sharedBuffer || end - start < IN_PLACE_BYTES) {
      this.text = bytes === sharedBuffer ? withSharedBytes(this.text, start, end) : this.text + latin1(bytes, start, end);
      if (this.text.length > TEXT_MAX) this.write();
      return;
    }
    const { text, pieces } = this;
    this.text = "";
    if (pieces === null) {
      // The place where the head came is where it fits: one piece, which needs no gathering.
      const isRoom = text.length <= start && !this.blocked;
      if (isRoom) writeLatin1(bytes, text, start - text.length);
      const piece = bytes.subarray(isRoom ? start - text.length : start, end);
      this.pieces = isRoom || text === "" ? [piece] : [text, piece];
      return;
    }
    if (text !== "") pieces.push(text);
    pieces.push(bytes.subarray(start, end));
  }

  /** Bytes that were flushed, those that wait included. */
  get bytesWritten(): number {
    return this.waits ? this.bytesSent + this.text.length : this.bytesSent;
  }

  /** Bytes that the kernel has taken; while a write is unfinished, as far as the system tells. */
  get taken(): number {
    return this.bytesSent - (this.transport?.queuedBytes ?? 0);
  }

  /** From now on it is counted what the kernel takes. */
  markTaken(): void {
    this.takenMark = this.taken;
  }

  /** Bytes that the kernel has taken since `markTaken`. */
  get takenSinceMark(): number {
    return this.taken - this.takenMark;
  }

  /** Writes what was collected. True: the kernel has it all. False: `onUnblocked` will be called, or the connection ends. */
  flush(): boolean {
    if (this.text !== "" || this.pieces !== null) this.write();
    return !this.blocked;
  }

  /**
   * As `flush`, but a little text may wait for the end of the turn, which counts as written. Before the connection is ended or closed
   * by its owner, `endWait`.
   */
  flushLater(batch: WriteBatch, isRequest: boolean): boolean {
    if (this.pieces !== null || this.blocked || this.failed || this.text === "" || this.text.length > WAITING_MAX) return this.flush();
    if (!this.waits) this.waits = batch.keep(this, isRequest);
    return this.waits || this.flush();
  }

  endWait(): void {
    if (this.waits && !this.flush()) this.owner.onBlocked();
  }

  private write(): void {
    const { text, pieces, transport } = this;
    this.waits = false;
    this.text = "";
    this.pieces = null;
    if (this.failed || transport === null || !transport.writable) return;
    const { bytesSent } = this;
    if (pieces === null) {
      this.bytesSent += text.length;
      if (!transport.write(text)) this.blocked = true;
    } else {
      if (text !== "") pieces.push(text);
      for (const piece of pieces) this.bytesSent += piece.length;
      if (!transport.write(pieces)) this.blocked = true;
    }
    // It failed at once: not a byte was taken.
    if (this.hasFailed()) this.bytesSent = bytesSent;
  }

  /** A question of its own, as the compiler does not see that a write may change the answer. */
  private hasFailed(): boolean {
    return this.failed;
  }

  onWritten(): void {
    if (this.failed || !this.blocked) return;
    this.blocked = false;
    if (this.transport?.writable === true) this.owner.onUnblocked();
  }

  onWriteFailed(): void {
    if (this.failed) return;
    this.failed = true;
    this.blocked = false;
    this.owner.onWriteFailed();
  }
}
