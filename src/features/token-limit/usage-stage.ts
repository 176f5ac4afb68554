import { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { UsageScanner } from "../../policy/tokens/usage-scanner.ts";
import type { BodyStage, StageOutput } from "../../proxy/feature/body-stage.ts";

/** Lets an answer pass as it is, and has it read. */
export class UsageStage implements BodyStage {
  readonly length: BodyLength;
  readonly usage: UsageScanner;
  /** The whole answer has passed. */
  isWhole: boolean = false;
  private readonly reader: Pick<UsageScanner, "scan">;
  private output: StageOutput | null = null;

  /** @param reader gets the bytes of the answer, and hands what is JSON of them on to `usage` */
  constructor(length: BodyLength, usage: UsageScanner, reader: Pick<UsageScanner, "scan">) {
    this.length = length;
    this.usage = usage;
    this.reader = reader;
  }

  start(output: StageOutput): void {
    this.output = output;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.reader.scan(bytes, start, end);
    this.output?.write(Buffer.from(bytes.subarray(start, end)));
  }

  end(trailers: FieldSection | null): void {
    this.isWhole = true;
    this.output?.end(trailers);
  }
}
