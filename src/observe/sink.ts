/**
 * The only writer of the log output: application log and access lines go through here, so no two lines ever interleave. One write at a
 * time, asynchronous, what waits is joined into the next one.
 *
 *     idle --write()--> writing --done--> idle, or writing what came meanwhile
 *                          |  EAGAIN (a pipe or terminal whose reader is slow or stopped): again after 1 to 50 ms
 *                          |  a named pipe that nobody reads: opened again after 250 ms, until a reader has come
 *                          |  ENOSPC, EIO and others: again after 1 s
 *                          +- EPIPE of stdout or stderr (the reader will not come back): broken, every line is dropped
 *
 * Lines that wait are bounded; further ones are dropped and counted. Nothing blocks: log-files.ts opens outputs so that a write takes what
 * there is room for. A thread of libuv's that stands in open(2) or write(2) could not even be ended with the process.
 */
import { codeOf } from "../base/errors.ts";
import { NOBODY_READS, nodeFiles } from "./log-files.ts";
import type { SinkFiles } from "./log-files.ts";

/** Most bytes that wait for the output. About one second of JSON lines at 15,000 requests per second. */
export const BACKLOG_BYTES_MAX: number = 4 * 1024 * 1024;
const WRITE_BYTES_MAX = 256 * 1024;
/** From the first time to the last; doubled while nothing is taken. A pipe of 64 KiB that is emptied at once carries 60 MB/s that way. */
const AGAIN_MS_MIN = 1;
const AGAIN_MS_MAX = 50;
const NO_READER_MS = 250;
const FULL_MS = 1000;
/** For a reader that is only slow, when the process ends at once. */
const LAST_LINES_MS = 100;
/** How long an output that is left for another one may take for the rest of its last line. */
const LAST_LINE_MS = 1000;
/** Between two tries to open the file anew. */
const REOPEN_MS = 5000;
/** The same trouble is reported once in that time. */
const TROUBLE_EVERY_MS = 60_000;

export interface SinkTrouble {
  readonly event: "log_lines_dropped" | "log_output_failed";
  readonly message: string;
  /** Lines dropped since the last report. */
  readonly lines: number;
  readonly code: string;
}

export interface SinkOptions {
  /** `stdout`, `stderr` or the path of a file, which is appended to and created (mode 0640) where it is missing. */
  readonly output: string;
  /** Epoch or monotonic milliseconds. */
  readonly now: () => number;
  readonly files?: SinkFiles;
}

/** An output that was opened before the one of now is left. */
export interface OpenedOutput {
  readonly output: string;
  readonly fd: number;
}

interface Waiting {
  readonly data: Uint8Array;
  readonly lines: number;
  readonly taken: (() => void) | undefined;
}

export class LogSink {
  /** Lines dropped so far. */
  dropped: number = 0;
  /**
   * Called at most once a minute. `log_lines_dropped`: there is room again, say it in the log. `log_output_failed`: the log cannot be
   * written now, say it elsewhere.
   */
  onTrouble: ((trouble: SinkTrouble) => void) | null = null;
  private output: string;
  private readonly files: SinkFiles;
  private readonly now: () => number;
  /** {@link NOBODY_READS}: a named pipe, to be opened once it has a reader. */
  private fd: number;
  private againMs: number = AGAIN_MS_MIN;
  private waiting: Waiting[] = [];
  private backlogBytes: number = 0;
  private current: { readonly buffer: Uint8Array; offset: number; readonly parts: readonly Waiting[] } | null = null;
  /** A write is under way in the kernel or in libuv. */
  private writing: boolean = false;
  private retry: NodeJS.Timeout | null = null;
  private broken: boolean = false;
  private closed: boolean = false;
  /** Where lines are to go as soon as no write is under way and no line half written. */
  private next: OpenedOutput | null = null;
  /** Until when the output of now may finish its line before that. */
  private nextDueAt: number = 0;
  /** Told how an asked-for reopening went; null: none is wanted. */
  private reopened: ((problem: string | null) => void) | null = null;
  /** It failed, and whoever wanted it knows. */
  private reopenFailed: boolean = false;
  private reopenRetry: NodeJS.Timeout | null = null;
  private droppedReported: number = 0;
  private troubleAt: number = -Infinity;
  private failureCode: string = "";
  private idleWaiters: (() => void)[] = [];

  /** Opens the output; throws node:fs errors when a file cannot be opened. */
  constructor(options: SinkOptions) {
    this.output = options.output;
    this.now = options.now;
    this.files = options.files ?? nodeFiles;
    this.fd = this.files.open(options.output);
  }

