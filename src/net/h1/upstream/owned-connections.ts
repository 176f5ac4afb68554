import { CounterId } from "../../../shared/metric-table.ts";
import type { Choice } from "../../../policy/balance/balancer.ts";
import type { OwnedUpstream, ResponseSink, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { OwnedConnections } from "../../../proxy/upstream/connector.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSet } from "../../../proxy/upstream/endpoint-set.ts";
import type { ConnectionThread } from "../../connection-thread.ts";

/** Connections that one client connection may keep for itself: each is one that nobody else can use. A browser needs one per endpoint. */
const OWNED_MAX = 8;

/**
 * The idle upstream connections of one client connection, on which its user is authenticated (http/connection-authentication.ts).
 * They never lie in a pool; they end with the client connection, or when they have idled too long.
 */
export class OwnedUpstreams implements OwnedConnections {
  private readonly thread: Pick<ConnectionThread, "metrics">;
  private readonly idle: OwnedUpstream[] = [];
  private closed: boolean = false;

  constructor(thread: Pick<ConnectionThread, "metrics">) {
    this.thread = thread;
  }

  endpointIn({ endpoints }: EndpointSet, choice: Choice): Endpoint | null {
    for (const connection of this.idle) {
      if (!connection.usable) continue;
      // By its key: another upstream may have the same endpoint, and a reload may have brought other settings.
      const index = endpoints.findIndex(({ key }) => key === connection.key);
      const endpoint = endpoints[index];
      if (endpoint !== undefined && choice.usable(index)) return endpoint;
    }
    return null;
  }

  take(endpoint: Endpoint, sink: ResponseSink): UpstreamStream | null {
    const index = this.idle.findIndex((connection) => connection.key === endpoint.key && connection.usable);
    const [connection] = index < 0 ? [] : this.idle.splice(index, 1);
    if (connection === undefined) return null;
    this.thread.metrics.add(CounterId.upstream_connections_reused, 1);
    connection.take(sink);
    return connection;
  }

  /** @param sparing sockets are short: it is the only one that the client keeps */
  keep(connection: OwnedUpstream, sparing: boolean = false): void {
    if (this.closed) return connection.close();
    for (let index = this.idle.length - 1; index >= 0; index--) {
      const other = this.idle[index];
      // One that its endpoint has closed, or one that the new one replaces.
      if (other === undefined || (other.usable && other.key !== connection.key)) continue;
      this.idle.splice(index, 1);
      other.close();
    }
    while (this.idle.length >= (sparing ? 1 : OWNED_MAX)) this.idle.shift()?.close();
    this.idle.push(connection);
  }

  /** The client connection ends. */
  close(): void {
    this.closed = true;
    for (const connection of this.idle.splice(0)) connection.close();
  }
}
