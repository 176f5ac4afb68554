/** Stores a response while it passes to the client. */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyStage, StageOutput } from "../../proxy/feature/body-stage.ts";
import type { RecordWriter } from "../../proxy/feature/response-store.ts";

export class FillStage implements BodyStage {
  readonly length: BodyLength;
  private readonly bytesMax: number;
  private readonly open: () => RecordWriter | null;
  /** Called once, with whether the response was stored. */
  private readonly done: (stored: boolean) => void;
  private output: StageOutput | null = null;
  /** Null: nothing is stored any more. */
  private writer: RecordWriter | null = null;
  private bytes: number = 0;

  /** @param bytesMax a longer body is not stored @param open begins the record, when the body begins; null: it cannot be stored */
  constructor(length: BodyLength, bytesMax: number, open: () => RecordWriter | null, done: (stored: boolean) => void) {
    this.length = length;
    this.bytesMax = bytesMax;
    this.open = open;
    this.done = done;
  }

  start(output: StageOutput): void {
    this.output = output;
    this.writer = this.open();
    if (this.writer === null) this.done(false);
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.bytes += end - start;
    if (this.bytes > this.bytesMax) {
      this.writer?.abort();
      this.settle(false);
    } else if (this.writer?.write(bytes, start, end) === false) this.settle(false);
    this.output?.write(Buffer.from(bytes.subarray(start, end)));
  }

  end(trailers: FieldSection | null): void {
    this.writer?.complete();
    this.settle(true);
    this.output?.end(trailers);
  }

  abort(): void {
    this.writer?.abort();
    this.settle(false);
  }

  private settle(stored: boolean): void {
    if (this.writer === null) return;
    this.writer = null;
    this.done(stored);
  }
}
