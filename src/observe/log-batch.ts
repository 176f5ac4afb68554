/**
 * Carries the log lines of a worker to the sink in the main thread. Lines are collected as bytes in memory that both threads share, and
 * handed over in batches, because a message between threads costs some ten microseconds and a line less than one.
 *
 * The memory is a fixed set of chunks for the life of the worker. So nothing is copied for a message or left to the garbage collector, and
 * lines that the sink has not written yet are bounded. When the output is slower than the traffic, lines are dropped and counted, and
 * requests go on.
 */
import { Buffer } from "node:buffer";

/** Size of a chunk. It holds the lines of one batch. */
export const CHUNK_BYTES: number = 256 * 1024;
const CHUNKS = 8;

/** Hands a batch over. The chunk belongs to the receiver until {@link LogBatch.taken}. */
export type SendBatch = (chunk: number, bytes: number, lines: number) => void;

/** Makes the memory for the lines of one worker. */
export function createLogMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(CHUNKS * CHUNK_BYTES);
}

/** The bytes of a batch, without copying them. */
export function linesOf(memory: SharedArrayBuffer, chunk: number, bytes: number): Uint8Array {
  return new Uint8Array(memory, chunk * CHUNK_BYTES, bytes);
}

/** The worker's side. */
export class LogBatch {
  /** Lines dropped so far. */
  dropped: number = 0;
  private readonly send: SendBatch;
  private readonly memory: Buffer;
  /** Chunks that may be filled. The one that came back last is used first, because it is still in the processor's cache. */
  private readonly free: number[] = Array.from({ length: CHUNKS }, (_, index) => index);
  /** The chunk that is being filled; -1 for none. */
  private chunk: number = -1;
  private used: number = 0;
  private lines: number = 0;
  /** How many chunks the sink holds. */
  private atSink: number = 0;

  constructor(memory: SharedArrayBuffer, send: SendBatch) {
    this.memory = Buffer.from(memory);
    this.send = send;
  }

  /** Adds a line: the first `length` bytes of `line`, the line feed included. False when the line was dropped. */
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

  /**
   * Hands over what is collected, unless the sink still holds an earlier batch: a slow output gets full chunks. To be called every few
   * dozen milliseconds.
   */
  flush(): void {
    if (this.atSink === 0) this.hand();
  }

  /** Hands over what is collected, whatever the sink holds. Callers need it only before the worker ends. */
  hand(): void {
    if (this.lines === 0) return;
    const { chunk, used, lines } = this;
    this.chunk = -1;
    this.used = 0;
    this.lines = 0;
    this.atSink++;
    this.send(chunk, used, lines);
  }

  /** To be called when the sink has written or dropped the lines of the chunk, which may then be filled again. */
  taken(chunk: number): void {
    this.free.push(chunk);
    this.atSink--;
  }
}
