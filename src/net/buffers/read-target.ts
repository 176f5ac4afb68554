/**
 * Decides after each read which buffer a connection uses for the next one: the thread's shared buffer, a loan of its own (read-buffers.ts),
 * or the bulk buffer that connections with large messages share (bulk-buffer.ts).
 *
 * ```text
 *   shared --filled--> loan --large message over--> bulk --small message over--> shared
 *                       ^ an unfinished write refers to it |
 *                       `----------------------------------'
 * ```
 * The first large message of a connection is read in growing pieces. The next message is probably as large, so its first read goes into the
 * bulk buffer. A connection whose receivers are slower than it sends must leave the bulk buffer often; in the end it only uses loans of its
 * own.
 */
import type { Buffer } from "node:buffer";
import type { BulkBuffer, BulkReader } from "./bulk-buffer.ts";
import { beginIdleLoan, endIdleLoan, giveBack, isTrickle, nextBuffer, sharedBuffer } from "./read-buffers.ts";
import type { Transport } from "../transport/transport.ts";

/**
 * A connection that has had to leave a bulk buffer this often does not get one again: it gains nothing, and Node keeps a little memory for
 * each change.
 */
const MOVES_MAX = 8;

/** A connection that reads. Most connections never read more than the shared buffer holds, and need no ReadTarget. */
export interface Reading {
  /** The buffer for the next read. */
  readBuffer: Buffer;
  readonly transport: Transport;
}

export class ReadTarget implements BulkReader {
  private readonly owner: Reading;
  private readonly bulk: BulkBuffer;
  private readonly mayKeepLoan: boolean;
  private isBulk: boolean = false;
  /** The connection keeps a loan while it is idle. */
  private keepsLoan: boolean = false;
  /** How often the connection had to leave a bulk buffer. */
  private moves: number = 0;
  /** Bytes of the current message so far. */
  private brought: number = 0;

  /**
   * @param owner a connection that reads into the shared buffer so far
   * @param mayKeepLoan whether the connection may keep a loan while it is idle, because its next message usually comes soon
   */
  constructor(owner: Reading, bulk: BulkBuffer, mayKeepLoan: boolean) {
    this.owner = owner;
    this.bulk = bulk;
    this.mayKeepLoan = mayKeepLoan;
  }

  /**
   * Call it at the end of each read, beginning with the first read that does not end its message.
   * @param goesOn the message, or the tunnel, is not over
   * @param isTaken no unfinished write refers to the bytes that were read. If one does and the message goes on, reading must be paused
   * until it is done
   */
  after(count: number, goesOn: boolean, isTaken: boolean): void {
    if (this.owner.readBuffer === sharedBuffer && !goesOn) {
      this.brought = 0;
      return;
    }
    this.brought += count;
    if (this.keepsLoan) this.endIdleLoan();
    if (!goesOn) this.over(isTaken);
    else if (!isTaken) this.keepBulk();
    else if (!this.isBulk) this.grow(count);
    else if (isTrickle(count)) this.leaveBulk();
  }

  private grow(count: number): void {
    if (this.owner.transport.readsOnDemand) this.owner.readBuffer = nextBuffer(this.owner.readBuffer, count);
  }

  private over(isTaken: boolean): void {
    const comesAgain = this.brought > sharedBuffer.length && this.owner.transport.readable;
    this.brought = 0;
    if (!isTaken) this.keepBulk();
    else if (this.isBulk) {
      if (!comesAgain) this.leaveBulk();
      return;
    }
    const isMoved = this.moves >= MOVES_MAX;
    if (comesAgain && isTaken && isMoved && this.mayKeepLoan && beginIdleLoan()) {
      this.keepsLoan = true;
      return;
    }
    // A buffer that an unfinished write refers to is not given back; it is released with the write.
    if (isTaken) giveBack(this.owner.readBuffer);
    const bulk = comesAgain && !isMoved ? this.bulk.join(this) : null;
    this.isBulk = bulk !== null;
    this.owner.readBuffer = bulk ?? sharedBuffer;
  }

  /** An unfinished write refers to the bulk buffer, if the connection uses that: the connection takes it for itself. */
  private keepBulk(): void {
    if (!this.isBulk) return;
    this.isBulk = false;
    this.moves++;
    this.bulk.keep(this);
  }

  private leaveBulk(): void {
    this.isBulk = false;
    this.bulk.leave(this);
    this.owner.readBuffer = sharedBuffer;
  }

  moveTo(buffer: Buffer): boolean {
    this.isBulk = ++this.moves < MOVES_MAX;
    this.owner.readBuffer = this.isBulk ? buffer : sharedBuffer;
    this.owner.transport.readInto(this.owner.readBuffer);
    return this.isBulk;
  }

  private endIdleLoan(): void {
    this.keepsLoan = false;
    endIdleLoan();
  }

  /** The next message may take long: goes back to the shared buffer. Not within a read, and not while a write refers to the buffer. */
  rest(): void {
    if (this.owner.readBuffer === sharedBuffer) return;
    this.moves++;
    this.end(true);
    this.owner.transport.readInto(sharedBuffer);
  }

  /**
   * The connection reads nothing more.
   * @param isTaken no unfinished write refers to the bytes that were read last
   */
  end(isTaken: boolean): void {
    if (this.isBulk) return this.leaveBulk();
    if (this.keepsLoan) this.endIdleLoan();
    if (isTaken) giveBack(this.owner.readBuffer);
    this.owner.readBuffer = sharedBuffer;
  }
}
