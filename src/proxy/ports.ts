/**
 * What an exchange needs of the two connections that it joins. The drivers in net/ implement these for one HTTP version each; the
 * exchange knows neither sockets nor versions.
 *
 * Bytes are passed as a slice that is valid during the call, or, for slices of a loaned buffer, until the receiver's `flush` said
 * true or it called `upstreamDrained` or `downstreamDrained`.
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../http/body-length.ts";
import type { FieldEdits } from "../http/field-edits.ts";
import type { FieldSection } from "../http/field-section.ts";
import type { ResponseHead } from "../http/response-head.ts";
import type { Exchange } from "./exchange.ts";
import type { LocalAnswer } from "./middleware.ts";
import type { EndpointTarget, UpstreamGroup } from "./snapshot.ts";

export interface Downstream {
  /** Bytes written to the client so far, heads included. */
  readonly bytesWritten: number;
  /** Connections to endpoints that are this client connection's alone; null: it has none. */
  readonly owned: OwnedConnections | null;
  /** An interim response (1xx but 101) of the origin. */
  interim(head: ResponseHead): void;
  /** The final response's head; `data` and `end` follow. */
  respond(head: ResponseHead, length: BodyLength, edits: FieldEdits): void;
  /** A whole answer of the proxy's own. */
  answer(answer: LocalAnswer, edits: FieldEdits): void;
  data(bytes: Buffer, start: number, end: number): void;
  end(trailers: FieldSection | null): void;
  /** Sends what was collected; false: the client does not read fast enough, `exchange.downstreamDrained` will be called. */
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

export interface Upstream {
  /** Begins the request: its head is built from the exchange's request and the edits. */
  send(exchange: Exchange, edits: FieldEdits): void;
  data(bytes: Buffer, start: number, end: number): void;
  end(trailers: FieldSection | null): void;
  /** False: the origin does not read fast enough, `exchange.upstreamDrained` will be called. */
  flush(): boolean;
  pauseResponse(): void;
  resumeResponse(): void;
  /** Gives the connection up: it is closed and never used again. */
  abort(): void;
}

/** An upstream connection that may idle between two exchanges without lying in the pool. */
export interface OwnedUpstream extends Upstream {
  readonly target: EndpointTarget;
  /** Whether it can carry a further exchange. */
  readonly usable: boolean;
  take(exchange: Exchange): void;
  close(): void;
}

/** The idle connections to endpoints that one client connection keeps for itself (http/connection-authentication.ts). */
export interface OwnedConnections {
  /** The endpoint of that group with a connection that can be used, or null. */
  endpointIn(group: UpstreamGroup, exchange: Exchange): EndpointTarget | null;
  /** The connection to that endpoint, or null. */
  take(target: EndpointTarget, exchange: Exchange): Upstream | null;
}

/** Hands out connections to endpoints. */
export interface Connector {
  /** An idle connection at once, or null. */
  take(target: EndpointTarget, exchange: Exchange): Upstream | null;
  /** A new one; `exchange.upstreamReady` or `exchange.upstreamFailed` follows, never synchronously. */
  dial(target: EndpointTarget, exchange: Exchange): Upstream;
}

/** A thread's connections to one endpoint; the methods are those of {@link Connector}. */
export interface EndpointConnections {
  take(exchange: Exchange): Upstream | null;
  dial(target: EndpointTarget, exchange: Exchange): Upstream;
}
