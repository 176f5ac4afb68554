/**
 * Whole bodies for features that look into them: the request's before it goes on, or a copy of one that passes. Their memory counts against
 * `limits.buffered_bytes`, which bounds what all threads of the process keep.
 */
import { Buffer } from "node:buffer";
import type { FieldSection } from "../../http/field-section.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { KeptBody } from "../exchange/kept-body.ts";
import type { BodyStage, StageOutput } from "./body-stage.ts";
import type { Memory } from "./memory.ts";
import type { ExchangeView } from "./middleware.ts";

/**
 * Why a body is not there as a whole:
 * - `size`: it is larger than it may be
 * - `memory`: all kept bodies together take what they may
 * - `gone`: the client has not sent all of it, and the exchange is over
 */
export type NoBody = "size" | "memory" | "gone";

/** The request's body, for `onRequest` and `source`. It is still sent on afterwards, so its bytes may not be changed. */
export async function wholeBody(exchange: ExchangeView, bytesMax: number): Promise<Buffer | NoBody> {
  if (exchange.requestLength > bytesMax) return "size";
  if (exchange.collectedBytes < 0) return "gone";
  const body = await exchange.collectBody(bytesMax);
  if (body !== null) return body;
  if (exchange.signal.aborted) return "gone";
  return exchange.collectedBytes > bytesMax ? "size" : "memory";
}

/** Passes a body on as it comes, and keeps a copy of it for a look at its end. */
export class WatchedBody implements BodyStage {
  readonly length: BodyLength;
  private readonly bytesMax: number;
  private readonly kept: KeptBody;
  private readonly watch: (body: Buffer | NoBody) => void;
  private output: StageOutput | null = null;
  private fault: NoBody | null = null;

  /**
   * @param length of the body as it comes
   * @param watch called once, with the whole body or why there is none
   */
  constructor(length: BodyLength, bytesMax: number, memory: Memory, watch: (body: Buffer | NoBody) => void) {
    this.length = length;
    this.bytesMax = bytesMax;
    this.kept = new KeptBody(memory);
    this.watch = watch;
  }

  start(output: StageOutput): void {
    this.output = output;
    if (this.length > this.bytesMax) this.fault = "size";
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.output?.write(Buffer.from(bytes.subarray(start, end)));
    if (this.fault !== null) return;
    if (this.kept.size + end - start > this.bytesMax) this.giveUp("size");
    else if (!this.kept.add(bytes, start, end)) this.giveUp("memory");
  }

  end(trailers: FieldSection | null): void {
    this.tell();
    this.output?.end(trailers);
  }

  abort(): void {
    this.fault ??= "gone";
    this.tell();
  }

  private giveUp(fault: NoBody): void {
    this.fault = fault;
    this.kept.letGo();
  }

  private tell(): void {
    this.watch(this.fault ?? this.kept.bytes);
    this.kept.letGo();
  }
}