  /** Whole lines, each ending in a line feed. `taken` is called when they were written or dropped. */
  write(given: string | Uint8Array, lines: number = 1, taken?: () => void): void {
    const data = typeof given === "string" ? Buffer.from(given) : given;
    const bytes = data.length;
    if (this.broken || this.closed || this.backlogBytes + bytes > BACKLOG_BYTES_MAX) {
      this.dropped += lines;
      taken?.();
      // While the backlog is full a report would be dropped as well: it waits for the next write that succeeds.
      if (this.broken) this.report();
      return;
    }
    this.waiting.push({ data, lines, taken });
    this.backlogBytes += bytes;
    this.pump();
  }

  /** Resolves when everything that was written so far has gone out or was dropped, at the latest after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    if (this.current === null && this.waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, limitMs);
      this.idleWaiters.push(() => {
        clearTimeout(limit);
        resolve();
      });
    });
  }

  /**
   * Opens the file anew, after it was moved away (SIGUSR1). While that fails the old one stays in use, and it is tried again.
   * @param done told null when the file is open, and before that, once, why it is not
   */
  reopen(done: (problem: string | null) => void): void {
    if (this.isStandard) return done(null);
    this.reopened = done;
    this.reopenFailed = false;
    this.broken = false;
    if (!this.writing) this.reopenNow();
  }

  /** Opens another output, for {@link use} or {@link discard}; throws node:fs errors when a file cannot be opened. */
  open(output: string): OpenedOutput {
    return { output, fd: this.files.open(output) };
  }

  /** An output that is not used after all. */
  discard({ fd }: OpenedOutput): void {
    this.files.close(fd);
  }

  /**
   * Lines go there from now on, those that wait too. The output before finishes its line first, if it takes the rest soon; else the line is
   * written there as a whole.
   */
  use(opened: OpenedOutput): void {
    if (this.next !== null) this.discard(this.next);
    this.next = opened;
    this.nextDueAt = this.now() + LAST_LINE_MS;
    this.pump();
  }

  /** Flushes and closes; what is written later, or could not be written until then, is dropped. */
  async close(limitMs: number): Promise<void> {
    // Lines for a named pipe without a reader would wait in vain.
    if (this.fd !== NOBODY_READS) await this.flush(limitMs);
    for (const { lines } of [...(this.current?.parts ?? []), ...this.waiting]) this.dropped += lines;
    if (this.dropped > this.droppedReported) {
      // The last chance to say it.
      this.troubleAt = -Infinity;
      this.failureCode ||= "not written in time";
      this.report();
    }
    this.closed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    if (this.reopenRetry !== null) clearTimeout(this.reopenRetry);
    if (this.next !== null) this.discard(this.next);
    if (!this.writing) this.files.close(this.fd);
  }

  /** Writes what waits at once: for an exit that cannot wait. Gives up at the first error, and where nothing is taken for a moment. */
  flushSync(): void {
    const { current, waiting } = this;
    const parts = [
      ...(current !== null && !this.writing ? [current.buffer.subarray(current.offset)] : []),
      ...waiting.map(({ data }) => data),
    ];
    this.waiting = [];
    let patience = LAST_LINES_MS / AGAIN_MS_MIN;
    for (let rest = Buffer.concat(parts); rest.length > 0 && this.fd !== NOBODY_READS;) {
      try {
        rest = rest.subarray(this.files.writeSync(this.fd, rest));
      } catch (error) {
        // The process is about to end; there is nobody left to tell.
        if (codeOf(error) !== "EAGAIN" || --patience < 0) return;
        Atomics.wait(NEVER_WOKEN, 0, 0, AGAIN_MS_MIN);
      }
    }
  }

  private get isStandard(): boolean {
    return this.output === "stdout" || this.output === "stderr";
  }

  private pump(): void {
    if (this.next !== null && !this.writing && this.mayLeave()) this.useNext();
    // Whoever is told that the file is open may write at once, so what is under way is looked at after that.
    if (this.reopened !== null && this.reopenRetry === null && !this.writing) this.reopenNow();
    if (this.writing || this.retry !== null) return;
    if (this.current === null) {
      if (this.waiting.length === 0) {
        for (const wake of this.idleWaiters.splice(0)) wake();
        return;
      }
      const parts = this.takeParts();
      const [only] = parts;
      const buffer = only !== undefined && parts.length === 1 ? only.data : Buffer.concat(parts.map(({ data }) => data));
      this.current = { buffer, offset: 0, parts };
    }
    if (this.fd === NOBODY_READS) {
      const problem = this.openAgain();
      if (problem !== null) return this.failed(problem);
    }
    const { buffer, offset } = this.current;
    this.writing = true;
    this.files.write(this.fd, buffer, offset, buffer.length - offset, (error, written) => {
      this.writing = false;
      if (error === null) this.wrote(written);
      else this.failed(error.code ?? "unknown");
    });
  }

  /** null: it is open. */
  private openAgain(): string | null {
    try {
      this.fd = this.files.open(this.output);
      return this.fd === NOBODY_READS ? "ENXIO" : null;
    } catch (error) {
      return codeOf(error) || "unknown";
    }
  }

