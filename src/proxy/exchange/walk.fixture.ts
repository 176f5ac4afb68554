/** Stages and sources for random tests: a test decides at each moment what they do. They note calls that the proxy must not make. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { buildResponseHead } from "../../http/build-head.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { mayHaveBody } from "../../http/status.ts";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";
import type { ResponseSource, SourceInput, SourceResponse } from "../feature/response-source.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";

export type StageMethod = "start" | "data" | "end" | "flush" | "writable" | "abort";

export interface StagePlan {
  readonly makes: "the same" | "capitals" | "nothing" | "twice";
  /** Writes its output only when the test says so. */
  readonly isLate: boolean;
  /** Ends its output after this many bytes of input; -1: when its input ends. */
  readonly endsAt: number;
  readonly length: BodyLength;
  readonly throwsIn: StageMethod | null;
}

/** What a stage and a source have in common: the rules for calls, and one end. */
abstract class Walker {
  readonly faults: string[] = [];
  readonly throwsIn: string | null;
  ended: boolean = false;
  aborted: number = 0;
  /** Its `flush` returned false. */
  saidNo: boolean = false;
  takes: boolean = true;
  /** The receiver of its output takes no more. */
  isBlocked: boolean = false;
  input: string = "";
  inputEnded: boolean = false;
  /** The output so far. */
  output: string = "";

  constructor(throwsIn: string | null) {
    this.throwsIn = throwsIn;
  }

  get isOver(): boolean {
    return this.ended || this.aborted > 0;
  }

  protected told(call: string): void {
    if (this.isOver) this.faults.push(`${call} after ${this.ended ? "its end" : "abort"}`);
    if (this.inputEnded && (call === "data" || call === "end")) this.faults.push(`${call} after the end of its input`);
  }

  protected throwIn(call: string): void {
    if (this.throwsIn === call) throw new Error(`broken ${call}`);
  }

  protected gets(bytes: Buffer, start: number, end: number): string {
    this.told("data");
    const text = latin1(bytes, start, end);
    this.input += text;
    this.throwIn("data");
    return text;
  }

  protected getsEnd(): void {
    this.told("end");
    this.inputEnded = true;
    this.throwIn("end");
  }

  protected answersFlush(): boolean {
    this.told("flush");
    this.throwIn("flush");
    this.saidNo = !this.takes;
    return this.takes;
  }

  protected mayWrite(): void {
    this.told("writable");
    this.isBlocked = false;
    this.throwIn("writable");
  }

  protected givenUp(): void {
    this.told("abort");
    this.aborted++;
    this.throwIn("abort");
  }
}

export class WalkStage extends Walker implements BodyStage {
  readonly plan: StagePlan;
  readonly length: BodyLength;
  isStarted: boolean = false;
  kept: string = "";
  private out: StageOutput | null = null;
  private trailers: FieldSection | null = null;

  constructor(plan: StagePlan) {
    super(plan.throwsIn);
    this.plan = plan;
    this.length = plan.length;
  }

  start(output: StageOutput): void {
    this.told("start");
    if (this.isStarted) this.faults.push("started twice");
    this.isStarted = true;
    this.out = output;
    this.throwIn("start");
    if (this.plan.endsAt === 0) this.ends();
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.make(this.gets(bytes, start, end));
    if (!this.plan.isLate) this.writes();
    if (this.plan.endsAt >= 0 && this.input.length >= this.plan.endsAt) this.ends();
  }

  end(trailers: FieldSection | null): void {
    this.trailers = trailers;
    this.getsEnd();
    if (!this.plan.isLate) this.ends();
  }

  flush(): boolean {
    return this.answersFlush();
  }

  writable(): void {
    this.mayWrite();
  }

  abort(): void {
    this.givenUp();
  }

  private make(text: string): void {
    const { makes } = this.plan;
    if (makes === "the same") this.kept += text;
    else if (makes === "capitals") this.kept += text.toUpperCase();
    else if (makes === "twice") this.kept += text + text;
  }

