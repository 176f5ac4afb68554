/** Where an exchange gets its connections to endpoints from. */
import type { Choice } from "../../policy/balance/balancer.ts";
import type { ResponseSink, UpstreamStream } from "../ports/upstream-stream.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoint-set.ts";

/** Hands out connections to endpoints. */
export interface Connector {
  /** An idle connection at once, or null. */
  take(target: Endpoint, sink: ResponseSink): UpstreamStream | null;
  /** A new one; `upstreamReady` or `upstreamFailed` follows, never synchronously. */
  dial(target: Endpoint, sink: ResponseSink): UpstreamStream;
}

/** A thread's connections to one endpoint; the methods are those of {@link Connector}. */
export interface EndpointConnections {
  take(sink: ResponseSink): UpstreamStream | null;
  dial(target: Endpoint, sink: ResponseSink): UpstreamStream;
}

/** The idle connections to endpoints that one client connection keeps for itself (http/connection-authentication.ts). */
export interface OwnedConnections {
  /** The endpoint of that set with a connection that can be used, among those that may be chosen, or null. */
  endpointIn(set: EndpointSet, choice: Choice): Endpoint | null;
  /** The connection to that endpoint, or null. */
  take(target: Endpoint, sink: ResponseSink): UpstreamStream | null;
}
