/**
 * The stages of one body between who brings it and who takes it:
 *
 * ```text
 *   data, end, flush                                    data, end, flush
 *   ----------------> Segment(stage) -> Segment(stage) ----------------> client or endpoint
 *   <---------------- unblocked                          blocked, unblocked <--------------
 * ```
 * A pipe ends once: by the end of its last stage, by a failure, or by `abort`. What comes later has no effect.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import { isBodyLength } from "../../http/body-length.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodySink } from "../ports/body-sink.ts";

/** How long a stage may hold what it was given, with a receiver that takes more, before it hands on a byte. */
export const STAGE_MS_MAX = 60_000;

/** Whose body it is. */
export interface PipeOwner {
  /** After a `flush` that said false: more may be delivered. */
  pipeUnblocked(pipe: BodyPipe): void;
  /** The whole body was handed on. */
  pipeEnded(pipe: BodyPipe): void;
  /** A stage failed: the body will not be completed. */
  pipeFailed(pipe: BodyPipe, error: unknown): void;
}

export class BodyPipe implements BodySink {
  /** Octets of what comes out; −1: not known beforehand. */
  readonly length: BodyLength;
  /** It has ended, or was given up. */
  isOver: boolean = false;
  private readonly owner: PipeOwner;
  private readonly segments: readonly Segment[];

  /**
   * Throws a RangeError where a stage says a length that is none.
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

  /** After the receiver was told of the body. */
  start(): void {
    // From the receiver's side: each may write to the next one at once.
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
   * The receiver's `flush` has said true, and it does not take more after all. True: whoever delivers must wait. False: a stage has ended,
   * and what comes is dropped.
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

  /** The exchange needs it no more. */
  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    for (const segment of this.segments) segment.abort();
  }

  // ---- what its segments tell ---------------------------------------------------------------------------------------

  inputUnblocked(): void {
    if (!this.isOver) this.owner.pipeUnblocked(this);
  }

  ended(): void {
    if (this.isOver) return;
    // Nobody takes what stages before the one that has ended still make.
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

/** One stage and what it hands on to. */
class Segment extends Timed implements BodySink {
  /** The one whose output is this one's input; null: the pipe's own input. */
  before: Segment | null = null;
  /** As it was said in the head of the message, whatever the stage says later. */
  readonly length: BodyLength;
  private readonly pipe: BodyPipe;
  private readonly stage: BodyStage;
  private readonly to: BodySink;
  private readonly thread: ExchangeThread;
  private isOver: boolean = false;
  private inputEnded: boolean = false;
  /** The stage has said that it takes no more. */
  private inputBlocked: boolean = false;
  private outputBlocked: boolean = false;
  /** Whoever delivers was told to wait. */
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
      // The exchange is over, for whatever reason: a stage that cannot even be given up changes nothing.
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
        // It may come from a promise or a callback: the time of the last event of a connection may be old.
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
    // A view of its own that begins with the bytes: whoever takes it may write over what lies before.
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
    // What still comes is dropped, which needs no place.
    this.inputBlocked = false;
    this.outputBlocked = false;
    this.release();
  }

  private fail(error: unknown): void {
    if (!this.isOver) this.pipe.failed(error);
  }

  /** Lets whoever delivers go on, if nothing stands against it. */
  private release(): void {
    if (!this.holdsInput || this.inputBlocked || this.outputBlocked) return;
    this.holdsInput = false;
    if (this.before === null) this.pipe.inputUnblocked();
    else this.before.unblocked();
  }

  /** The stage has its time only while somebody waits for it and its receiver takes what it makes. */
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
