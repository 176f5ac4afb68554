/**
 * A worker's log lines on their way to the sink in the main thread: collected and handed over in batches, because a message between
 * threads costs some ten microseconds and a line less than one. Lines that the sink has not taken yet are bounded: when the output is
 * slower than the traffic, lines are dropped and counted, and requests go on.
 */

/** A batch is handed over when it is this large; smaller ones wait for the caller's tick. */
export const BATCH_BYTES: number = 32 * 1024;
/** Most bytes of one worker that may wait, here and in the sink. */
export const UNTAKEN_BYTES_MAX: number = 1024 * 1024;

/** Hands a batch over. `bytes` comes back through {@link LogBatch.taken} when the sink has taken it. */
export type SendBatch = (text: string, lines: number, bytes: number) => void;

export class LogBatch {
  /** Lines dropped so far. */
  dropped: number = 0;
  private readonly send: SendBatch;
  private text: string = "";
  private lines: number = 0;
  /** Bytes handed over and not taken yet. */
  private untaken: number = 0;

  constructor(send: SendBatch) {
    this.send = send;
  }

  /** `line` ends in a line feed and is ASCII (see access-line.ts): its length is its size. False: it was dropped. */
  add(line: string): boolean {
    if (this.untaken + this.text.length + line.length > UNTAKEN_BYTES_MAX) {
      this.dropped++;
      return false;
    }
    this.text += line;
    this.lines++;
    if (this.text.length >= BATCH_BYTES) this.flush();
    return true;
  }

  /** Hands over what is collected. Call it on a tick of some 100 ms and before the worker ends. */
  flush(): void {
    if (this.lines === 0) return;
    const { text, lines } = this;
    this.text = "";
    this.lines = 0;
    this.untaken += text.length;
    this.send(text, lines, text.length);
  }

  /** The sink took, or dropped, that many bytes. */
  taken(bytes: number): void {
    this.untaken -= bytes;
  }
}
