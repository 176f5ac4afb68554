/**
 * The port between `EmbeddedClient` and whoever has read a request and writes its response: Node's http and http2 (node-body.ts,
 * http1-response.ts, http2-response.ts) or the web's standard (web-body.ts, web-response.ts). None of these calls back within one of its own
 * methods.
 */
import type { Buffer } from "node:buffer";
import type { FieldPair } from "../http/field-pairs.ts";
import type { FieldSection } from "../http/field-section.ts";

/** A request's body as the host program delivers it. */
export interface HostedBody {
  /** Says to whom the body goes. Nothing is read before `resume`. */
  start(reader: HostedBodyReader): void;
  resume(): void;
  /** At most what was read already comes after this. */
  pause(): void;
  /** Nobody wants the rest. Returns true if it is read and thrown away, until `bodyEnded`; false: nothing more comes. */
  discard(): boolean;
  /** Nothing more is wanted, and nothing more is told. */
  close(): void;
}

export interface HostedBodyReader {
  /** The bytes are the reader's own, from the beginning of `bytes` to its end. */
  bodyRead(bytes: Buffer): void;
  bodyEnded(trailers: FieldSection | null): void;
  /** The body cannot be read to its end. */
  bodyFailed(): void;
}

/** A response as the host program sends it. */
export interface HostedResponse {
  /** HTTP/1: fields about the connection can be sent. */
  readonly isHttp1: boolean;
  readonly sendsTrailers: boolean;
  /** The response is still the proxy's: nobody else has begun, ended or closed it. */
  readonly isOurs: boolean;
  /** How many of the bytes given to `write` the client has not taken. */
  readonly queuedBytes: number;
  /** An earlier response is sent over the connection first: the client is not to blame for what waits. */
  readonly isBehindAnother: boolean;
  start(events: HostedResponseEvents): void;
  interim(status: number, fields: readonly FieldPair[]): void;
  /** The head. It may wait for `write`, `flush` or `end`. */
  head(status: number, reason: string, fields: readonly FieldPair[]): void;
  /** Sends bytes, which are the receiver's from then on. Returns false if the client is slow; `responseTaken` follows. */
  write(bytes: Buffer): boolean;
  flush(): void;
  end(trailers: readonly FieldPair[]): void;
  /** Ends a response that is incomplete, so that the client sees it. What was written before is sent if the client takes it. */
  cut(): void;
  /** Ends the response at once, with what waits. */
  reset(): void;
}

export interface HostedResponseEvents {
  /** After `write` returned false: the client has taken what waited. */
  responseTaken(): void;
  /** Nothing more can be sent: the response has left as a whole, or the client is gone. */
  responseClosed(wasReset: boolean): void;
}
