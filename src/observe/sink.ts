/**
 * The only writer of a log output. Application log and access lines go through one sink, so lines never interleave. There is one
 * asynchronous write at a time; lines that come meanwhile are joined into the next write.
 *
 *     idle --write()--> writing --done--> idle, or writing the lines that came meanwhile
 *                          |  EAGAIN (a pipe or terminal whose reader is slow or stopped): again after 1 to 50 ms
 *                          |  a named pipe that nobody reads: opened again after 250 ms, until a reader has come
 *                          |  ENOSPC, EIO and others: again after 1 s
 *                          +- EPIPE of stdout or stderr (the reader will not come back): broken, every line is dropped
 *
 * Waiting lines are bounded; further ones are dropped and counted. Nothing blocks, because log-files.ts opens outputs so that a write takes
 * only what there is room for. A thread of libuv that waits in open(2) or write(2) would even keep the process from ending.
 */
import { codeOf } from "../base/errors.ts";
import { NOBODY_READS, nodeFiles } from "./log-files.ts";
import type { SinkFiles } from "./log-files.ts";

/** The most bytes that wait for the output: about one second of JSON lines at 15,000 requests per second. */
export const BACKLOG_BYTES_MAX: number = 4 * 1024 * 1024;
const WRITE_BYTES_MAX = 256 * 1024;
/**
 * Waits after EAGAIN, doubled from the first to the last while the output takes nothing. A pipe of 64 KiB with a fast reader carries 60
 * MB/s that way.
 */
const AGAIN_MS_MIN = 1;
const AGAIN_MS_MAX = 50;
const NO_READER_MS = 250;
const FULL_MS = 1000;
/** How long `flushSync` waits for a slow reader. */
const LAST_LINES_MS = 100;
/** How long an output that is replaced by another one may take to write the rest of its last line. */
const LAST_LINE_MS = 1000;
/** Time between two attempts to reopen the file. */
const REOPEN_MS = 5000;
/** Time between two reports of trouble. */
const TROUBLE_EVERY_MS = 60_000;

/** A report that lines were dropped, or that the output cannot be written. */
export interface SinkTrouble {
  readonly event: "log_lines_dropped" | "log_output_failed";
  readonly message: string;
  /** Lines dropped since the last report. */
  readonly lines: number;
  readonly code: string;
}

export interface SinkOptions {
  /** `stdout`, `stderr` or the path of a file. A file is appended to, and created with mode 0640 when it is missing. */
  readonly output: string;
  /** Gives epoch or monotonic milliseconds. */
  readonly now: () => number;
  readonly files?: SinkFiles;
  /** Colours whole lines, for an output that is a terminal. Default: no colours. */
  readonly paint?: PaintLines;
}

/** Takes whole lines and gives as many back. */
export type PaintLines = (lines: Uint8Array) => Uint8Array;

/** An output that was opened to replace the current one. */
export interface OpenedOutput {
  readonly output: string;
  readonly fd: number;
  /** Whether the file was missing before. */
  readonly isNew: boolean;
  readonly isTerminal: boolean;
}

/** What is being written. */
interface Current {
  /** The lines as they were given. */
  plain: Uint8Array;
  /** `plain`, or `plain` with colours. */
  buffer: Uint8Array;
  /** How much of `buffer` has been written. */
  offset: number;
  readonly parts: readonly Waiting[];
}

/** One call of `write`. */
interface Waiting {
  readonly data: Uint8Array;
  readonly lines: number;
  readonly taken: (() => void) | undefined;
}

