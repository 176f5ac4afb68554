/**
 * A worker's log lines on their way to the sink in the main thread: collected as bytes and handed over in batches, because a message
 * between threads costs some ten microseconds and a line less than one. Lines that the sink has not taken yet are bounded: when the output
 * is slower than the traffic, lines are dropped and counted, and requests go on.
 */
import { Buffer } from "node:buffer";

/** A batch is handed over when the next line would make it larger; smaller ones wait for the caller's tick. */
export const BATCH_BYTES: number = 64 * 1024;
/** Most bytes of one worker that may wait, here and in the sink. */
export const UNTAKEN_BYTES_MAX: number = 1024 * 1024;

/** Hands a batch over; its memory is the receiver's. Its size comes back through {@link LogBatch.taken} when the sink has taken it. */
export type SendBatch = (data: Uint8Array<ArrayBuffer>, lines: number) => void;

export class LogBatch {
  /** Lines dropped so far. */
  dropped: number = 0;
  private readonly send: SendBatch;
  /** A line becomes bytes at once: a text that grows by thousands of pieces costs the garbage collector more than the copy. */
  private readonly collected: Buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  private used: number = 0;
  private lines: number = 0;
  /** Bytes handed over and not taken yet. */
  private untaken: number = 0;

  constructor(send: SendBatch) {
    this.send = send;
  }

  /** `line` ends in a line feed and is ASCII (see access-line.ts): its length is its size. False: it was dropped. */
  add(line: string): boolean {
    if (this.untaken + this.used + line.length > UNTAKEN_BYTES_MAX) {
      this.dropped++;
      return false;
    }
    if (this.used + line.length > BATCH_BYTES) {
      this.flush();
      if (line.length > BATCH_BYTES) {
        this.hand(new Uint8Array(Buffer.from(line, "latin1")), 1);
        return true;
      }
    }
    this.used += this.collected.write(line, this.used, "latin1");
    this.lines++;
    return true;
  }

  /** Hands over what is collected. Call it on a tick of some 100 ms and before the worker ends. */
  flush(): void {
    if (this.lines === 0) return;
    // A copy of its own memory, so that it can be transferred to the other thread.
    const data = new Uint8Array(this.collected.subarray(0, this.used));
    const lines = this.lines;
    this.used = 0;
    this.lines = 0;
    this.hand(data, lines);
  }

  /** The sink took, or dropped, that many bytes. */
  taken(bytes: number): void {
    this.untaken -= bytes;
  }

  private hand(data: Uint8Array<ArrayBuffer>, lines: number): void {
    this.untaken += data.length;
    this.send(data, lines);
  }
}
