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

/** An endpoint that fails once mostly fails often. */
const REPORT_MS = 60_000;

/**
 * A thread's idle connections to one endpoint, last in first out: the ones on top stay warm, the ones below reach their idle limit
 * and go. It outlives reloads; other settings of the endpoint mean another pool.
 */
export class EndpointPool extends IdleStack<UpstreamConnection> implements EndpointConnections {
  private readonly thread: ConnectionThread;
  /** Those of the upstream that read no response at the moment. */
  readonly readers: IdleReaders<ResponseReader>;
  private readonly settings: EndpointSettings;
  /** Of the endpoint that it was made for, for the log. */
  private readonly url: string;
  private retired: boolean = false;
  private tlsReportedAt: number = -Infinity;
  private malformedReportedAt: number = -Infinity;

  constructor(thread: ConnectionThread, endpoint: Endpoint, readers: IdleReaders<ResponseReader>) {
    super();
    this.thread = thread;
    this.readers = readers;
    this.settings = endpoint.settings;
    this.url = endpoint.url;
  }

  /** The most recently used idle connection, or null. */
  take(sink: ResponseSink): UpstreamConnection | null {
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

  dial(endpoint: Endpoint, sink: ResponseSink): UpstreamStream {
    return new UpstreamConnection(this.thread, this, endpoint, sink);
  }

  /** Takes an idle connection back. */
  release(connection: UpstreamConnection): void {
    if (this.retired || this.size >= this.settings.idleMax) connection.close();
    else this.push(connection);
  }

  /** Gives up the idle connections. */
  shed(): void {
    for (let connection = this.pop(); connection !== null; connection = this.pop()) connection.close();
  }

  /** Says why TLS with the endpoint failed, now and then: the client learns no more than that it did. */
  tlsFailed(code: string): void {
    const { thread, url } = this;
    if (thread.now - this.tlsReportedAt < REPORT_MS) return;
    this.tlsReportedAt = thread.now;
    const words = tlsFaultInWords(code) ?? code;
    thread.report("warn", "endpoint_tls_failed", `TLS with ${url} failed: ${words}`, { endpoint: url, code });
  }

  /** Says what is wrong with a response of the endpoint, now and then: clients and the access log learn no more than that it was refused. */
  malformed(code: string): void {
    const { thread, url } = this;
    if (thread.now - this.malformedReportedAt < REPORT_MS) return;
    this.malformedReportedAt = thread.now;
    const message = `${url} sent a malformed response: ${code.replaceAll("_", " ")}`;
    thread.report("warn", "endpoint_response_malformed", message, { endpoint: url, code });
  }

  /** How long a connection may idle, given what the origin's last response said in Keep-Alive. */
  idleMs(keepAlive: string | undefined): number {
    return connectionExpiry(keepAlive, this.settings.keepAliveMs);
  }

  /** The configuration no longer names the endpoint: idle connections close, busy ones after their exchange. */
  retire(): void {
    this.retired = true;
    this.shed();
  }
}
