/**
 * What an exchange and the drivers of the two connections that it joins say to each other. The drivers in net/ implement these for one
 * HTTP version each; the exchange knows neither sockets nor versions.
 *
 * Bytes are passed as a slice that is valid during the call, or, for slices of a loaned buffer, until the receiver's `flush` said
 * true or it called `upstreamUnblocked` or `downstreamUnblocked`. The receiver may overwrite them: whoever shows a slice to two receivers
 * copies it first.
 */
import type { Buffer } from "node:buffer";
import type { UnsafeFieldNames } from "../config/listener-schema.ts";
import type { BodyLength } from "../http/body-length.ts";
import type { ConnectionOptions } from "../http/connection-options.ts";
import type { FieldEdits } from "../http/field-edits.ts";
import type { RequestEdits, ResponseEdits } from "../http/head-edits.ts";
import type { FieldSection } from "../http/field-section.ts";
import type { BelievedForwarded } from "../http/forwarded.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Choice } from "../policy/balance/balancer.ts";
import type { Failure } from "./exchange/failure.ts";
import type { LocalAnswer } from "./feature/middleware.ts";
import type { Endpoint } from "./upstream/endpoint.ts";
import type { EndpointSet } from "./upstream/endpoint-set.ts";

// ---- bodies -----------------------------------------------------------------------------------------------------------

/** What takes a body: the client, an endpoint, or a stage between them. */
export interface BodySink {
  data(bytes: Buffer, start: number, end: number): void;
  end(trailers: FieldSection | null): void;
  /** What was delivered can be sent. False: the receiver is slow, and will say when it takes more. */
  flush(): boolean;
}

// ---- the client's side ------------------------------------------------------------------------------------------------

/** Who sends a request, and what is believed of what it says about itself. */
export interface ClientFacts {
  /** Address of the connection's other end. */
  readonly peer: string;
  /** The client's address as far as trusted proxies tell it, else the peer. */
  readonly client: string;
  readonly trusted: boolean;
  readonly secure: boolean;
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
}

/** Why a client gets no more of its response. */
export type DownstreamEnd = "client_gone" | "client_reset" | "client_stalled" | "drain_timeout";

export interface Downstream extends BodySink {
  /** Nobody outside waits for the response: the proxy asks for itself. */
  readonly isBackground: boolean;
  /** Bytes written to the client so far, heads included. */
  readonly bytesWritten: number;
  /** Connections to endpoints that are this client connection's alone; null: it has none. */
  readonly owned: OwnedConnections | null;
  /** An interim response (1xx but 101) of the origin. */
  interim(head: ResponseHead): void;
  /** The final response's head; `data` and `end` follow. */
  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void;
  /** A whole answer of the proxy's own. */
  answer(answer: LocalAnswer, edits: FieldEdits): void;
  /** Sends what was collected; false: the client does not read fast enough, `exchange.downstreamUnblocked` will be called. */
  flush(): boolean;
  /** The response cannot be completed: makes that visible to the client. */
  cut(): void;
  /** Delivers the request body (again), or stops delivering it. */
  resumeRequest(): void;
  pauseRequest(): void;
  /** The origin switched protocols: from here on bytes pass both ways until both ends are done. */
  startTunnel(head: ResponseHead, upstream: Upstream): void;
  /** From now on that connection, which idles, serves this client connection alone, and ends with it. */
  own(upstream: OwnedUpstream): void;
  /** The exchange is over: go on with the connection's next request, or end it. */
  exchangeFinished(): void;
}

// ---- the endpoint's side ----------------------------------------------------------------------------------------------

/** All that a driver may know of a request that it sends to an endpoint. */
export interface OutgoingRequest {
  readonly request: RequestHead;
  /** Of the body that is sent, which stages may have made of the client's. */
  readonly bodyLength: BodyLength;
  readonly connection: ConnectionOptions;
  /** Address of the client connection's other end, without port; "" where the proxy asks for itself, and speaks for nobody. */
  readonly peer: string;
  /** That is a trusted proxy: what it says about the client is passed on. */
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  /** The request asks to switch to the WebSocket protocol and may. */
  readonly upgrade: boolean;
  /** What trusted proxies said in Forwarded; null where that field is not the one to believe. */
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
  /** The client may wait for a 100 (Continue) before it sends its body, and the origin has not said it yet. */
  readonly awaitsContinue: boolean;
}

