/**
 * What stages (body-pipe.ts) and sources (source-stream.ts) have in common: code of a feature takes one body and makes another, at its own
 * pace. This class passes the input to that code, and checks the output that it writes: its length, its end, its pace. producer-state.ts
 * has a picture of the states.
 */
import { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { FieldSection } from "../../http/field-section.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { StageOutput } from "../feature/body-stage.ts";
import type { SourceInput } from "../feature/response-source.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { Input, Output } from "./producer-state.ts";

/** Milliseconds that a producer may write nothing while others wait for it. */
export const SILENT_MS_MAX = 60_000;

export abstract class BodyProducer extends Timed implements BodySink {
  readonly thread: ExchangeThread;
  /** The code of the feature. */
  protected callbacks: SourceInput;
  /** Length of the output as the code has stated it; -1: not known beforehand; null: not stated yet, and nothing may be written before. */
  protected said: BodyLength | null;
  input: Input = Input.open;
  output: Output = Output.open;
  private written: number = 0;
  /** What the producer is called in error messages. */
  private readonly what: string;

  constructor(thread: ExchangeThread, what: string, callbacks: SourceInput, said: BodyLength | null) {
    super();
    this.thread = thread;
    this.what = what;
    this.callbacks = callbacks;
    this.said = said;
  }

  // ---- what stages and sources do in different ways -----------------------------------------------------------------

  /** Whether somebody waits for the producer while its receiver takes more. */
  protected abstract get isAwaited(): boolean;
  /** The input is not full any more, or has ended: tells the sender to go on, unless it has another reason to wait. */
  protected abstract inputFreed(): void;
  /** Passes all of `bytes` to the receiver, which never changes a slice at the beginning of its buffer (ports/body-sink.ts). */
  protected abstract deliver(bytes: Buffer): void;
  /** Sends what was written. Returns false if the receiver takes no more for now. */
  protected abstract flushOutput(): boolean;
  /** The output is complete. */
  protected abstract deliverEnd(trailers: FieldSection | null): void;
  /** The output cannot be completed. Not called after the end. */
  protected abstract failed(error: unknown): void;

  // ---- the input ----------------------------------------------------------------------------------------------------

  data(bytes: Buffer, start: number, end: number): void {
    this.attempt(() => this.callbacks.data?.(bytes, start, end));
  }

  end(trailers: FieldSection | null): void {
    if (this.isOver) return;
    const { input } = this;
    this.enterInput(Input.ended);
    this.attempt(() => this.callbacks.end?.(trailers));
    if (input === Input.full && !this.isOver) this.inputFreed();
  }

  /** Follows the `data` and `end` calls of one read. Returns false if the producer takes no more for now. */
  flush(): boolean {
    this.attempt(() => {
      const takesMore = this.callbacks.flush?.() !== false;
      if (this.input === Input.open && !takesMore) this.enterInput(Input.full);
      else if (this.input === Input.full && takesMore) this.enterInput(Input.open);
    });
    this.watch();
    return this.isOver || this.input !== Input.full;
  }

  private resume(): void {
    if (this.isOver || this.input !== Input.full) return;
    this.enterInput(Input.open);
    this.watch();
    this.inputFreed();
  }

  // ---- the output ---------------------------------------------------------------------------------------------------

  /** The calls by which the code of the feature writes its output. */
  protected outputCalls(): StageOutput {
    return {
      write: (bytes) => this.write(bytes),
      flush: () => this.flushOutput(),
      end: (trailers) => {
        // The call may come from a promise or a callback, long after the last event for which the clock was read.
        this.thread.tick();
        this.endOutput(trailers);
      },
      fail: (error) => {
        this.thread.tick();
        this.fail(error);
      },
      resume: () => this.resume(),
    };
  }

  private write(bytes: Buffer): void {
    if (this.isOver) return;
    // Code without types may pass a text. An error thrown here, perhaps in a timer of that code, could not be assigned to its exchange.
    if (!Buffer.isBuffer(bytes)) return this.fail(new TypeError(`${this.what} writes something that is no Buffer`));
    if (bytes.length === 0) return;
    const { said } = this;
    if (said === null) return this.fail(new Error(`${this.what} writes before it responds`));
    this.written += bytes.length;
    if (said >= 0 && this.written > said) return this.fail(new Error(`${this.what} writes more than the ${said} bytes that it said`));
    this.watch();
    // A new view each time: a receiver expects that slices of one buffer follow one another in it.
    this.deliver(bytes.subarray(0));
  }

  private endOutput(given: FieldSection | null | undefined): void {
    if (this.output === Output.aborted) this.enterOutput(Output.ended);
    if (this.isOver) return;
    const { said, written } = this;
    // Code without types may leave the trailers out, or pass something else.
    const trailers = given ?? null;
    if (trailers !== null && !(trailers instanceof FieldSection))
      return this.fail(new TypeError(`${this.what} ends with something that is no trailers`));
    if (said === null) return this.fail(new Error(`${this.what} ends before it responds`));
    if (said >= 0 && written < said)
      return this.fail(new Error(`${this.what} writes ${written} bytes instead of the ${said} that it said`));
    this.close(Output.ended);
    this.deliverEnd(trailers);
  }

  /** The receiver takes no more for now. */
  protected outputBlocked(): void {
    if (this.output !== Output.open) return;
    this.enterOutput(Output.blocked);
    this.watch();
  }

  /** The receiver takes more. */
  protected outputUnblocked(): void {
    if (this.output !== Output.blocked) return;
    this.enterOutput(Output.open);
    this.watch();
    this.attempt(() => this.callbacks.writable?.());
    this.flushOutput();
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  /** The producer has ended, has failed or was given up. */
  protected get isOver(): boolean {
    return this.output >= Output.ended;
  }

  /** Ends the producer although its output is incomplete. */
  abort(): void {
    if (this.isOver) return;
    this.close(Output.aborted);
    this.tellAbort();
  }

  protected tellAbort(): void {
    try {
      this.callbacks.abort?.();
    } catch {
      // The exchange is over anyway.
    }
  }

  onDeadline(): void {
    this.fail(new Error(`${this.what} was silent for ${SILENT_MS_MAX / 1000} s`));
  }

  protected fail(error: unknown): void {
    if (!this.isOver) this.failed(error);
  }

  /** Calls code of the feature. What it throws is its failure. */
  protected attempt(act: () => void): void {
    if (this.isOver) return;
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Starts the time limit anew. It runs while somebody waits for the producer, but not while its receiver is slow. */
  protected watch(): void {
    const { deadlines, now } = this.thread;
    if (this.output === Output.open && this.isAwaited) deadlines.set(this, now + SILENT_MS_MAX);
    else deadlines.cancel(this);
  }

  protected close(state: Output): void {
    this.enterOutput(state);
    this.thread.deadlines.remove(this);
  }

  /** The two states are changed here and in `enterOutput` only. Tests watch both. */
  enterInput(state: Input): void {
    this.input = state;
  }

  enterOutput(state: Output): void {
    this.output = state;
  }
}
