/**
 * Collects decrypted records. OpenSSL tells of each record of at most 16 KiB by itself, however many one read of the socket brought; a large message is
 * passed on faster in large pieces. So its records are collected until the end of the event loop's turn, or until the buffer is full.
 *
 * All TLS connections of a thread share one buffer, in which bytes of one connection at a time lie: those of the one before are handed over first. The
 * event loop makes the reads of a connection one after the other, so that changes often only where messages are small, which are not collected.
 */
import { Buffer } from "node:buffer";

const BATCH_BYTES = 264 * 1024;
/** A record's plaintext (RFC 8446 section 5.1). */
const RECORD_BYTES = 16 * 1024;

/** A connection whose records are collected. */
export interface RecordOwner {
  /** Takes what was collected: the buffer's first `count` bytes, which are valid until it returns. */
  takeRecords(buffer: Buffer, count: number): void;
}

export class RecordBatch {
  private buffer: Buffer | null = null;
  private owner: RecordOwner | null = null;
  private filled: number = 0;
  private isTurnAwaited: boolean = false;
  private readonly atTurnEnd: (then: () => void) => void;
  private readonly endTurn: () => void = () => this.onTurnEnd();

  /** @param atTurnEnd calls its argument once, after the events of the current turn */
  constructor(atTurnEnd: (then: () => void) => void) {
    this.atTurnEnd = atTurnEnd;
  }

  /** Whether bytes of that connection lie here: what it gets meanwhile comes after them. */
  has(owner: RecordOwner): boolean {
    return this.owner === owner;
  }

  /** Adds the first `count` bytes of `source`, at most a record, to what the connection gets. */
  add(owner: RecordOwner, source: Buffer, count: number): void {
    if (this.owner !== owner) this.handOver();
    this.owner = owner;
    this.buffer ??= Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.filled += source.copy(this.buffer, this.filled, 0, count);
    if (this.filled + RECORD_BYTES > BATCH_BYTES) return this.handOver();
    if (this.isTurnAwaited) return;
    this.isTurnAwaited = true;
    this.atTurnEnd(this.endTurn);
  }

  /** Gives the connection whose bytes lie here what it has. */
  handOver(): void {
    const { owner, buffer, filled } = this;
    this.owner = null;
    this.filled = 0;
    if (owner !== null && buffer !== null) owner.takeRecords(buffer, filled);
  }

  /** Forgets what lies here of that connection. */
  forget(owner: RecordOwner): void {
    if (this.owner !== owner) return;
    this.owner = null;
    this.filled = 0;
  }

  private onTurnEnd(): void {
    this.isTurnAwaited = false;
    this.handOver();
  }
}
