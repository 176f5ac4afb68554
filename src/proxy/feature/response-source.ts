/**
 * What a feature implements to answer a request itself, in place of an endpoint: from a cache, with fixed content, or by code. The hooks
 * `source` and `onUpstreamResponse` return one.
 *
 * A source that answers at once:
 *
 * ```ts
 * const greeting: ResponseSource = {
 *   start: (_request, response) => {
 *     response.respond(buildResponseHead({ status: 200 }, [["Content-Type", "text/plain"]]), 5);
 *     response.write(Buffer.from("hello"));
 *     response.end(null);
 *     return NO_INPUT;
 *   },
 * };
 * ```
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { LocalAnswer } from "../local-answer.ts";

/** Answers requests in place of an endpoint. One source may answer many requests, several at the same time. */
export interface ResponseSource {
  /**
   * Begins the answer to one request, through `response`, at once or later. Returns callbacks for the request's body, or `NO_INPUT`. An
   * error thrown here or by the callbacks ends the exchange: the client gets a 500, or a cut response if the response has begun.
   */
  start(request: SourceRequest, response: SourceResponse): SourceInput;
  /**
   * The source is never silent for longer than limits of its own allow, so that none is set for it.
   * @internal
   */
  readonly hasOwnLimits?: true;
}

/** The request that a source answers. */
export interface SourceRequest {
  /** The head as received from the client; what `onUpstreamRequest` changes is not in it. Valid until the exchange has finished. */
  readonly request: RequestHead;
  /** Length of the body as received. */
  readonly requestLength: BodyLength;
}

/**
 * Where a source writes its response: `respond` once, then `write` and `flush`, then `end`; or `answer`. After the exchange has ended no call has any
 * effect.
 */
export interface SourceResponse {
  /**
   * Sends the head of the response, whose status is final (200 or higher). The proxy writes the field with the body's length. A response to
   * HEAD and one with status 204 or 304 has no body: bytes written for it are dropped.
   * @param length of the body in bytes, for HEAD the same as for GET; -1: not known beforehand. A source that writes another number of
   * bytes fails
   */
  respond(head: ResponseHead, length: BodyLength): void;
  /**
   * Has the proxy send an answer of its own in the place of a response, as after an `onRequest` that returns one. After `respond` it is too late for
   * that: the response is cut. In both cases the answer's `reason` becomes the outcome of the exchange, and nothing counts as a fault of the source, which
   * is over; its `abort` is not called.
   */
  answer(answer: LocalAnswer): void;
  /** Adds bytes to the body. Neither side may change them until `flush` has returned true or `writable` was called. */
  write(bytes: Buffer): void;
  /** Sends what was written. Returns false if the client is slow; `writable` is called when it has taken everything. */
  flush(): boolean;
  /** The response is complete. */
  end(trailers: FieldSection | null): void;
  /** The response cannot be made or completed; ends the exchange. The error goes to the application log. */
  fail(error: unknown): void;
  /** After the `flush` of {@link SourceInput} returned false: the source takes more of the request's body. */
  resume(): void;
}

/** The callbacks of a source for the body of its request. Without `data` the body is not delivered. */
export interface SourceInput {
  /**
   * The next bytes of the body: `bytes` from `start` up to `end`. The buffer is reused after the call, so copy what you keep, and copy what
   * you pass on unchanged to `write`. Do not change the bytes: they may be needed for another attempt.
   */
  data?(bytes: Buffer, start: number, end: number): void;
  /** The request is complete. */
  end?(trailers: FieldSection | null): void;
  /** Called after the `data` calls of one read. Returns false if the source takes no more for now; it must call `response.resume` later. */
  flush?(): boolean;
  /** After `response.flush` returned false: the client has taken everything, and the source may write on. */
  writable?(): void;
  /** The exchange ended before the response did. Last call. */
  abort?(): void;
}

/** For a source that does not read the request's body. */
export const NO_INPUT: SourceInput = {};
