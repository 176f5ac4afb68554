/**
 * Passes one body through its stages, from the sender to the receiver:
 *
 * ```text
 *   data, end, flush                                    data, end, flush
 *   ----------------> Segment(stage) -> Segment(stage) ----------------> client or endpoint
 *   <---------------- unblocked                          blocked, unblocked <--------------
 * ```
 * A pipe ends once: when its last stage has ended, by a failure, or by `abort`. Later calls have no effect.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import { isBodyLength } from "../../http/body-length.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";

/** How long a stage may hold its input without writing a byte, while the receiver takes more. */
export const STAGE_MS_MAX = 60_000;

/** The exchange that the body belongs to. */
export interface PipeOwner {
  /** After `flush` of the pipe returned false: the pipe takes more. */
  pipeUnblocked(pipe: BodyPipe): void;
  /** The whole output was delivered to the receiver. */
  pipeEnded(pipe: BodyPipe): void;
  /** A stage failed: the body cannot be completed. */
  pipeFailed(pipe: BodyPipe, error: unknown): void;
}

export class BodyPipe implements BodySink {
  /** Length of the output in bytes; -1: not known beforehand. */
  readonly length: BodyLength;
  /** The pipe has ended or was given up. */
  isOver: boolean = false;
  private readonly owner: PipeOwner;
  private readonly segments: readonly Segment[];

  /**
   * Throws a RangeError if the `length` of a stage is no valid length.
   * @param stages at least one, in the order in which the body passes them
   */
  constructor(stages: readonly BodyStage[], to: BodySink, owner: PipeOwner, thread: ExchangeThread) {
    this.owner = owner;
    const segments: Segment[] = [];
    for (const stage of stages.toReversed()) {
      const segment = new Segment(this, stage, segments[0] ?? to, thread);
      if (segments[0] !== undefined) segments[0].before = segment;
      segments.unshift(segment);
    }
    this.segments = segments;
    this.length = segments.at(-1)?.length ?? -1;
  }

  /** Call it after the receiver has got the head. */
  start(): void {
    // The last stage first, because each stage may write to the next one at once.
    for (const segment of this.segments.toReversed()) if (!this.isOver) segment.start();
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.first?.data(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    this.first?.end(trailers);
  }

  flush(): boolean {
    return this.first?.flush() ?? true;
  }

  /**
   * The receiver does not take more after all, though its `flush` returned true. Returns true if the sender must wait; false if a stage has
   * ended, so that further input is dropped.
   */
  blocked(): boolean {
    if (this.isOver) return false;
    for (const segment of this.segments.toReversed()) if (!segment.blocked()) return false;
    return true;
  }

  /** The receiver takes more. */
  unblocked(): void {
    this.last?.unblocked();
  }

  /** Gives the pipe and its stages up. */
  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const segment of this.segments) segment.abort();
  }

  // ---- called by the segments ---------------------------------------------------------------------------------------

  inputUnblocked(): void {
    if (!this.isOver) this.owner.pipeUnblocked(this);
  }

  ended(): void {
    if (this.isOver) return;
    // The output of stages before the last one is not needed any more.
    this.abort();
    this.owner.pipeEnded(this);
  }

  failed(error: unknown): void {
    if (this.isOver) return;
    this.abort();
    this.owner.pipeFailed(this, error);
  }

  private get first(): Segment | null {
    return this.isOver ? null : (this.segments[0] ?? null);
  }

  private get last(): Segment | null {
    return this.isOver ? null : (this.segments.at(-1) ?? null);
  }
}

/** One stage of a pipe, with the receiver of its output: the next segment, or the pipe's receiver. */
class Segment extends Timed implements BodySink {
  /** The segment whose output is this one's input; null: this is the first one. */
  before: Segment | null = null;
  /** Length of the output, read once: it stands in the message's head already, even if the stage changes its `length` later. */
  readonly length: BodyLength;
  private readonly pipe: BodyPipe;
  private readonly stage: BodyStage;
  private readonly to: BodySink;
  private readonly thread: ExchangeThread;
  private isOver: boolean = false;
  private inputEnded: boolean = false;
  /** The stage's `flush` returned false. */
  private inputBlocked: boolean = false;
  /** The receiver takes no more for now. */
  private outputBlocked: boolean = false;
  /** The sender was told to wait. */
  private holdsInput: boolean = false;
  private written: number = 0;

