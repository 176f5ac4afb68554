/**
 * Takes a response's body from the endpoint faster than the client takes it, up to a number of bytes (`buffer.response`), so that the endpoint
 * and its connection are free while a slow client reads. What the client can take is passed on at once.
 *
 * ```text
 *   endpoint or stage --data, end, flush--> ResponseBuffer --data, end, flush--> client
 *                     <-----freed---------                 <-blocked, unblocked-
 * ```
 * All bytes are copied into blocks, because the sender reads on into its own buffer while the client's driver may still write. A fast client
 * needs one block, which is used again after each write. While the client is slow, one block is lent to its driver and the others wait.
 */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";

/** The exchange whose response is held. */
export interface BufferOwner {
  /** After `flush` returned false or `blocked` returned true: there is room again. */
  bufferFreed(): void;
  /** The whole body was passed on, its end too. */
  bufferEmptied(): void;
  /** After `breakOff`: all that the sender gave was passed on. The body is incomplete. */
  bufferBroken(): void;
}

/** Bytes of a block: enough for a write that keeps a slow client's connection busy. */
const BLOCK_BYTES = 64 * 1024;
/** Bytes of the first block when the body's length is not known. */
const FIRST_BYTES = 16 * 1024;
const BLOCK_BYTES_MIN = 4096;

/** Memory for a part of the body. */
interface Block {
  readonly bytes: Buffer;
  /** Whether the block was reserved by `takeMemory`. */
  readonly isCounted: boolean;
  /** The bytes before this were passed on. */
  passed: number;
  end: number;
}

export class ResponseBuffer implements BodySink {
  /** The body was passed on, or is given up. */
  isOver: boolean = false;
  /** Bytes that the client has not taken, those that its driver is writing included. */
  heldBytes: number = 0;
  private readonly thread: ExchangeThread;
  private readonly to: BodySink;
  private readonly owner: BufferOwner;
  private readonly bytesMax: number;
  /** At least one. While the client is not blocked there is exactly one, and all of it was passed on. */
  private blocks: Block[];
  /** Bytes that the client's driver is writing. They are all in the first block. */
  private lent: number = 0;
  private isBlocked: boolean = false;
  /** The sender was told to wait. */
  private isFull: boolean = false;
  /** No memory was left for the last block: nothing more is held until the blocks are empty. */
  private isShort: boolean = false;
  private isEnded: boolean = false;
  /** The sender has broken off. */
  private isBroken: boolean = false;
  private trailers: FieldSection | null = null;

  /**
   * Makes a buffer. Null: the process has no memory left for it.
   * @param length of the body; -1: not known
   */
  static of(thread: ExchangeThread, to: BodySink, owner: BufferOwner, bytesMax: number, length: BodyLength): ResponseBuffer | null {
    const first = Math.max(BLOCK_BYTES_MIN, Math.min(BLOCK_BYTES, bytesMax, length < 0 ? FIRST_BYTES : length));
    return thread.takeMemory(first) ? new ResponseBuffer(thread, to, owner, bytesMax, blockOf(first, true)) : null;
  }

  private constructor(thread: ExchangeThread, to: BodySink, owner: BufferOwner, bytesMax: number, first: Block) {
    this.thread = thread;
    this.to = to;
    this.owner = owner;
    this.bytesMax = bytesMax;
    this.blocks = [first];
  }

  // ---- called by the sender -----------------------------------------------------------------------------------------

