/** How an exchange gets a connection to an endpoint. net/ implements these interfaces with its pools. */
import type { Choice } from "../../policy/balance/balancer.ts";
import type { AnnouncedConnections, ResponseSink, UpstreamStream } from "../ports/upstream-stream.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoint-set.ts";

/** The connections of a thread to all endpoints. */
export interface Connector {
  /** Returns an idle connection, ready for a request; null: there is none. */
  take(target: Endpoint, sink: ResponseSink): UpstreamStream | null;
  /** Opens a connection. `upstreamReady` or `upstreamFailed` of the sink follows, never within this call. */
  dial(target: Endpoint, sink: ResponseSink): UpstreamStream;
}

/** The connections of a thread to one endpoint, its pool. The methods are those of {@link Connector}. */
export interface EndpointConnections {
  take(sink: ResponseSink): UpstreamStream | null;
  dial(target: Endpoint, sink: ResponseSink): UpstreamStream;
}

/**
 * The idle connections to endpoints that serve one client connection only: a user was authenticated on them
 * (http/connection-authentication.ts), or the endpoint was told of the client (`proxy_protocol` of an upstream).
 */
export interface OwnedConnections extends AnnouncedConnections {
  /** Returns an endpoint of the set that may be chosen and to which there is a usable connection with a user's authentication, or null. */
  endpointIn(set: EndpointSet, choice: Choice, sink: ResponseSink): Endpoint | null;
  /** Returns the connection to that endpoint, or null. */
  take(target: Endpoint, sink: ResponseSink): UpstreamStream | null;
}
