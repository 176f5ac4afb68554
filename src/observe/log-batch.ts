/**
 * A worker's log lines on their way to the sink in the main thread: collected as bytes in memory that both threads see, and handed over in
 * batches, because a message between threads costs some ten microseconds and a line less than one. The memory is one ring of chunks for
 * the life of the worker: nothing is copied or left to the garbage collector, and lines that the sink has not taken yet are bounded. When
 * the output is slower than the traffic, lines are dropped and counted, and requests go on.
 */
import { Buffer } from "node:buffer";

/** The lines of one batch lie in one chunk. */
export const CHUNK_BYTES: number = 256 * 1024;
const CHUNKS = 8;

/** Hands a batch over. The chunk is the receiver's until {@link LogBatch.taken}. */
export type SendBatch = (chunk: number, bytes: number, lines: number) => void;

/** The memory of one worker's lines. */
export function createLogMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(CHUNKS * CHUNK_BYTES);
}

/** The lines of a batch, where they lie. */
export function linesOf(memory: SharedArrayBuffer, chunk: number, bytes: number): Uint8Array {
  return new Uint8Array(memory, chunk * CHUNK_BYTES, bytes);
}

export class LogBatch {
  /** Lines dropped so far. */
  dropped: number = 0;
  private readonly send: SendBatch;
  private readonly memory: Buffer;
  /** The one that came back last is used first: it is still in the processor's cache. */
  private readonly free: number[] = Array.from({ length: CHUNKS }, (_, index) => index);
  /** The chunk that is being filled; -1: none. */
  private chunk: number = -1;
  private used: number = 0;
  private lines: number = 0;
  /** Chunks that the sink holds. */
  private untaken: number = 0;

  constructor(memory: SharedArrayBuffer, send: SendBatch) {
    this.memory = Buffer.from(memory);
    this.send = send;
  }

  /** A line, the first `length` of those bytes, its line feed included. False: it was dropped. */
  add(line: Buffer, length: number): boolean {
    if (this.used + length > CHUNK_BYTES) this.hand();
    if (this.chunk < 0) this.chunk = this.free.pop() ?? -1;
    if (this.chunk < 0 || length > CHUNK_BYTES) {
      this.dropped++;
      return false;
    }
    this.used += line.copy(this.memory, this.chunk * CHUNK_BYTES + this.used, 0, length);
    this.lines++;
    return true;
  }

  /** Call it every few dozen milliseconds. While the sink still has an earlier batch it does nothing: a slow output gets full chunks. */
  flush(): void {
    if (this.untaken === 0) this.hand();
  }

  /** Hands over what is collected; by itself only before the worker ends. */
  hand(): void {
    if (this.lines === 0) return;
    const { chunk, used, lines } = this;
    this.chunk = -1;
    this.used = 0;
    this.lines = 0;
    this.untaken++;
    this.send(chunk, used, lines);
  }

  /** The sink wrote, or dropped, the lines of that chunk. */
  taken(chunk: number): void {
    this.free.push(chunk);
    this.untaken--;
  }
}
