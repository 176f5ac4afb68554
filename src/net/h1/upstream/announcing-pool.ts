import { writeProxyHeader } from "../../../proxy-protocol/write-header.ts";
import type { ProxyVersion } from "../../../proxy-protocol/write-header.ts";
import type { IdleReaders } from "../../../http1/idle-readers.ts";
import type { ResponseReader } from "../../../http1/response-reader.ts";
import type { ResponseSink, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { ConnectionThread } from "../../connection-thread.ts";
import { announcedClient } from "./announced-client.ts";
import { EndpointPool } from "./endpoint-pool.ts";
import { UpstreamConnection } from "./upstream-connection.ts";

/**
 * The connections to an endpoint that is told of clients (`proxy_protocol` of an upstream): each begins with a header that names the client for
 * whom it was opened. It is never lent to another: between two requests it lies with the client's own connection (owned-connections.ts), and ends
 * with it. Requests of the proxy's own share connections whose header names no client, and only these lie in the pool.
 */
export class AnnouncingPool extends EndpointPool {
  private readonly version: ProxyVersion;
  private readonly key: string;

  constructor(thread: ConnectionThread, endpoint: Endpoint, readers: IdleReaders<ResponseReader>, version: ProxyVersion) {
    super(thread, endpoint, readers);
    this.version = version;
    this.key = endpoint.key;
  }

  override take(sink: ResponseSink): UpstreamStream | null {
    const addresses = sink.clientAddresses();
    if (addresses === null) return super.take(sink);
    return sink.ownedConnections?.takeAnnounced(this.key, announcedClient(addresses), sink) ?? null;
  }

  override dial(endpoint: Endpoint, sink: ResponseSink): UpstreamStream {
    const addresses = sink.clientAddresses();
    const client = addresses === null ? "" : announcedClient(addresses);
    return new UpstreamConnection(this.thread, this, endpoint, sink, client, writeProxyHeader(this.version, addresses));
  }
}
