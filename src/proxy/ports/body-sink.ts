/**
 * How a body passes from who brings it to who takes it. Bytes are lent as a slice: it is valid during the call, or, when it lies in a buffer on
 * loan, until the receiver's `flush` said true or it called `upstreamUnblocked` or `clientUnblocked`. The receiver may write over what lies
 * before a slice in its buffer, and move the slice there: whoever shows one slice to two receivers copies it first. A slice that begins its
 * buffer stays as it is.
 */
import type { Buffer } from "node:buffer";
import type { FieldSection } from "../../http/field-section.ts";

/** What takes a body: the client, an endpoint, or a stage between them. */
export interface BodySink {
  data(bytes: Buffer, start: number, end: number): void;
  end(trailers: FieldSection | null): void;
  /** What was delivered can be sent. False: the receiver is slow, and will say when it takes more. */
  flush(): boolean;
}
