/**
 * What a connection reads into, from one read to the next:
 *
 * ```text
 *   shared --filled--> loan --large message over--> bulk --small message over--> shared
 *                       ^ an unfinished write refers to it |
 *                       `----------------------------------'
 * ```
 * The first large message of a connection comes in growing pieces; the next one is likely as large, and its first read goes into the bulk
 * buffer. A connection whose messages the other side does not take as fast as they come goes on with loans of its own.
 */
import type { Buffer } from "node:buffer";
import type { BulkBuffer, BulkReader } from "./bulk-buffer.ts";
import { beginIdleLoan, endIdleLoan, giveBack, isTrickle, nextBuffer, sharedBuffer } from "./read-buffers.ts";
import type { Transport } from "../transport/transport.ts";

/** One that is moved again and again gains nothing, and Node keeps a little memory for each time. */
const MOVES_MAX = 8;

/** A connection. Most never bring what does not fit into the shared buffer, and have no ReadTarget: they read into that. */
export interface Reading {
  /** Where its next read goes. */
  readBuffer: Buffer;
  readonly transport: Transport;
}

export class ReadTarget implements BulkReader {
  private readonly owner: Reading;
  private readonly bulk: BulkBuffer;
  private readonly mayKeepLoan: boolean;
  private isBulk: boolean = false;
  /** It has a large buffer of its own while it idles. */
  private keepsLoan: boolean = false;
  /** How often it had to leave a bulk buffer. */
  private moves: number = 0;
  /** Bytes of the message so far. */
  private brought: number = 0;

  /**
   * For a connection that reads into the shared buffer.
   * @param mayKeepLoan whether the next message comes soon, if one comes: then its large buffer may wait for it
   */
  constructor(owner: Reading, bulk: BulkBuffer, mayKeepLoan: boolean) {
    this.owner = owner;
    this.bulk = bulk;
    this.mayKeepLoan = mayKeepLoan;
  }

  /**
   * To be called at the end of each read, from the first on that brings no message's end.
   * @param goesOn the message it brought, or the tunnel, is not over
   * @param isTaken no unfinished write refers to its bytes; if one does and the message goes on, no read comes before that has ended
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
    // What an unfinished write refers to is left to it.
    if (isTaken) giveBack(this.owner.readBuffer);
    const bulk = comesAgain && !isMoved ? this.bulk.join(this) : null;
    this.isBulk = bulk !== null;
    this.owner.readBuffer = bulk ?? sharedBuffer;
  }

  /** The bulk buffer, if it reads into that, is its own from now on. */
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

  /** Not within a read, and nothing refers to what was read: the next message may be long in coming. */
  rest(): void {
    if (this.owner.readBuffer === sharedBuffer) return;
    this.moves++;
    this.end(true);
    this.owner.transport.readInto(sharedBuffer);
  }

  /**
   * Nothing more is read.
   * @param isTaken no unfinished write refers to what was read last
   */
  end(isTaken: boolean): void {
    if (this.isBulk) return this.leaveBulk();
    if (this.keepsLoan) this.endIdleLoan();
    if (isTaken) giveBack(this.owner.readBuffer);
    this.owner.readBuffer = sharedBuffer;
  }
}
