import type { Buffer } from "node:buffer";
import type { BodyStage, StageOutput } from "../../proxy/feature/body-stage.ts";

/** The most bytes of the origin's body that are read and dropped, so that its connection can be used again. */
const DROPPED_BYTES_MAX = 64 * 1024;

/** Sends a page in the place of the origin's body. */
export class PageStage implements BodyStage {
  readonly length: number;
  private readonly page: Buffer;
  private output: StageOutput | null = null;
  private dropped: number = 0;

  constructor(page: Buffer) {
    this.page = page;
    this.length = page.length;
  }

  start(output: StageOutput): void {
    this.output = output;
    output.write(this.page);
    output.flush();
  }

  data(_bytes: Buffer, start: number, end: number): void {
    this.dropped += end - start;
    if (this.dropped > DROPPED_BYTES_MAX) this.end();
  }

  end(): void {
    this.output?.end(null);
  }
}
