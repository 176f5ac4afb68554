import { Buffer } from "node:buffer";
import { writeLatin1 } from "../../../base/latin1.ts";

const BLOCK_BYTES = 16 * 1024;
/** How many free blocks are kept, for all connections: at most 4 MiB. */
const SPARE_BLOCKS_MAX = 256;

const spareBlocks: Buffer[] = [];

/**
 * The receive buffer of a connection in memory: bytes that were sent and not read yet. Copies them, so the writer may use its memory again.
 */
export class ReceiveBuffer {
  length: number = 0;
  private blocks: Buffer[] = [];
  /** Position of the oldest byte in the first block. */
  private readAt: number = 0;
  /** Position of the next byte in the last block; BLOCK_BYTES: the block is full, or there is none. */
  private writeAt: number = BLOCK_BYTES;

  /** Adds bytes, or text of characters up to U+00FF, one byte each. */
  add(piece: string | Buffer): void {
    for (let done = 0; done < piece.length;) {
      if (this.writeAt === BLOCK_BYTES) this.grow();
      const block = this.blocks.at(-1) as Buffer;
      const count = Math.min(piece.length - done, BLOCK_BYTES - this.writeAt);
      if (typeof piece !== "string") piece.copy(block, this.writeAt, done, done + count);
      else writeLatin1(block, count === piece.length ? piece : piece.slice(done, done + count), this.writeAt);
      this.writeAt += count;
      done += count;
    }
    this.length += piece.length;
  }

  /** Moves the oldest `count` bytes to the beginning of `target`. There must be that many. */
  moveTo(target: Buffer, count: number): void {
    for (let done = 0; done < count;) {
      const block = this.blocks[0] as Buffer;
      const end = this.blocks.length === 1 ? this.writeAt : BLOCK_BYTES;
      const moved = Math.min(count - done, end - this.readAt);
      block.copy(target, done, this.readAt, this.readAt + moved);
      this.readAt += moved;
      done += moved;
      if (this.readAt === end) this.dropFirst();
    }
    this.length -= count;
  }

  clear(): void {
    while (this.blocks.length > 0) this.dropFirst();
    this.length = 0;
  }

  private grow(): void {
    this.blocks.push(spareBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES));
    this.writeAt = 0;
  }

  /** Frees the first block. */
  private dropFirst(): void {
    const block = this.blocks.shift();
    if (block !== undefined && spareBlocks.length < SPARE_BLOCKS_MAX) spareBlocks.push(block);
    this.readAt = 0;
    if (this.blocks.length === 0) this.writeAt = BLOCK_BYTES;
  }
}