/** A connection, or a stream of one, that carries one request to an endpoint and brings its response. */
export interface Upstream extends BodySink {
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
  upstreamReady(from: Upstream): void;
  /** An interim response or the switch of protocols; false: a fault, the connection must not be used on. */
  interim(from: Upstream, head: ResponseHead): boolean;
  responseHead(from: Upstream, head: ResponseHead, length: BodyLength): void;
  responseData(from: Upstream, bytes: Buffer, start: number, end: number): void;
  /** What one read brought was delivered. */
  responseFlush(from: Upstream): void;
  /**
   * The response is complete; its connection has been taken back by the pool already where it can be used again. False: the last slice
   * is still being written, its buffer must not be touched.
   */
  responseEnd(from: Upstream, trailers: FieldSection | null): boolean;
  /** The connection is gone. */
  upstreamFailed(from: Upstream, failure: Failure): void;
  /** What `flush` answered true for has not all left after all: as if it had answered false. */
  upstreamBlocked(from: Upstream): void;
  upstreamUnblocked(from: Upstream): void;
  /** The connection that brought the response, complete now, is the client's alone from now on. */
  ownConnection(upstream: OwnedUpstream): void;
}

/** An upstream connection that may idle between two exchanges without lying in the pool. */
export interface OwnedUpstream extends Upstream {
  /** The endpoint's key when it was opened. */
  readonly key: string;
  /** Whether it can carry a further exchange. */
  readonly usable: boolean;
  take(sink: ResponseSink): void;
  close(): void;
}

/** The idle connections to endpoints that one client connection keeps for itself (http/connection-authentication.ts). */
export interface OwnedConnections {
  /** The endpoint of that set with a connection that can be used, among those that may be chosen, or null. */
  endpointIn(set: EndpointSet, choice: Choice): Endpoint | null;
  /** The connection to that endpoint, or null. */
  take(target: Endpoint, sink: ResponseSink): Upstream | null;
}

/** Hands out connections to endpoints. */
export interface Connector {
  /** An idle connection at once, or null. */
  take(target: Endpoint, sink: ResponseSink): Upstream | null;
  /** A new one; `upstreamReady` or `upstreamFailed` follows, never synchronously. */
  dial(target: Endpoint, sink: ResponseSink): Upstream;
}

/** A thread's connections to one endpoint; the methods are those of {@link Connector}. */
export interface EndpointConnections {
  take(sink: ResponseSink): Upstream | null;
  dial(target: Endpoint, sink: ResponseSink): Upstream;
}

// ---- after a switch of protocols --------------------------------------------------------------------------------------

/** One side of a tunnel: bytes both ways, without messages. */
export interface ByteDuplex {
  /** It is closed, or about to be. */
  readonly isGone: boolean;
  /** A write has not finished; `TunnelEvents.unblocked` follows. */
  readonly isBlocked: boolean;
  /** The other end takes nothing more. */
  readonly hasFailed: boolean;
  /** False: not all is taken, and the bytes must stay as they are until `TunnelEvents.unblocked`. */
  write(bytes: Buffer, start: number, end: number): boolean;
  pause(): void;
  resume(): void;
  /** Sends the end once everything written has left. */
  end(): void;
  /** Closes once everything written has left. */
  closeSoon(): void;
  close(): void;
  /** Closes so that the other end sees a failure. */
  reset(): void;
}

/** What the sides of a tunnel tell it. */
export interface TunnelEvents {
  received(side: ByteDuplex, bytes: Buffer, count: number): void;
  /** Whether nothing refers to the bytes that side received last. */
  flowing(side: ByteDuplex): boolean;
  /** Everything written to that side has left. */
  unblocked(side: ByteDuplex): void;
  /** That side will send nothing more. */
  ended(side: ByteDuplex): void;
  /** That side takes nothing more. */
  writeFailed(side: ByteDuplex): void;
  /** That side is gone. */
  closed(side: ByteDuplex): void;
}
