/** Stages of bodies that write down nothing and do one thing each. */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../feature/body-stage.ts";

/** Hands on what it makes of each piece at once. */
export function mapping(map: (text: string) => string, length: number = -1): BodyStage {
  let out: StageOutput | null = null;
  return {
    length,
    start: (output) => void (out = output),
    data: (bytes, start, end) => out?.write(Buffer.from(map(latin1(bytes, start, end)), "latin1")),
    end: (trailers) => out?.end(trailers),
  };
}

export const upper = (): BodyStage => mapping((text) => text.toUpperCase());

/** Keeps what it is given until the test lets it go. */
export class Held implements BodyStage {
  readonly length: number;
  output: StageOutput | null = null;
  text: string = "";
  /** What `flush` says. */
  takes: boolean = true;
  inputEnded: boolean = false;
  aborted: number = 0;
  writables: number = 0;
  private trailers: FieldSection | null = null;

  constructor(length: number = -1) {
    this.length = length;
  }

  start(output: StageOutput): void {
    this.output = output;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.text += latin1(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    this.inputEnded = true;
    this.trailers = trailers;
  }

  flush(): boolean {
    return this.takes;
  }

  writable(): void {
    this.writables++;
  }

  abort(): void {
    this.aborted++;
  }

  /** Hands on all that it has; whether the receiver takes it. */
  writes(text: string = this.text): boolean {
    this.text = "";
    this.output?.write(Buffer.from(text, "latin1"));
    return this.output?.flush() ?? false;
  }

  ends(): void {
    this.output?.end(this.trailers);
  }
}
