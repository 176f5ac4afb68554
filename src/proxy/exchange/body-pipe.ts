/**
 * Passes one body through its stages, from the sender to the receiver:
 *
 * ```text
 *   data, end, flush                                    data, end, flush
 *   ----------------> Segment(stage) -> Segment(stage) ----------------> client or endpoint
 *   <---------------- unblocked                          blocked, unblocked <--------------
 * ```
 * Back-pressure goes from each receiver to its sender. Each sender remembers whether it waits; `unblocked` has no effect on one that does not.
 * A pipe ends once: when its last stage has ended, by a failure, or by `abort`. Later calls have no effect.
 */
import type { Buffer } from "node:buffer";
import { isBodyLength } from "../../http/body-length.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { BodyStage } from "../feature/body-stage.ts";
import type { BodySink } from "../ports/body-sink.ts";
import { BodyProducer } from "./body-producer.ts";
import { Input, Output } from "./producer-state.ts";

/** The exchange that the body belongs to. */
export interface PipeOwner {
  /** The pipe takes more. Also called when the sender was not told to wait. */
  pipeUnblocked(pipe: BodyPipe): void;
  /** The whole output was delivered to the receiver. */
  pipeEnded(pipe: BodyPipe): void;
  /** A stage of that middleware failed: the body cannot be completed. */
  pipeFailed(error: unknown, middleware: string): void;
}

/** A stage with the name of its middleware, for the log. */
export interface NamedStage {
  readonly middleware: string;
  readonly stage: BodyStage;
}

/** Throws a RangeError if the stage's `length` is no valid length. */
export function namedStage(stage: BodyStage, middleware: string): NamedStage {
  if (!isBodyLength(stage.length)) throw new RangeError(`a body stage cannot have the length ${stage.length}`);
  return { middleware, stage };
}

export class BodyPipe implements BodySink {
  /** Length of the output in bytes; -1: not known beforehand. */
  readonly length: BodyLength;
  /** The pipe has ended or was given up. */
  isOver: boolean = false;
  private readonly owner: PipeOwner;
  private readonly segments: readonly Segment[];

  /** @param stages at least one, in the order in which the body passes them */
  constructor(stages: readonly NamedStage[], to: BodySink, owner: PipeOwner, thread: ExchangeThread) {
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

  /** Ends the pipe and its stages although the body is incomplete. */
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

  failed(error: unknown, middleware: string): void {
    if (this.isOver) return;
    this.abort();
    this.owner.pipeFailed(error, middleware);
  }

  private get first(): Segment | null {
    return this.isOver ? null : (this.segments[0] ?? null);
  }

  private get last(): Segment | null {
    return this.isOver ? null : (this.segments.at(-1) ?? null);
  }
}

/** One stage of a pipe, with the receiver of its output: the next segment, or the pipe's receiver. */
class Segment extends BodyProducer {
  /** The segment whose output is this one's input; null: this is the first one. */
  before: Segment | null = null;
  /** Length of the output, read once: it stands in the message's head already, even if the stage changes its `length` later. */
  readonly length: BodyLength;
  private readonly pipe: BodyPipe;
  private readonly middleware: string;
  private readonly stage: BodyStage;
  private readonly to: BodySink;
  /**
   * Bytes were written since the last flush. They are flushed even if the receiver is blocked: they must not stay in the thread's open chunk,
   * which all connections share.
   */
  private isUnflushed: boolean = false;

  constructor(pipe: BodyPipe, { stage, middleware }: NamedStage, to: BodySink, thread: ExchangeThread) {
    const { length } = stage;
    super(thread, "a body stage", stage, length);
    this.pipe = pipe;
    this.middleware = middleware;
    this.stage = stage;
    this.length = length;
    this.to = to;
  }

  start(): void {
    this.attempt(() => this.stage.start(this.outputCalls()));
  }

  override flush(): boolean {
    super.flush();
    this.flushOutput();
    return this.isOver || this.takesMore;
  }

  blocked(): boolean {
    this.outputBlocked();
    return !this.isOver;
  }

  unblocked(): void {
    this.outputUnblocked();
    this.inputFreed();
  }

  private get takesMore(): boolean {
    return this.output === Output.open && this.input !== Input.full;
  }

  // ---- BodyProducer -------------------------------------------------------------------------------------------------

  /** While the input is open, the stage waits for input. If the input is full its sender waits for the stage, and if it has ended its receiver does. */
  protected get isAwaited(): boolean {
    return this.input !== Input.open;
  }

  protected inputFreed(): void {
    if (this.takesMore) this.freeSender();
  }

  private freeSender(): void {
    if (this.before === null) this.pipe.inputUnblocked();
    else this.before.unblocked();
  }

  protected deliver(bytes: Buffer): void {
    this.isUnflushed = true;
    this.to.data(bytes, 0, bytes.length);
  }

  protected flushOutput(): boolean {
    if (!this.isOver && (this.output === Output.open || this.isUnflushed)) {
      this.isUnflushed = false;
      if (!this.to.flush()) this.outputBlocked();
    }
    return this.output !== Output.blocked;
  }

  protected deliverEnd(trailers: FieldSection | null): void {
    this.to.end(trailers);
    this.to.flush();
    if (!(this.to instanceof Segment)) this.pipe.ended();
    // Further input is dropped, so the sender need not wait.
    else this.freeSender();
  }

  protected failed(error: unknown): void {
    this.pipe.failed(error, this.middleware);
  }
}