export class LogSink {
  /** Lines dropped so far. */
  dropped: number = 0;
  /**
   * Called at most once a minute. `log_lines_dropped` comes when there is room again and belongs into the log; `log_output_failed` comes while
   * the log cannot be written and must be told elsewhere.
   */
  onTrouble: ((trouble: SinkTrouble) => void) | null = null;
  private output: string;
  private readonly files: SinkFiles;
  private readonly now: () => number;
  private readonly paint: PaintLines | null;
  /** The descriptor, or {@link NOBODY_READS} for a named pipe that is to be opened when it has a reader. */
  private fd: number;
  private againMs: number = AGAIN_MS_MIN;
  private waiting: Waiting[] = [];
  private backlogBytes: number = 0;
  private current: Current | null = null;
  /** Whether a write is under way in the kernel or in libuv. */
  private writing: boolean = false;
  private retry: NodeJS.Timeout | null = null;
  private broken: boolean = false;
  private closed: boolean = false;
  /** The output that replaces the current one as soon as no write is under way and no line is half written. */
  private next: OpenedOutput | null = null;
  /** What the current output gets before it is replaced. Empty: nothing. */
  private lastLine: string = "";
  /** Until when the current output may finish its line before it is replaced. */
  private nextDueAt: number = 0;
  /** The callback of `reopen`; null when no reopening is wanted. */
  private reopened: ((problem: string | null) => void) | null = null;
  /** Whether a reopening has failed and `reopened` was told so. */
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
    this.paint = options.paint ?? null;
    this.fd = this.files.open(options.output);
  }

  /** Writes whole lines, each with a line feed at its end. `taken` is called when they have been written or dropped. */
  write(given: string | Uint8Array, lines: number = 1, taken?: () => void): void {
    const data = typeof given === "string" ? Buffer.from(given) : given;
    const bytes = data.length;
    if (this.broken || this.closed || this.backlogBytes + bytes > BACKLOG_BYTES_MAX) {
      this.dropped += lines;
      taken?.();
      // While the backlog is full, a report would be dropped too. It waits for the next write that succeeds.
      if (this.broken) this.report();
      return;
    }
    this.waiting.push({ data, lines, taken });
    this.backlogBytes += bytes;
    this.pump();
  }

  /** Resolves when all lines so far have been written or dropped, at the latest after `limitMs`. */
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
   * Opens the file again, after it was moved away (SIGUSR1). While that fails, the old file stays in use and the attempt is repeated.
   * @param done called with null when the file is open; before that, once, with the reason if the first attempt fails
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
    const isNew = this.files.isMissing(output);
    const fd = this.files.open(output);
    return { output, fd, isNew, isTerminal: this.files.isTerminal(fd) };
  }

  /** Closes an output that is not used after all, and removes its file if it was created for it. */
  discard({ output, fd, isNew }: OpenedOutput): void {
    if (isNew) this.files.removeEmpty(output, fd);
    this.files.close(fd);
  }

  /**
   * Makes `opened` the output of all further lines, those that wait included. The current output finishes its line first if it takes the rest
   * soon; else the whole line is written to the new output.
   * @param lastLine written to the current output as its last line, if that takes it at once
   */
  use(opened: OpenedOutput, lastLine: string = ""): void {
    if (this.next !== null) this.files.close(this.next.fd);
    this.next = opened;
    this.lastLine = lastLine;
    this.nextDueAt = this.now() + LAST_LINE_MS;
    this.pump();
  }

  /** Flushes and closes. Lines that come later, or could not be written in `limitMs`, are dropped. */
  async close(limitMs: number): Promise<void> {
    // Nobody will read the lines for a named pipe without a reader.
    if (this.fd !== NOBODY_READS) await this.flush(limitMs);
    for (const { lines } of [...(this.current?.parts ?? []), ...this.waiting]) this.dropped += lines;
    if (this.dropped > this.droppedReported) {
      // Report now, whenever the last report was: there will be no other chance.
      this.troubleAt = -Infinity;
      this.failureCode ||= "not written in time";
      this.report();
    }
    this.closed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    if (this.reopenRetry !== null) clearTimeout(this.reopenRetry);
    if (this.next !== null) this.files.close(this.next.fd);
    this.next = null;
    if (!this.writing) this.files.close(this.fd);
  }

  /**
   * Writes waiting lines synchronously, for an exit that cannot wait. Gives up at the first error, or when the output takes nothing for a
   * moment.
   */
  flushSync(): void {
    const { current, waiting } = this;
    const parts = [
      ...(current !== null && !this.writing ? [current.buffer.subarray(current.offset)] : []),
      ...waiting.map(({ data }) => this.coloured(data)),
    ];
    this.waiting = [];
    let patience = LAST_LINES_MS / AGAIN_MS_MIN;
    for (let rest = Buffer.concat(parts); rest.length > 0 && this.fd !== NOBODY_READS;) {
      try {
        rest = rest.subarray(this.files.writeSync(this.fd, rest));
      } catch (error) {
        // The process is about to end, so the error cannot be reported.
        if (codeOf(error) !== "EAGAIN" || --patience < 0) return;
        Atomics.wait(NEVER_WOKEN, 0, 0, AGAIN_MS_MIN);
      }
    }
  }

  /** Where lines that are written now go: the output in use, or the one that is about to replace it. */
  get destination(): string {
    return this.next?.output ?? this.output;
  }

  /** Whether lines that are written now go to a terminal. */
  get isTerminal(): boolean {
    return this.next?.isTerminal ?? this.files.isTerminal(this.fd);
  }

  /** Lines as the output in use gets them. */
  private coloured(lines: Uint8Array): Uint8Array {
    return this.paint !== null && this.files.isTerminal(this.fd) ? this.paint(lines) : lines;
  }

  private get isStandard(): boolean {
    return this.output === "stdout" || this.output === "stderr";
  }

  /** Does what is due: changes the output, reopens it, or begins the next write. */
  private pump(): void {
    if (this.next !== null && !this.writing && this.mayLeave()) {
      if (this.lastLine !== "" && this.takesLine()) return this.writeLastLine();
      this.useNext();
    }
    // The callback of a reopening may write a line at once, so `writing` is looked at after it.
    if (this.reopened !== null && this.reopenRetry === null && !this.writing) this.reopenNow();
    if (this.writing || this.retry !== null) return;
    if (this.current === null) {
      if (this.waiting.length === 0) {
        for (const wake of this.idleWaiters.splice(0)) wake();
        return;
      }
      const parts = this.takeParts();
      const [only] = parts;
      const plain = only !== undefined && parts.length === 1 ? only.data : Buffer.concat(parts.map(({ data }) => data));
      this.current = { plain, buffer: this.coloured(plain), offset: 0, parts };
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

  /** Opens the output; gives null when it is open, else the error code. */
  private openAgain(): string | null {
    try {
      this.fd = this.files.open(this.output);
      return this.fd === NOBODY_READS ? "ENXIO" : null;
    } catch (error) {
      return codeOf(error) || "unknown";
    }
  }

  /** Goes back to the beginning of a half-written line, so that the next output or reader gets it whole, with colours or without. */
  private rewindToLine(): void {
    const { current } = this;
    if (current === null) return;
    let start = 0;
    for (const byte of current.buffer.subarray(0, current.offset))
      if (byte === LINE_FEED) start = current.plain.indexOf(LINE_FEED, start) + 1;
    current.plain = current.plain.subarray(start);
    current.buffer = this.coloured(current.plain);
    current.offset = 0;
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
    // A log that cannot be written must not keep alive a process that has nothing else to do. `flush` has a timer of its own.
    this.retry.unref();
  }

  /** Whether the current output may be replaced now: no line is half written, or the output will not take the rest. */
  private mayLeave(): boolean {
    const { current } = this;
    if (current === null || current.offset === 0 || current.buffer[current.offset - 1] === LINE_FEED) return true;
    return this.failureCode !== "" || this.now() >= this.nextDueAt;
  }

  /** Whether a line can be written to the current output now: it is in order, and no line is half written. */
  private takesLine(): boolean {
    const { current } = this;
    const isHalfWritten = current !== null && current.offset > 0 && current.buffer[current.offset - 1] !== LINE_FEED;
    return !isHalfWritten && !this.broken && this.failureCode === "" && this.fd !== NOBODY_READS;
  }

  /** Tries once: an output that does not take the line at once goes without it. */
  private writeLastLine(): void {
    const line = this.coloured(Buffer.from(this.lastLine));
    this.lastLine = "";
    this.writing = true;
    this.files.write(this.fd, line, 0, line.length, () => {
      this.writing = false;
      if (this.closed) this.files.close(this.fd);
      else this.pump();
    });
  }

  private useNext(): void {
    const { next, reopened } = this;
    if (next === null) return;
    this.next = null;
    this.lastLine = "";
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
        // If a write is under way, `pump` tries after it.
        this.reopenRetry = null;
        if (!this.writing) this.reopenNow();
      }, REOPEN_MS);
      this.reopenRetry.unref();
    }
    // Called last, because the callback may write a line at once.
    if (problem === null || !reopenFailed) reopened?.(problem);
  }
}

const LINE_FEED = 0x0a;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));
