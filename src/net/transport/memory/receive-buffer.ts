import { Buffer } from "node:buffer";
import { writeLatin1 } from "../../../base/latin1.ts";

const BLOCK_BYTES = 16 * 1024;
/** Emptied blocks that are kept for the next bytes of whatever connection: 4 MiB at most. */
const SPARE_BLOCKS_MAX = 256;

const spareBlocks: Buffer[] = [];

/** Bytes that have come and are not read yet, copied: the writer may use its memory again. */
export class ReceiveBuffer {
  length: number = 0;
  private blocks: Buffer[] = [];
  /** Where in the first block the oldest byte is. */
  private readAt: number = 0;
  /** Where in the last block the next byte goes; at its end there is no place. */
  private writeAt: number = BLOCK_BYTES;

  /** Text of characters up to U+00FF, one byte each, or bytes. */
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

  /** Moves the oldest `count` bytes, which are there, to the beginning of `target`. */
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

  /** All of the first block was read. */
  private dropFirst(): void {
    const block = this.blocks.shift();
    if (block !== undefined && spareBlocks.length < SPARE_BLOCKS_MAX) spareBlocks.push(block);
    this.readAt = 0;
    if (this.blocks.length === 0) this.writeAt = BLOCK_BYTES;
  }
}