  data(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end && !this.isOver;) {
      const block = this.blockWithRoom();
      const count = Math.min(end - at, block.bytes.length - block.end);
      bytes.copy(block.bytes, block.end, at, at + count);
      block.end += count;
      this.heldBytes += count;
      at += count;
      if (this.isBlocked) continue;
      this.pass(block);
      if (block.end === block.bytes.length) this.flushOut();
    }
  }

  end(trailers: FieldSection | null): void {
    if (this.isOver) return;
    this.isEnded = true;
    this.trailers = trailers;
    if (!this.isBlocked) this.passEnd();
  }

  /**
   * The sender gives no more, and the body is incomplete. Returns true if some of it is still held: the client gets that first, and then
   * `bufferBroken` is called.
   */
  breakOff(): boolean {
    if (this.isOver || !this.isBlocked) return false;
    this.isBroken = true;
    return true;
  }

  /** Returns false if the sender must wait. */
  flush(): boolean {
    if (!this.isOver && !this.isBlocked) this.flushOut();
    if (this.isOver || !this.mustWait()) return true;
    this.isFull = true;
    return false;
  }

  // ---- called for the client ----------------------------------------------------------------------------------------

  /** The client takes no more after all, though its `flush` returned true. Returns true if the sender must wait. */
  blocked(): boolean {
    if (this.isOver) return false;
    this.isBlocked = true;
    if (this.mustWait()) this.isFull = true;
    return this.isFull;
  }

  /** The client has taken what its driver was writing. */
  unblocked(): void {
    if (this.isOver || !this.isBlocked) return;
    this.isBlocked = false;
    this.settle();
    while (this.heldBytes > 0 && this.goesOn) {
      this.pass(this.first);
      this.flushOut();
    }
    if (this.isEnded && this.goesOn) return this.passEnd();
    if (this.isBroken && this.goesOn) {
      this.abort();
      return this.owner.bufferBroken();
    }
    if (!this.isFull || this.isOver || this.mustWait()) return;
    this.isFull = false;
    this.owner.bufferFreed();
  }

  /** Drops the rest of the body, and frees the memory. */
  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const block of this.blocks) this.free(block);
    this.blocks = [];
  }

  // ---- inside -------------------------------------------------------------------------------------------------------

  /** Whether more may be passed on. Writing may have ended the exchange. */
  private get goesOn(): boolean {
    return !this.isBlocked && !this.isOver;
  }

  private mustWait(): boolean {
    return this.heldBytes >= this.bytesMax || (this.isShort && this.isBlocked);
  }

  private get first(): Block {
    return this.blocks[0] ?? blockOf(0, false);
  }

  private blockWithRoom(): Block {
    const last = this.blocks.at(-1);
    if (last !== undefined && last.end < last.bytes.length) return last;
    // Bytes that have come must be kept, whether or not memory could be reserved.
    const isCounted = !this.isShort && this.thread.takeMemory(BLOCK_BYTES);
    this.isShort = !isCounted;
    const block = blockOf(BLOCK_BYTES, isCounted);
    this.blocks.push(block);
    return block;
  }

  /** Passes on the part of the first block that was not passed on before. */
  private pass(block: Block): void {
    const { bytes, passed, end } = block;
    block.passed = end;
    this.lent += end - passed;
    this.to.data(bytes, passed, end);
  }

  private flushOut(): void {
    if (this.to.flush()) this.settle();
    else this.isBlocked = true;
  }

  /** The client has taken everything that was passed on. */
  private settle(): void {
    if (this.isOver) return;
    this.heldBytes -= this.lent;
    this.lent = 0;
    while (this.first.passed === this.first.end && this.blocks.length > 1) {
      const done = this.blocks.shift();
      if (done !== undefined) this.free(done);
    }
    const { first } = this;
    if (first.passed === first.end) first.passed = first.end = 0;
    if (this.heldBytes === 0) this.isShort = false;
  }

  private passEnd(): void {
    this.to.end(this.trailers);
    this.to.flush();
    if (this.isOver) return;
    this.abort();
    this.owner.bufferEmptied();
  }

  private free(block: Block): void {
    if (block.isCounted) this.thread.giveMemory(block.bytes.length);
  }
}

function blockOf(size: number, isCounted: boolean): Block {
  return { bytes: Buffer.allocUnsafeSlow(size), isCounted, passed: 0, end: 0 };
}