  /** Writes at most `most` bytes of what it holds. */
  writes(most: number = Infinity): void {
    const text = this.kept.slice(0, most);
    this.kept = this.kept.slice(text.length);
    const isTooMuch = this.length >= 0 && this.output.length + text.length > this.length;
    if (!this.isOver && !isTooMuch) this.output += text;
    this.out?.write(Buffer.from(text, "latin1"));
  }

  flushes(): void {
    if (this.out?.flush() === false) this.isBlocked = true;
  }

  /** Writes all that it holds, and ends its output. */
  ends(): void {
    this.writes();
    const isWhole = this.length < 0 || this.output.length === this.length;
    if (!this.isOver && isWhole) this.ended = true;
    this.out?.end(this.trailers);
  }

  fails(): void {
    this.out?.fail(new Error("broken"));
  }

  resumes(): void {
    this.saidNo = false;
    this.out?.resume();
  }
}

export interface SourcePlan {
  readonly body: string;
  readonly length: BodyLength;
  readonly status: number;
  /** The whole answer comes within `start`. */
  readonly isAtOnce: boolean;
  /** Reads the request's body. */
  readonly reads: boolean;
  readonly throwsIn: StageMethod | null;
}

export class WalkSource extends Walker implements ResponseSource {
  readonly plan: SourcePlan;
  isStarted: boolean = false;
  responded: boolean = false;
  /** The part of the answer that is not written yet. */
  kept: string;
  private response: SourceResponse | null = null;
  private hasBody: boolean = true;

  constructor(plan: SourcePlan) {
    super(plan.throwsIn);
    this.plan = plan;
    this.kept = plan.body;
  }

  start({ request }: OutgoingRequest, response: SourceResponse): SourceInput {
    this.hasBody = request.method !== "HEAD" && mayHaveBody(this.plan.status);
    if (this.isStarted) this.faults.push("started twice");
    this.isStarted = true;
    this.response = response;
    // A source that throws is told nothing.
    this.ended = this.throwsIn === "start";
    this.throwIn("start");
    if (this.plan.isAtOnce) {
      this.responds();
      this.ends();
    }
    const body: SourceInput = {
      data: (bytes, start, end) => void this.gets(bytes, start, end),
      end: () => this.getsEnd(),
      flush: () => this.answersFlush(),
    };
    return { ...(this.plan.reads ? body : {}), writable: () => this.mayWrite(), abort: () => this.isGivenUp() };
  }

  /** A source that ended within `start` with a wrong length is told of the abort afterwards. */
  private isGivenUp(): void {
    if (this.plan.isAtOnce) this.ended = false;
    this.givenUp();
  }

  responds(): void {
    this.responded = true;
    this.response?.respond(buildResponseHead({ status: this.plan.status }, []), this.plan.length);
  }

  writes(most: number = Infinity): void {
    const text = this.kept.slice(0, most);
    this.kept = this.kept.slice(text.length);
    const { length } = this.plan;
    if (!this.isOver && this.hasBody && !(length >= 0 && this.output.length + text.length > length)) this.output += text;
    this.response?.write(Buffer.from(text, "latin1"));
  }

  flushes(): void {
    if (this.response?.flush() === false) this.isBlocked = true;
  }

  ends(): void {
    this.writes();
    const { length } = this.plan;
    const isWhole = !this.hasBody || length < 0 || this.output.length === length;
    if (!this.isOver && this.responded && isWhole) this.ended = true;
    this.response?.end(null);
    // Within `start` it cannot know that its exchange has ended before.
    if (this.plan.isAtOnce) this.ended = this.aborted === 0;
  }

  fails(): void {
    this.response?.fail(new Error("broken"));
  }

  resumes(): void {
    this.saidNo = false;
    this.response?.resume();
  }
}
