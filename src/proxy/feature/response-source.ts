/** Whatever answers a request instead of an endpoint: a stored response, a static answer, a handler in TypeScript. */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";

export interface ResponseSource {
  /** Answers at once or later. Whatever it throws, and whatever its input throws, ends the exchange: 500, or a cut response. */
  start(request: OutgoingRequest, response: SourceResponse): SourceInput;
}

/** The answer, in this order: `respond` once, `write` and `flush`, `end`. After the exchange has ended all of it has no effect. */
export interface SourceResponse {
  /**
   * The final response's head; no interim one. The body's length is said by the proxy. To HEAD, and with 204 and 304, there is no body: what
   * is written is dropped.
   * @param length of the body as it would be for GET; −1: not known beforehand. With another number of bytes the source fails
   */
  respond(head: ResponseHead, length: BodyLength): void;
  /** The proxy does not change these bytes; the source must not either, until `flush` has said true or `writable` was called. */
  write(bytes: Buffer): void;
  /** Sends what was written. False: the client is slow, and `writable` will be called. */
  flush(): boolean;
  end(trailers: FieldSection | null): void;
  /** There is no answer, or no more of it. */
  fail(error: unknown): void;
  /** After `flush` of the input said false: the source takes more of the request's body. */
  resume(): void;
}

/** What a source is told. One that says nothing of the body is not given it. */
export interface SourceInput {
  /** Bytes of the request's body. They lie in a buffer that is used again: copy what is kept after the call, and what is written as it is. */
  data?(bytes: Buffer, start: number, end: number): void;
  /** The request is complete. */
  end?(trailers: FieldSection | null): void;
  /** What one read brought was delivered. False: no more for now. */
  flush?(): boolean;
  /** `response.flush` said false, and now everything is taken. */
  writable?(): void;
  /** The exchange ended before the answer did. Nothing is called after it. */
  abort?(): void;
}

export const NO_INPUT: SourceInput = {};
