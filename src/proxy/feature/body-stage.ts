/**
 * What a feature implements to transform a body while it passes: to compress, rewrite, check or count it. The hooks `onUpstreamRequest` and
 * `onResponse` return a stage for the request's or the response's body. Bodies are streamed through it, with back-pressure on both sides.
 * A body without stages costs nothing extra.
 *
 * A stage that turns ASCII letters into capitals:
 *
 * ```ts
 * function upperCase(): BodyStage {
 *   let out: StageOutput | null = null;
 *   return {
 *     length: -1,
 *     start: (output) => void (out = output),
 *     data: (bytes, start, end) => out?.write(Buffer.from(latin1(bytes, start, end).toUpperCase(), "latin1")),
 *     end: (trailers) => out?.end(trailers),
 *   };
 * }
 * ```
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { LocalAnswer } from "../local-answer.ts";

/**
 * Transforms one body; a hook makes a new stage for each. An error that the stage throws or hands to `output.fail` ends the exchange: the
 * client gets a 500, or a cut response if the response has begun.
 *
 * A stage that is never started is told nothing at all: there was no body, or the exchange has ended. What needs to be freed in `abort` is
 * therefore taken in `start`.
 */
export interface BodyStage {
  /** Length of the output in bytes; -1: not known beforehand. If the stage writes another number of bytes it fails. */
  readonly length: BodyLength;
  /** Called once, before the first `data`. The stage keeps `output` and may write to it at once or later. */
  start(output: StageOutput): void;
  /**
   * The next bytes of the body: `bytes` from `start` up to `end`. The buffer is reused after the call, so copy what you keep, and copy what
   * you pass on unchanged to `output.write`. Do not change the bytes: they may be those of a file in memory, or be needed for another attempt.
   */
  data(bytes: Buffer, start: number, end: number): void;
  /** The input is complete. The stage then calls `output.end`, at once or later. */
  end(trailers: FieldSection | null): void;
  /**
   * Called after the `data` calls of one read. Returns false if the stage takes no more input for now; it must call `output.resume` later.
   * A stage that writes its output within `data` needs no `flush`: the input waits by itself while the receiver is slow.
   */
  flush?(): boolean;
  /** After `output.flush` returned false: the receiver has taken everything, and the stage may write on. */
  writable?(): void;
  /** The exchange ended before the body did. Last call; later calls of `output` have no effect. */
  abort?(): void;
}

/**
 * The client's body is refused with this answer, though a part of it has been passed on: the request to the endpoint is cut, so that it never looks whole there.
 * For `output.fail` of a stage of the request's body; nothing is logged as an error.
 */
export class BodyRefused extends Error {
  readonly answer: LocalAnswer;

  constructor(answer: LocalAnswer) {
    super(answer.detail);
    this.answer = answer;
  }
}

/** Where a stage writes its output. The calls may come at any time after `start`. */
export interface StageOutput {
  /** Adds bytes to the output. Neither side may change them until `flush` has returned true or `writable` was called. */
  write(bytes: Buffer): void;
  /**
   * Sends what was written. Returns false if the receiver is slow; `writable` is called when it has taken everything. The proxy flushes by
   * itself after `data`, `end` and `writable`.
   */
  flush(): boolean;
  /** The output is complete. `trailers`: in most stages those of the input. */
  end(trailers: FieldSection | null): void;
  /** The output cannot be completed; ends the exchange. The error goes to the application log. */
  fail(error: unknown): void;
  /** After the stage's `flush` returned false: it takes input again. */
  resume(): void;
}
