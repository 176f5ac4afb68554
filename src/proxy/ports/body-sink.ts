/**
 * How the bytes of a body pass from a sender to a receiver without a copy. The sender lends a slice of its read buffer:
 *
 * - The slice is valid during the call of `data`. If it lies in a buffer on loan (net/buffers/read-buffers.ts) it stays valid until the
 *   receiver's `flush` has returned true, or the receiver has called `upstreamUnblocked` or `clientUnblocked`.
 * - The receiver may write over the bytes before the slice in its buffer, and move the slice to there. A sender that gives one slice to two
 *   receivers must copy it first. A slice at the beginning of its buffer is never changed.
 */
import type { Buffer } from "node:buffer";
import type { FieldSection } from "../../http/field-section.ts";

/** A receiver of a body: the client's stream, the endpoint's stream, or a stage between them. */
export interface BodySink {
  /** The next bytes of the body: `bytes` from `start` up to `end`. */
  data(bytes: Buffer, start: number, end: number): void;
  /** The body is complete. */
  end(trailers: FieldSection | null): void;
  /** Sends what was delivered. Returns false if the receiver is slow; the receiver then tells when it takes more. */
  flush(): boolean;
}
