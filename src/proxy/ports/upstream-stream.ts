/**
 * The port to an endpoint: an exchange sends its request through an `UpstreamStream`, and is told what comes back as a `ResponseSink`. The
 * driver of an HTTP version implements the stream; a response source, which answers in place of an endpoint, does too
 * (exchange/source-stream.ts).
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { RequestEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { Failure } from "../exchange/failure.ts";
import type { BodySink } from "./body-sink.ts";
import type { OutgoingRequest } from "./outgoing-request.ts";
import type { ByteDuplex, TunnelEvents } from "./tunnel.ts";

/** A connection to an endpoint, or a stream of one, for one request and its response. */
export interface UpstreamStream extends BodySink {
  /** Sends the head, built from the request and the edits; `data` and `end` follow. */
  send(request: OutgoingRequest, edits: RequestEdits): void;
  /** Sends what was delivered. Returns false if the origin server reads too slowly; `upstreamUnblocked` follows. */
  flush(): boolean;
  pauseResponse(): void;
  resumeResponse(): void;
  /** Gives the request up. The connection is closed, and the sink is told nothing more. */
  abort(): void;
  /** After a 101: returns the connection as a stream of bytes. Its events go to the tunnel from now on. */
  enterTunnel(tunnel: TunnelEvents): ByteDuplex;
}

/**
 * What an exchange is told about its request. `from` is the stream that calls: the exchange ignores calls from the stream of an attempt
 * that is over.
 */
export interface ResponseSink {
  /** Connections that serve only the request's client connection; null: there are none. */
  readonly ownedConnections: AnnouncedConnections | null;
  /** For whom the request is sent, as endpoints with `proxy_protocol` are told; null: for the proxy itself, or for an unknown client. */
  clientAddresses(): ConnectionAddresses | null;
  /** The connection is established; the request can be sent. */
  upstreamReady(from: UpstreamStream): void;
  /** An interim response, or the 101 that switches protocols. Returns false if it is a fault: the driver must close the connection. */
  interim(from: UpstreamStream, head: ResponseHead): boolean;
  responseHead(from: UpstreamStream, head: ResponseHead, length: BodyLength): void;
  responseData(from: UpstreamStream, bytes: Buffer, start: number, end: number): void;
  /** Called after the `responseData` calls of one read: the sink may send them. */
  responseFlush(from: UpstreamStream): void;
  /**
   * The response is complete. A connection that can be used again is in the pool by now. Returns false if the last slice is still being
   * written: its buffer must not be used yet.
   */
  responseEnd(from: UpstreamStream, trailers: FieldSection | null): boolean;
  /** The connection is closed, or could not be opened: there will be no (complete) response. */
  upstreamFailed(from: UpstreamStream, failure: Failure): void;
  /** A write that `flush` reported as done is unfinished after all, as if `flush` had returned false. */
  upstreamBlocked(from: UpstreamStream): void;
  /** After `flush` returned false or `upstreamBlocked`: the stream takes more of the request's body. */
  upstreamUnblocked(from: UpstreamStream): void;
  /** The response is complete, and its connection must serve only this client from now on: a user was authenticated on it. */
  ownConnection(upstream: OwnedUpstream): void;
}

/** The idle connections of one client connection whose endpoints were told of the client (`proxy_protocol` of an upstream). */
export interface AnnouncedConnections {
  /** Returns a connection that was opened for that client to the endpoint with this key, or null. */
  takeAnnounced(key: string, client: string, sink: ResponseSink): UpstreamStream | null;
}

/** An upstream connection that belongs to one client connection. Between exchanges it waits there, not in the pool. */
export interface OwnedUpstream extends UpstreamStream {
  /** Key of the endpoint at the time when the connection was opened. */
  readonly key: string;
  /** The client that the endpoint was told when the connection was opened (announcing-pool.ts); "": none. Only requests of that client may use it. */
  readonly announced: string;
  /** Whether a user was authenticated on the connection, so that requests of the client go to its endpoint first. */
  readonly isAuthenticated: boolean;
  /** Whether the connection can serve a further exchange. */
  readonly usable: boolean;
  /** Uses the connection for an exchange. */
  take(sink: ResponseSink): void;
  close(): void;
}