  constructor(pipe: BodyPipe, stage: BodyStage, to: BodySink, thread: ExchangeThread) {
    super();
    this.pipe = pipe;
    this.stage = stage;
    this.length = stage.length;
    if (!isBodyLength(this.length)) throw new RangeError(`a body stage cannot have the length ${this.length}`);
    this.to = to;
    this.thread = thread;
  }

  start(): void {
    this.attempt(() => this.stage.start(this.output()));
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (!this.isOver) this.attempt(() => this.stage.data(bytes, start, end));
  }

  end(trailers: FieldSection | null): void {
    if (this.isOver) return;
    this.inputEnded = true;
    this.attempt(() => this.stage.end(trailers));
  }

  flush(): boolean {
    if (this.isOver) return true;
    this.attempt(() => {
      this.inputBlocked = this.stage.flush?.() === false;
    });
    this.flushOutput();
    this.holdsInput = !this.isOver && (this.inputBlocked || this.outputBlocked);
    this.watch();
    return !this.holdsInput;
  }

  flushOutput(): boolean {
    if (!this.isOver && !this.outputBlocked && !this.to.flush()) this.outputBlocked = true;
    this.watch();
    return !this.outputBlocked;
  }

  blocked(): boolean {
    if (this.isOver) return false;
    this.outputBlocked = true;
    this.holdsInput = true;
    this.watch();
    return true;
  }

  unblocked(): void {
    if (this.isOver) return;
    this.outputBlocked = false;
    this.attempt(() => this.stage.writable?.());
    this.flushOutput();
    this.release();
  }

  abort(): void {
    if (this.isOver) return;
    this.close();
    try {
      this.stage.abort?.();
    } catch {
      // The exchange is over anyway.
    }
  }

  onDeadline(): void {
    this.pipe.failed(new Error(`a body stage handed on nothing for ${STAGE_MS_MAX / 1000} s`));
  }

  private output(): StageOutput {
    return {
      write: (bytes) => this.write(bytes),
      flush: () => this.flushOutput(),
      end: (trailers) => {
        // The stage may call from a promise or a callback, long after the last event for which the clock was read.
        this.thread.tick();
        this.outputEnds(trailers);
      },
      fail: (error) => {
        this.thread.tick();
        this.fail(error);
      },
      resume: () => {
        this.inputBlocked = false;
        this.release();
      },
    };
  }

  private write(bytes: Buffer): void {
    if (this.isOver || bytes.length === 0) return;
    this.written += bytes.length;
    const { length } = this;
    if (length >= 0 && this.written > length)
      return this.fail(new Error(`a body stage hands on more than the ${length} bytes that it said`));
    // A new view, because the receiver may write over the bytes before a slice (ports/body-sink.ts).
    this.to.data(bytes.subarray(0), 0, bytes.length);
  }

  private outputEnds(trailers: FieldSection | null): void {
    if (this.isOver) return;
    const { length } = this;
    if (length >= 0 && this.written < length) {
      return this.fail(new Error(`a body stage hands on ${this.written} bytes instead of the ${length} that it said`));
    }
    this.close();
    this.to.end(trailers);
    this.to.flush();
    if (!(this.to instanceof Segment)) return this.pipe.ended();
    // Further input is dropped, so the sender need not wait.
    this.inputBlocked = false;
    this.outputBlocked = false;
    this.release();
  }

  private fail(error: unknown): void {
    if (!this.isOver) this.pipe.failed(error);
  }

  /** Tells the waiting sender to go on, unless the stage or the receiver is still blocked. */
  private release(): void {
    if (!this.holdsInput || this.inputBlocked || this.outputBlocked) return;
    this.holdsInput = false;
    if (this.before === null) this.pipe.inputUnblocked();
    else this.before.unblocked();
  }

  /** Sets the stage's time limit. It runs only while the sender or the receiver waits for the stage, not while the receiver is blocked. */
  private watch(): void {
    const { deadlines, now } = this.thread;
    if (this.isOver) return;
    if (this.outputBlocked || !(this.inputEnded || this.inputBlocked)) deadlines.cancel(this);
    else deadlines.set(this, now + STAGE_MS_MAX);
  }

  private close(): void {
    this.isOver = true;
    this.thread.deadlines.remove(this);
  }

  private attempt(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.fail(error);
    }
  }
}
