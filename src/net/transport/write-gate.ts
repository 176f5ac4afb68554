/**
 * What is written to a TLS connection on Node's handle. The handle takes one write at a time; a second one would end the whole process. The next one may be
 * begun when the one before is complete, which is never in the same turn of the event loop. So a small text waits here meanwhile and counts as written, and
 * everything else answers that not all was taken.
 */
import type { Buffer } from "node:buffer";
import { writePieces } from "./raw-transport.ts";
import type { RawHandle, WriteRequest } from "./raw-access.ts";
import type { TlsHandle } from "./tls-access.ts";

/** Text of at most so many bytes waits while a write is open, and counts as written. */
const WAITING_BYTES_MAX = 16 * 1024;

/** The transport whose writes pass the gate. */
export interface GateOwner {
  readonly destroyed: boolean;
  /** A write has failed. May be called within `write` and `isFree`. */
  onWriteFailed(): void;
  /**
   * After `write` returned false, or `awaitCurrent` was called: no write is open or waiting any more.
   * @param hasFailed `onWriteFailed` was called for the last one
   * @param wasBlocked `write` has returned false
   */
  onWritesOver(hasFailed: boolean, wasBlocked: boolean): void;
}

export class WriteGate {
  private readonly handle: TlsHandle;
  private readonly tcp: RawHandle;
  private readonly owner: GateOwner;
  /** The write that is open, or that was complete without anybody having looked. */
  private current: WriteRequest | null = null;
  /** `current` calls back when it is complete. */
  private isAwaited: boolean = false;
  /** What waits for `current`. */
  private waiting: (string | Buffer)[] = [];
  waitingBytes: number = 0;
  /** `write` has returned false. */
  private isBlocked: boolean = false;

  /** @param tcp the handle below, whose queue says what the kernel has not taken */
  constructor(handle: TlsHandle, tcp: RawHandle, owner: GateOwner) {
    this.handle = handle;
    this.tcp = tcp;
    this.owner = owner;
  }

  /** Returns whether the kernel has taken everything, or it counts as written. */
  write(data: string | readonly (string | Buffer)[]): boolean {
    return this.isFree() ? this.issue(data) : this.enqueue(data);
  }

  /** Whether a write may begin now. */
  isFree(): boolean {
    const { current } = this;
    if (current === null) return true;
    if (this.isAwaited || current.writeStatus === null) return false;
    const { writeStatus } = current;
    this.current = null;
    if (writeStatus < 0) this.owner.onWriteFailed();
    return true;
  }

  /** Has the owner called back when the open write is complete. */
  awaitCurrent(): void {
    const { current } = this;
    if (current === null || this.isAwaited) return;
    this.isAwaited = true;
    current.oncomplete = (status) => this.complete(status);
  }

  /** Forgets what waits. */
  drop(): void {
    this.waiting = [];
    this.waitingBytes = 0;
  }

  /** Returns whether the kernel has taken everything. */
  private issue(data: string | readonly (string | Buffer)[]): boolean {
    const { handle, owner } = this;
    const result = typeof data === "string" ? handle.writeLatin1String(null, data) : writePieces(handle, data);
    if (typeof result === "number") {
      if (result < 0) owner.onWriteFailed();
      return true;
    }
    const { writeStatus } = result;
    if (writeStatus !== null && writeStatus < 0) {
      owner.onWriteFailed();
      return true;
    }
    this.current = result;
    this.isAwaited = false;
    if (this.tcp.writeQueueSize === 0) return true;
    this.isBlocked = true;
    this.awaitCurrent();
    return false;
  }

  /** Keeps what is written while a write is open. Returns whether it counts as written. */
  private enqueue(data: string | readonly (string | Buffer)[]): boolean {
    const { waiting } = this;
    if (typeof data === "string") {
      waiting.push(data);
      this.waitingBytes += data.length;
    } else {
      for (const piece of data) {
        waiting.push(piece);
        this.waitingBytes += piece.length;
      }
      this.isBlocked = true;
    }
    if (this.waitingBytes > WAITING_BYTES_MAX) this.isBlocked = true;
    this.awaitCurrent();
    return !this.isBlocked;
  }

  private complete(status: number): void {
    const { owner, waiting } = this;
    this.current = null;
    this.isAwaited = false;
    if (owner.destroyed) return;
    const hasFailed = status < 0;
    if (hasFailed) {
      this.drop();
      this.isBlocked = false;
      owner.onWriteFailed();
    } else if (waiting.length > 0) {
      this.drop();
      // Not awaited: a write that has left at once is as good as complete, but the gate is closed for this turn.
      if (!this.issue(waiting)) return;
    }
    const wasBlocked = this.isBlocked;
    this.isBlocked = false;
    owner.onWritesOver(hasFailed, wasBlocked);
  }
}
