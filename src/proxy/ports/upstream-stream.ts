/** The endpoint's side of an exchange: who carries a request to an endpoint, or answers in the place of one, and who is told what comes of it. */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { RequestEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { Failure } from "../exchange/failure.ts";
import type { BodySink } from "./body-sink.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { ByteDuplex, TunnelEvents } from "./tunnel.ts";

/** A connection, or a stream of one, that carries one request to an endpoint and brings its response. */
export interface UpstreamStream extends BodySink {
  /** Begins the request: its head is built from it and the edits. */
  send(request: OutgoingRequest, edits: RequestEdits): void;
  /** False: the origin does not read fast enough, `upstreamUnblocked` will be called. */
  flush(): boolean;
  pauseResponse(): void;
  resumeResponse(): void;
  /** Gives the connection up: it is closed and never used again. Nothing more is said to the sink. */
  abort(): void;
  /** The origin has switched protocols: the connection as plain bytes, whose events go to the tunnel. */
  enterTunnel(tunnel: TunnelEvents): ByteDuplex;
}

/**
 * Who is told what comes of a request: an exchange. Every call says from which connection it comes; one of an attempt that is over has no
 * effect.
 */
export interface ResponseSink {
  /** The connection stands. */
  upstreamReady(from: UpstreamStream): void;
  /** An interim response or the switch of protocols; false: a fault, the connection must not be used on. */
  interim(from: UpstreamStream, head: ResponseHead): boolean;
  responseHead(from: UpstreamStream, head: ResponseHead, length: BodyLength): void;
  responseData(from: UpstreamStream, bytes: Buffer, start: number, end: number): void;
  /** What one read brought was delivered. */
  responseFlush(from: UpstreamStream): void;
  /**
   * The response is complete; its connection has been taken back by the pool already where it can be used again. False: the last slice
   * is still being written, its buffer must not be touched.
   */
  responseEnd(from: UpstreamStream, trailers: FieldSection | null): boolean;
  /** The connection is gone. */
  upstreamFailed(from: UpstreamStream, failure: Failure): void;
  /** What `flush` answered true for has not all left after all: as if it had answered false. */
  upstreamBlocked(from: UpstreamStream): void;
  upstreamUnblocked(from: UpstreamStream): void;
  /** The connection that brought the response, complete now, is the client's alone from now on. */
  ownConnection(upstream: OwnedUpstream): void;
}

/** An upstream connection that may idle between two exchanges without lying in the pool. */
export interface OwnedUpstream extends UpstreamStream {
  /** The endpoint's key when it was opened. */
  readonly key: string;
  /** Whether it can carry a further exchange. */
  readonly usable: boolean;
  take(sink: ResponseSink): void;
  close(): void;
}
