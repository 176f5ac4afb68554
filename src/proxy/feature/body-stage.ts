/**
 * A stage transforms a body on its way: it compresses, rewrites, checks or counts. A hook returns one for the request or the response of its
 * exchange. Bodies are streamed through it, with back-pressure on both sides; a plain body passes no stage and costs nothing.
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";

/** Made for one body. What it throws, or hands to `fail`, ends its exchange: 500, or a cut response where one has begun. */
export interface BodyStage {
  /** Octets of what comes out; −1: not known beforehand. A stage that hands on another number fails. */
  readonly length: BodyLength;
  /** Before the first byte. The output can be used from now on, at once or later. */
  start(output: StageOutput): void;
  /** Bytes of the body, in order. They lie in a buffer that is used again: copy what is kept after the call, and what is written as it is. */
  data(bytes: Buffer, start: number, end: number): void;
  /** The body is complete. The stage answers with `output.end`, at once or later. */
  end(trailers: FieldSection | null): void;
  /**
   * What one read brought was delivered. False: the stage takes no more for now, and will call `output.resume`. A stage that writes all
   * that it makes of its input at once needs none: its input waits whenever its output does.
   */
  flush?(): boolean;
  /** `output.flush` said false, and now everything is taken. */
  writable?(): void;
  /** The exchange ended before the body did. Nothing is called after it, and what is written has no effect. */
  abort?(): void;
}

/** Where a stage puts what it makes. */
export interface StageOutput {
  /** The proxy does not change these bytes; the stage must not either, until `flush` has said true or `writable` was called. */
  write(bytes: Buffer): void;
  /** Sends what was written. False: the receiver is slow, and `writable` will be called. Not needed during `data`, `end` and `writable`. */
  flush(): boolean;
  /** The body is complete. */
  end(trailers: FieldSection | null): void;
  /** The body cannot be completed. */
  fail(error: unknown): void;
  /** The stage takes input again. */
  resume(): void;
}
