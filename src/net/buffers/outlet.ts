/**
 * The writing side of a connection. Collects text and slices of bodies, and writes them in as few system calls as possible. Text, small
 * slices and slices of the shared read buffer are copied into one latin1 string. Large slices of other buffers are given to the kernel in
 * place: their memory must not change until `flush` has returned true or `onUnblocked` was called.
 */
import type { Buffer } from "node:buffer";
import { latin1, writeLatin1 } from "../../base/latin1.ts";
import { sharedBuffer, withSharedBytes } from "./read-buffers.ts";
import type { Transport, TransportWriter } from "../transport/transport.ts";
import type { Waiting, WriteBatch } from "./write-batch.ts";

/** The connection that an outlet writes for. */
export interface OutletOwner {
  /** After `flush` returned false: the kernel has taken everything. */
  onUnblocked(): void;
  /** A write for which `flushLater` returned true is unfinished after all, as if it had returned false. */
  onBlocked(): void;
  /** A write failed: the peer takes nothing more. Its earlier bytes can still be read. Later writes are dropped. */
  onWriteFailed(): void;
}

/** Slices of at least this size are written in place; smaller ones cost less when copied. */
const IN_PLACE_BYTES = 4096;
/** Collected text that grows beyond this size is written even before `flush`. */
const TEXT_MAX = 64 * 1024;

/** Longer text does not wait for the end of the turn, because it would leave the processor's caches meanwhile. */
const WAITING_MAX = 8 * 1024;

export class Outlet implements TransportWriter, Waiting {
  /** The connection to write to; null until the owner sets it. */
  transport: Transport | null = null;
  /** A write is unfinished: the sender of the bytes must pause until `onUnblocked`. */
  blocked: boolean = false;
  /** Bytes handed to the transport. */
  bytesSent: number = 0;
  /** A write failed: the peer takes nothing more. */
  failed: boolean = false;
  /** Text waits for the end of the turn. */
  waits: boolean = false;
  private takenMark: number = 0;
  private readonly owner: OutletOwner;
  private text: string = "";
  /** What goes before `text`, in one gathering write (writev). */
  private pieces: (string | Buffer)[] | null = null;

  constructor(owner: OutletOwner) {
    this.owner = owner;
  }

  /** Adds text of characters up to U+00FF, one byte each. */
  append(text: string): void {
    this.text += text;
  }

  /** Adds `bytes` from `start` up to `end`. The bytes before `start` are done with and may be overwritten. */
  slice(bytes: Buffer, start: number, end: number): void {
    if (bytes === sharedBuffer || end - start < IN_PLACE_BYTES) {
      this.text = bytes === sharedBuffer ? withSharedBytes(this.text, start, end) : this.text + latin1(bytes, start, end);
      if (this.text.length > TEXT_MAX) this.write();
      return;
    }
    const { text, pieces } = this;
    this.text = "";
    if (pieces === null) {
      // Put the text in front of the slice, where the message's head was read from, if it fits: one piece needs no gathering write.
      const isRoom = text.length <= start && !this.blocked;
      if (isRoom) writeLatin1(bytes, text, start - text.length);
      const piece = bytes.subarray(isRoom ? start - text.length : start, end);
      this.pieces = isRoom || text === "" ? [piece] : [text, piece];
      return;
    }
    if (text !== "") pieces.push(text);
    pieces.push(bytes.subarray(start, end));
  }

  /** Bytes flushed so far, including text that waits for the end of the turn. */
  get bytesWritten(): number {
    return this.waits ? this.bytesSent + this.text.length : this.bytesSent;
  }

  /** Bytes that the kernel has taken. While a write is unfinished this is as exact as the system tells. */
  get taken(): number {
    return this.bytesSent - (this.transport?.queuedBytes ?? 0);
  }

  /** Starts to count for `takenSinceMark`. */
  markTaken(): void {
    this.takenMark = this.taken;
  }

  /** Bytes that the kernel has taken since `markTaken`. */
  get takenSinceMark(): number {
    return this.taken - this.takenMark;
  }

  /** Writes what was collected. Returns true if the kernel has taken everything. False: `onUnblocked` follows, or the connection ends. */
  flush(): boolean {
    if (this.text !== "" || this.pieces !== null) this.write();
    return !this.blocked;
  }

  /**
   * As `flush`, but a small text may wait in the batch until the end of the turn, and counts as written. The owner must call `endWait`
   * before it ends or closes the connection.
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
    // The write failed at once: no byte was taken.
    if (this.hasFailed()) this.bytesSent = bytesSent;
  }

  /** A method, because the compiler does not know that a write may change `failed`. */
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
