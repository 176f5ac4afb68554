/** Compresses or decodes one body while it passes, in pieces that do not hold up the thread. */
import { Buffer } from "node:buffer";
import { DIGESTS } from "../../http/content.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../../proxy/feature/body-stage.ts";
import type { FineClock } from "../../proxy/feature/fine-clock.ts";
import { Op } from "./coder.ts";
import type { Coder } from "./coder.ts";

/** Bytes, those that come and those that are made together, after which the thread does something else first. */
const TURN_BYTES = 256 * 1024;
/** Bytes of input at once. */
const PIECE_BYTES = 32 * 1024;

/** What a stage works with. */
export interface CodingWork {
  readonly clock: Pick<FineClock, "after" | "atTurnEnd">;
  readonly scratch: Buffer;
  /** Takes what is needed. Called once, when the body begins; null: there is no memory. */
  take(): Coder | null;
  /** Called once after `take` has given a coder. */
  giveBack(coder: Coder): void;
  /** Sees how many bytes have come and were made; what it returns ends the body. */
  check?(taken: number, made: number): Error | null;
  /** What a failure of the coder becomes. */
  failure(error: unknown): unknown;
  /** Why there is no memory. */
  readonly noMemory: Error;
}

export class CodingStage implements BodyStage {
  readonly length: number = -1;
  private readonly work: CodingWork;
  /** Milliseconds that input may wait in the coder; 0: it may not; -1: the coder holds nothing back. */
  private readonly flushMs: number;
  private output: StageOutput | null = null;
  private coder: Coder | null = null;
  /** Input that waits for the next turn of the event loop, or for the receiver. */
  private held: Buffer | null = null;
  private trailers: FieldSection | null = null;
  private hasEnded: boolean = false;
  private isBlocked: boolean = false;
  private isUnflushed: boolean = false;
  private taken: number = 0;
  private made: number = 0;
  private isScheduled: boolean = false;
  private cancelFlush: (() => void) | null = null;

  constructor(work: CodingWork, flushMs: number) {
    this.work = work;
    this.flushMs = flushMs;
  }

  start(output: StageOutput): void {
    this.output = output;
    this.coder = this.work.take();
    if (this.coder === null) output.fail(this.work.noMemory);
  }

  data(bytes: Buffer, start: number, end: number): void {
    const { held } = this;
    if (held !== null) {
      this.held = Buffer.concat([held, bytes.subarray(start, end)]);
      return;
    }
    const at = this.code(bytes, start, end);
    if (at !== null) this.held = Buffer.from(bytes.subarray(at, end));
  }

  flush(): boolean {
    if (this.held !== null) {
      this.goOnLater();
      return false;
    }
    this.pushOut();
    return true;
  }

  end(trailers: FieldSection | null): void {
    // A digest is one of the body as it was (RFC 9530).
    this.trailers = trailers !== null && DIGESTS.some((name) => trailers.has(name)) ? null : trailers;
    this.hasEnded = true;
    if (this.held === null) this.finish();
    else this.goOnLater();
  }

  writable(): void {
    this.isBlocked = false;
    if (this.held !== null) this.goOnLater();
  }

  abort(): void {
    this.release();
  }

  /** Returns the place up to which the input was taken, if not all was done; null: it was. */
  private code(bytes: Buffer, start: number, end: number): number | null {
    let budget = TURN_BYTES;
    let at = start;
    do {
      const { coder } = this;
      if (coder === null) return null;
      const until = Math.min(end, at + PIECE_BYTES);
      const made = this.run(Op.take, bytes, at, until);
      if (made < 0) return null;
      const taken = until - at - coder.left;
      this.isUnflushed ||= taken > 0;
      at += taken;
      budget -= taken + made;
      // A coded body has ended, and something follows that is none.
      if (taken === 0 && made === 0 && !coder.isFull) return null;
      if ((at < end || coder.isFull) && (budget <= 0 || !this.mayWrite())) return at;
    } while (at < end || this.coder?.isFull === true);
    return null;
  }

  /** Passes on what the coder makes. Returns how much that is; -1: the body has failed. */
  private run(op: Op, bytes: Buffer, start: number, end: number): number {
    const { coder, output, work } = this;
    if (coder === null) return -1;
    let made: number;
    try {
      made = coder.run(op, bytes, start, end, work.scratch);
    } catch (error) {
      return this.fail(work.failure(error));
    }
    this.taken += end - start - coder.left;
    this.made += made;
    const fault = work.check?.(this.taken, this.made) ?? null;
    if (fault !== null) return this.fail(fault);
    if (made > 0) output?.write(Buffer.from(work.scratch.subarray(0, made)));
    return made;
  }

  private fail(error: unknown): number {
    this.release();
    this.output?.fail(error);
    return -1;
  }

  /** Only what becomes larger has to wait for the receiver within one read. */
  private mayWrite(): boolean {
    if (this.flushMs >= 0) return true;
    this.isBlocked = this.output?.flush() === false;
    return !this.isBlocked;
  }

  private goOnLater(): void {
    if (this.isBlocked || this.isScheduled) return;
    this.isScheduled = true;
    this.work.clock.atTurnEnd(() => this.goOn());
  }

  private goOn(): void {
    this.isScheduled = false;
    const { held, output } = this;
    if (held === null || this.coder === null) return;
    this.held = null;
    const at = this.code(held, 0, held.length);
    if (at !== null) {
      this.held = held.subarray(at);
      if (output?.flush() === false) this.isBlocked = true;
      return this.goOnLater();
    }
    if (this.hasEnded) return this.finish();
    this.pushOut();
    output?.flush();
    output?.resume();
  }

  /** Sees to it that nothing stays in the coder while no more input comes. */
  private pushOut(): void {
    if (!this.isUnflushed || this.flushMs < 0) return;
    if (this.flushMs === 0) this.runOut(Op.flush);
    else
      this.cancelFlush ??= this.work.clock.after(this.flushMs, () => {
        this.cancelFlush = null;
        if (!this.isUnflushed || this.coder === null) return;
        this.runOut(Op.flush);
        this.output?.flush();
      });
  }

  private finish(): void {
    if (this.runOut(Op.finish)) {
      this.release();
      this.output?.end(this.trailers);
    }
  }

  private runOut(op: Op): boolean {
    this.isUnflushed = false;
    do {
      if (this.run(op, NOTHING, 0, 0) < 0) return false;
    } while (this.coder?.isFull === true);
    return true;
  }

  private release(): void {
    this.cancelFlush?.();
    this.cancelFlush = null;
    this.held = null;
    const { coder } = this;
    this.coder = null;
    if (coder !== null) this.work.giveBack(coder);
  }
}

const NOTHING = Buffer.alloc(0);
