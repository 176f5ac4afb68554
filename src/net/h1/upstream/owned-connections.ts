import type { Choice } from "../../../policy/balance/balancer.ts";
import type { OwnedUpstream, ResponseSink, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { OwnedConnections } from "../../../proxy/upstream/connector.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSet } from "../../../proxy/upstream/endpoint-set.ts";

/** How many upstream connections one client connection may keep for itself. Nobody else can use these; a browser needs one per endpoint. */
const OWNED_MAX = 8;

/**
 * The idle upstream connections that belong to one client connection, because its user was authenticated on them (NTLM or Negotiate,
 * http/connection-authentication.ts). They are never pooled. They end with the client connection, or when they have idled too long.
 */
export class OwnedUpstreams implements OwnedConnections {
  private readonly idle: OwnedUpstream[] = [];
  private closed: boolean = false;

  /** The first endpoint of the set that an owned connection leads to and that may be chosen; null if there is none. */
  endpointIn({ endpoints }: EndpointSet, choice: Choice): Endpoint | null {
    for (const connection of this.idle) {
      if (!connection.usable) continue;
      // Compare keys, not URLs: another upstream may have the same endpoint, and a reload may have changed the settings.
      const index = endpoints.findIndex(({ key }) => key === connection.key);
      const endpoint = endpoints[index];
      if (endpoint !== undefined && choice.usable(index)) return endpoint;
    }
    return null;
  }

  /** Takes an owned connection to `endpoint` for an exchange; null if there is none. */
  take(endpoint: Endpoint, sink: ResponseSink): UpstreamStream | null {
    const index = this.idle.findIndex((connection) => connection.key === endpoint.key && connection.usable);
    const [connection] = index < 0 ? [] : this.idle.splice(index, 1);
    if (connection === undefined) return null;
    connection.take(sink);
    return connection;
  }

  /**
   * Keeps a connection whose exchange is over. It replaces an older one to the same endpoint, and the oldest one if there are too many.
   * @param sparing whether the process is short of sockets: then this connection replaces all others
   */
  keep(connection: OwnedUpstream, sparing: boolean = false): void {
    if (this.closed) return connection.close();
    for (let index = this.idle.length - 1; index >= 0; index--) {
      const other = this.idle[index];
      // Close those that their endpoint has closed, and those to the same endpoint.
      if (other === undefined || (other.usable && other.key !== connection.key)) continue;
      this.idle.splice(index, 1);
      other.close();
    }
    while (this.idle.length >= (sparing ? 1 : OWNED_MAX)) this.idle.shift()?.close();
    this.idle.push(connection);
  }

  /** Closes all owned connections, because the client connection ends. */
  close(): void {
    this.closed = true;
    for (const connection of this.idle.splice(0)) connection.close();
  }
}
