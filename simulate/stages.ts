/** Body stages and response sources as a middleware may have them: at once or late, complete or failing. They check how they are called. */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../src/http/body-length.ts";
import { buildResponseHead } from "../src/http/build-head.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import type { BodyStage, StageOutput } from "../src/proxy/feature/body-stage.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../src/proxy/feature/response-source.ts";
import { bodyOf } from "./bytes.ts";
import type { AnswerPlan } from "./plan.ts";

export type StageKind = "none" | "passes" | "flips" | "late" | "fails";
export type SourceKind = "none" | "at-once" | "late" | "fails";

export interface Timers {
  after(ms: number, then: () => void): unknown;
}

/** How many bytes a late stage keeps before it asks its input to wait. */
const KEPT_MAX = 20_000;
const LATE_MS = 30;
const PIECE_BYTES = 30_000;

/** A copy of the bytes with the lowest bit of each flipped. Flipping twice gives the same bytes again. */
export function flipped(bytes: Buffer, start: number, end: number): Buffer {
  const turned = Buffer.from(bytes.subarray(start, end));
  for (let at = 0; at < turned.length; at++) turned[at] = (turned[at] ?? 0) ^ 1;
  return turned;
}

export class SimulatedStage implements BodyStage {
  readonly length: BodyLength;
  private readonly kind: StageKind;
  private readonly failsAt: number;
  private readonly timers: Timers;
  private readonly wrong: (message: string) => void;
  private output: StageOutput | null = null;
  private kept: Buffer[] = [];
  private keptBytes: number = 0;
  private taken: number = 0;
  private ended: { readonly trailers: FieldSection | null } | null = null;
  /** Whether the stage has passed everything on. */
  private isDone: boolean = false;
  private isOver: boolean = false;
  private isWaiting: boolean = false;
  /** Whether the receiver is slow. */
  private isBlocked: boolean = false;
  /** Whether the stage has asked its input to wait. */
  private holdsInput: boolean = false;

  constructor(kind: StageKind, length: BodyLength, failsAt: number, timers: Timers, wrong: (message: string) => void) {
    this.kind = kind;
    this.length = length;
    this.failsAt = failsAt;
    this.timers = timers;
    this.wrong = wrong;
  }

  /** Whether the stage was started, and has neither ended nor been given up. */
  get isUnderWay(): boolean {
    return this.output !== null && !this.isDone && !this.isOver;
  }

  start(output: StageOutput): void {
    if (this.output !== null) this.wrong("a stage is started twice");
    this.output = output;
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.output === null || this.ended !== null || this.isOver) this.wrong("a stage gets bytes before its start or after its end");
    this.taken += end - start;
    if (this.kind === "fails" && this.taken > this.failsAt) throw new Error("a stage fails");
    const piece = this.kind === "flips" ? flipped(bytes, start, end) : Buffer.from(bytes.subarray(start, end));
    if (this.kind !== "late") return this.output?.write(piece);
    this.kept.push(piece);
    this.keptBytes += piece.length;
  }

  end(trailers: FieldSection | null): void {
    if (this.ended !== null || this.isOver) this.wrong("a stage is ended twice");
    this.ended = { trailers };
    if (this.kind === "late") return this.wait();
    this.isDone = true;
    this.output?.end(trailers);
  }

  flush(): boolean {
    if (this.kind !== "late") return true;
    this.wait();
    this.holdsInput = this.keptBytes > KEPT_MAX;
    return !this.holdsInput;
  }

  writable(): void {
    if (this.isOver) this.wrong("a stage that was given up is told to go on");
    this.isBlocked = false;
    if (this.kind === "late") this.wait();
  }

  abort(): void {
    if (this.isOver) this.wrong("a stage is given up twice");
    this.isOver = true;
  }

  private wait(): void {
    if (this.isWaiting || this.isBlocked) return;
    this.isWaiting = true;
    this.timers.after(LATE_MS, () => {
      this.isWaiting = false;
      if (!this.isOver) this.hand();
    });
  }

  private hand(): void {
    const { output, ended } = this;
    if (output === null || this.isBlocked) return;
    for (const piece of this.kept.splice(0)) output.write(piece);
    this.keptBytes = 0;
    if (ended !== null) {
      this.isDone = true;
      return output.end(ended.trailers);
    }
    this.isBlocked = !output.flush();
    if (!this.holdsInput) return;
    this.holdsInput = false;
    output.resume();
  }
}

/** A source that answers as an endpoint with the same plan would. */
export class SimulatedSource implements ResponseSource {
  private readonly kind: SourceKind;
  private readonly answer: AnswerPlan;
  private readonly owner: number;
  private readonly fields: readonly (readonly [name: string, value: string])[];
  private readonly timers: Timers;
  private readonly wrong: (message: string) => void;
  private sentBytes: number = 0;
  private isOver: boolean = false;
  private isStarted: boolean = false;

  constructor(
    kind: SourceKind,
    answer: AnswerPlan,
    owner: number,
    fields: readonly (readonly [name: string, value: string])[],
    timers: Timers,
    wrong: (message: string) => void,
  ) {
    this.kind = kind;
    this.answer = answer;
    this.owner = owner;
    this.fields = fields;
    this.timers = timers;
    this.wrong = wrong;
  }

  /** Whether the source was started, and has neither ended nor been given up. */
  get isUnderWay(): boolean {
    return this.isStarted && !this.isOver;
  }

  start(_request: unknown, response: SourceResponse): SourceInput {
    if (this.isStarted) this.wrong("a source is started twice");
    this.isStarted = true;
    if (this.kind === "at-once") this.respond(response);
    else this.timers.after(LATE_MS, () => this.respond(response));
    return {
      writable: () => {
        if (this.isOver) this.wrong("a source that was given up is told to go on");
        this.write(response);
      },
      abort: () => {
        if (this.isOver) this.wrong("a source is given up twice");
        this.isOver = true;
      },
    };
  }

  private respond(response: SourceResponse): void {
    if (this.isOver) return;
    const { status, framing, bytes } = this.answer;
    response.respond(buildResponseHead({ status }, this.fields), framing === "length" ? bytes : -1);
    this.write(response);
  }

  private write(response: SourceResponse): void {
    const { bytes, endAt } = this.answer;
    while (!this.isOver && this.sentBytes < bytes) {
      if (this.kind === "fails" && this.sentBytes >= endAt) return response.fail(new Error("a source fails"));
      const end = Math.min(bytes, this.sentBytes + PIECE_BYTES);
      const piece = bodyOf(this.owner, this.sentBytes, end);
      this.sentBytes = end;
      response.write(piece);
      if (!response.flush()) return;
    }
    if (this.isOver) return;
    this.isOver = true;
    response.end(null);
  }
}