  /** The next reader begins with a whole line. */
  private rewindToLine(): void {
    if (this.current !== null && this.current.offset > 0)
      this.current.offset = this.current.buffer.lastIndexOf(LINE_FEED, this.current.offset - 1) + 1;
  }

  private takeParts(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const part of this.waiting) {
      if (count > 0 && bytes + part.data.length > WRITE_BYTES_MAX) break;
      bytes += part.data.length;
      count++;
    }
    return this.waiting.splice(0, count);
  }

  private wrote(written: number): void {
    const current = this.current;
    if (current === null) return;
    current.offset += written;
    this.failureCode = "";
    this.againMs = AGAIN_MS_MIN;
    if (current.offset >= current.buffer.length) {
      this.current = null;
      this.settle(current.parts);
      this.report();
    }
    this.pump();
  }

  private failed(code: string): void {
    if (this.next !== null && !this.closed && (code !== "EAGAIN" || this.mayLeave())) {
      this.useNext();
      return this.pump();
    }
    if ((code === "EPIPE" && this.isStandard) || this.closed) {
      this.broken = true;
      this.failureCode = code;
      const lost = [...(this.current?.parts ?? []), ...this.waiting.splice(0)];
      this.current = null;
      for (const { lines } of lost) this.dropped += lines;
      this.settle(lost);
      this.report();
      this.pump();
      return;
    }
    if (code === "EPIPE") {
      this.files.close(this.fd);
      this.fd = NOBODY_READS;
      this.rewindToLine();
    }
    if (code !== "EAGAIN") {
      this.failureCode = code;
      this.report();
    }
    const delay = code === "EAGAIN" ? this.againMs : this.fd === NOBODY_READS ? NO_READER_MS : FULL_MS;
    this.againMs = Math.min(2 * this.againMs, AGAIN_MS_MAX);
    this.retry = setTimeout(() => {
      this.retry = null;
      this.pump();
    }, delay);
    // A log that cannot be written must not keep a process alive that has nothing else to do; flush has a timer of its own.
    this.retry.unref();
  }

  /** Nothing is half written, or nobody takes the rest. */
  private mayLeave(): boolean {
    const { current } = this;
    if (current === null || current.offset === 0 || current.buffer[current.offset - 1] === LINE_FEED) return true;
    return this.failureCode !== "" || this.now() >= this.nextDueAt;
  }

  private useNext(): void {
    const { next, reopened } = this;
    if (next === null) return;
    this.next = null;
    this.files.close(this.fd);
    this.fd = next.fd;
    this.output = next.output;
    this.rewindToLine();
    this.broken = false;
    this.failureCode = "";
    this.againMs = AGAIN_MS_MIN;
    for (const timer of [this.retry, this.reopenRetry]) if (timer !== null) clearTimeout(timer);
    this.retry = this.reopenRetry = this.reopened = null;
    reopened?.(null);
  }

  private settle(parts: readonly Waiting[]): void {
    for (const { data, taken } of parts) {
      this.backlogBytes -= data.length;
      taken?.();
    }
  }

  private report(): void {
    const lines = this.dropped - this.droppedReported;
    if ((lines === 0 && this.failureCode === "") || this.closed) return;
    const now = this.now();
    if (now - this.troubleAt < TROUBLE_EVERY_MS) return;
    this.troubleAt = now;
    this.droppedReported = this.dropped;
    const code = this.failureCode;
    if (code === "") {
      this.onTrouble?.({ event: "log_lines_dropped", message: `${lines} log lines dropped: ${this.output} does not keep up`, lines, code });
    } else {
      const why = code === "ENXIO" || code === "EPIPE" ? `nobody reads it (${code})` : code;
      this.onTrouble?.({ event: "log_output_failed", message: `cannot write the log to ${this.output}: ${why}`, lines, code });
    }
  }

  private reopenNow(): void {
    if (this.reopenRetry !== null) clearTimeout(this.reopenRetry);
    this.reopenRetry = null;
    const { reopened, reopenFailed } = this;
    let problem: string | null = null;
    try {
      const fd = this.files.open(this.output);
      this.files.close(this.fd);
      this.fd = fd;
      this.rewindToLine();
      this.reopened = null;
    } catch (error) {
      problem = codeOf(error) || "unknown";
      this.reopenFailed = true;
      this.reopenRetry = setTimeout(() => {
        // With a write under way it is tried behind that.
        this.reopenRetry = null;
        if (!this.writing) this.reopenNow();
      }, REOPEN_MS);
      this.reopenRetry.unref();
    }
    // Now that all is settled: whoever is told may write a line about it at once.
    if (problem === null || !reopenFailed) reopened?.(problem);
  }
}

const LINE_FEED = 0x0a;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));
