import { socketFaultInWords } from "../../../base/socket-fault.ts";
import { tlsFaultInWords } from "../../../base/tls-fault.ts";
import { connectionExpiry } from "../../../http/keep-alive.ts";
import type { IdleReaders } from "../../../http1/idle-readers.ts";
import type { ResponseReader } from "../../../http1/response-reader.ts";
import type { ResponseSink, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { EndpointConnections } from "../../../proxy/upstream/connector.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSettings } from "../../../proxy/upstream/endpoint-settings.ts";
import { UpstreamConnection } from "./upstream-connection.ts";
import { IdleStack } from "./idle-stack.ts";
import type { ConnectionThread } from "../../connection-thread.ts";

/** At most one log line per pool and kind of failure in this time: an endpoint that fails once usually fails often. */
const REPORT_MS = 60_000;

/**
 * One thread's idle connections to one endpoint, last in first out: the ones on top stay in use, the ones below reach their idle limit and are
 * closed. A pool outlives reloads, unless they change the endpoint's settings: then a new pool replaces it.
 */
export class EndpointPool extends IdleStack<UpstreamConnection> implements EndpointConnections {
  protected readonly thread: ConnectionThread;
  /** The response readers of the upstream that are not in use. */
  readonly readers: IdleReaders<ResponseReader>;
  private readonly settings: EndpointSettings;
  /** The endpoint's URL, for the log. */
  private readonly url: string;
  /** Name of the upstream. */
  private readonly upstream: string;
  private retired: boolean = false;
  private tlsReportedAt: number = -Infinity;
  private socketReportedAt: number = -Infinity;
  private malformedReportedAt: number = -Infinity;

  constructor(thread: ConnectionThread, endpoint: Endpoint, readers: IdleReaders<ResponseReader>) {
    super();
    this.thread = thread;
    this.readers = readers;
    this.settings = endpoint.settings;
    this.url = endpoint.url;
    this.upstream = endpoint.upstream;
  }

  /** Takes the most recently used idle connection out of the pool for an exchange; null if none is usable. */
  take(sink: ResponseSink): UpstreamStream | null {
    for (;;) {
      const connection = this.pop();
      if (connection === null) return null;
      if (connection.usable) {
        connection.take(sink);
        return connection;
      }
      connection.close();
    }
  }

  /** Opens a new connection; `sink` is told when it is ready, or why it failed. */
  dial(endpoint: Endpoint, sink: ResponseSink): UpstreamStream {
    return new UpstreamConnection(this.thread, this, endpoint, sink);
  }

  /** Takes back a connection whose exchange is over, or closes it if the pool is full or retired. */
  release(connection: UpstreamConnection): void {
    if (this.retired || this.size >= this.settings.idleMax) connection.close();
    else this.push(connection);
  }

  /** Closes all idle connections. */
  shed(): void {
    for (let connection = this.pop(); connection !== null; connection = this.pop()) connection.close();
  }

  /** Logs why TLS with the endpoint failed, at most once per `REPORT_MS`. The client learns only that it failed. */
  tlsFailed(code: string): void {
    const { thread, url, upstream } = this;
    if (thread.now - this.tlsReportedAt < REPORT_MS) return;
    this.tlsReportedAt = thread.now;
    const words = tlsFaultInWords(code) ?? code;
    thread.report("warn", "endpoint_tls_failed", `TLS with ${url} of upstream ${upstream} failed: ${words}`, {
      upstream,
      endpoint: url,
      code,
    });
  }

  /** Logs why the endpoint's Unix socket cannot be connected to, at most once per `REPORT_MS`. */
  socketFailed(code: string): void {
    const { thread, url, upstream } = this;
    if (thread.now - this.socketReportedAt < REPORT_MS) return;
    this.socketReportedAt = thread.now;
    const words = socketFaultInWords(code) ?? code;
    thread.report("warn", "endpoint_socket_failed", `${url} of upstream ${upstream} cannot be connected to: ${words}`, {
      upstream,
      endpoint: url,
      code,
    });
  }

  /** Logs what is wrong with a response of the endpoint, at most once per `REPORT_MS`. Clients and the access log learn only that it was refused. */
  malformed(code: string): void {
    const { thread, url, upstream } = this;
    if (thread.now - this.malformedReportedAt < REPORT_MS) return;
    this.malformedReportedAt = thread.now;
    const message = `${url} of upstream ${upstream} sent a malformed response: ${code.replaceAll("_", " ")}`;
    thread.report("warn", "endpoint_response_malformed", message, { upstream, endpoint: url, code });
  }

  /**
   * How long a connection may idle, in milliseconds.
   * @param keepAlive the Keep-Alive field of the origin's last response
   */
  idleMs(keepAlive: string | undefined): number {
    return connectionExpiry(keepAlive, this.settings.keepAliveMs);
  }

  /** The configuration no longer names the endpoint: idle connections are closed now, busy ones after their exchange. */
  retire(): void {
    this.retired = true;
    this.shed();
  }
}
