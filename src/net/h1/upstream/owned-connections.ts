import { announcedClient } from "./announced-client.ts";
import type { Choice } from "../../../policy/balance/balancer.ts";
import type { OwnedUpstream, ResponseSink, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { OwnedConnections } from "../../../proxy/upstream/connector.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSet } from "../../../proxy/upstream/endpoint-set.ts";

/** How many upstream connections one client connection may keep for itself. Nobody else can use these; a browser needs one per endpoint. */
const OWNED_MAX = 8;

/**
 * The idle upstream connections that belong to one client connection: its user was authenticated on them (NTLM or Negotiate,
 * http/connection-authentication.ts), or their endpoint was told of the client (announcing-pool.ts). They are never pooled. They end with the
 * client connection, or when they have idled too long.
 */
export class OwnedUpstreams implements OwnedConnections {
  private readonly idle: OwnedUpstream[] = [];
  private closed: boolean = false;

  /** The first endpoint of the set to which a user was authenticated and that may be chosen; null if there is none. */
  endpointIn({ endpoints }: EndpointSet, choice: Choice, sink: ResponseSink): Endpoint | null {
    for (const connection of this.idle) {
      if (!connection.isAuthenticated || !connection.usable || !isFor(connection, sink)) continue;
      // Compare keys, not URLs: another upstream may have the same endpoint, and a reload may have changed the settings.
      const index = endpoints.findIndex(({ key }) => key === connection.key);
      const endpoint = endpoints[index];
      if (endpoint !== undefined && choice.usable(index)) return endpoint;
    }
    return null;
  }

  /** Takes an owned connection to `endpoint` for an exchange; null if there is none. */
  take(endpoint: Endpoint, sink: ResponseSink): UpstreamStream | null {
    return this.takeFirst(endpoint.key, sink, (connection) => connection.isAuthenticated && isFor(connection, sink));
  }

  takeAnnounced(key: string, client: string, sink: ResponseSink): UpstreamStream | null {
    return this.takeFirst(key, sink, ({ announced }) => announced === client);
  }

  private takeFirst(key: string, sink: ResponseSink, isWanted: (connection: OwnedUpstream) => boolean): UpstreamStream | null {
    const index = this.idle.findIndex((connection) => connection.key === key && isWanted(connection) && connection.usable);
    const [connection] = index < 0 ? [] : this.idle.splice(index, 1);
    if (connection === undefined) return null;
    connection.take(sink);
    return connection;
  }

  /**
   * Keeps a connection whose exchange is over. It replaces an older one to the same endpoint for the same client, and the oldest one if there are
   * too many.
   * @param sparing whether the process is short of sockets: then this connection replaces all others
   */
  keep(connection: OwnedUpstream, sparing: boolean = false): void {
    if (this.closed) return connection.close();
    for (let index = this.idle.length - 1; index >= 0; index--) {
      const other = this.idle[index];
      // Close those that their endpoint has closed, and those to the same endpoint.
      if (other === undefined || (other.usable && !isSame(other, connection))) continue;
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

/** Whether the endpoint of the connection was told of no other client than the request's: a trusted proxy may send requests of many. */
function isFor({ announced }: OwnedUpstream, sink: ResponseSink): boolean {
  if (announced === "") return true;
  const addresses = sink.clientAddresses();
  return addresses !== null && announced === announcedClient(addresses);
}

function isSame(one: OwnedUpstream, other: OwnedUpstream): boolean {
  return one.key === other.key && one.announced === other.announced;
}
