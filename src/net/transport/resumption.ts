import type { Endpoint } from "../../proxy/upstream/endpoint.ts";
import type { TlsSession, UpstreamTls } from "../../shared/upstream-tls.ts";

/**
 * The TLS session that a connection to an endpoint asks to resume, and those that the endpoint offers on it. They are kept once the endpoint has proved who
 * it is, because a resumed session brings no certificate to look at.
 */
export class Resumption {
  /** Null: a full handshake is asked for. */
  readonly asked: TlsSession | null;
  private readonly endpoint: Endpoint;
  /** The endpoint's settings when the connection was begun. */
  private readonly settings: UpstreamTls;
  /** A session that was offered before the endpoint was verified. */
  private offered: Uint8Array | null = null;
  /** Until when the endpoint's certificate is valid; null: it is not verified yet. */
  private usableUntilMs: number | null = null;

  /** @param epochMs the time now */
  constructor(endpoint: Endpoint, settings: UpstreamTls, epochMs: number) {
    this.endpoint = endpoint;
    this.settings = settings;
    const { session } = endpoint;
    const isUsable = session !== null && session.usableUntilMs > epochMs && endpoint.settings.tls.id === settings.id;
    this.asked = isUsable ? session : null;
  }

  /** The endpoint offers a session. @param data is not changed afterwards */
  offer(data: Uint8Array): void {
    this.offered = data;
    this.keep();
  }

  /** The endpoint has proved who it is. @param usableUntilMs when its certificate ends */
  proved(usableUntilMs: number): void {
    this.usableUntilMs = usableUntilMs;
    this.keep();
  }

  private keep(): void {
    const { offered: data, usableUntilMs } = this;
    if (data === null || usableUntilMs === null) return;
    this.offered = null;
    this.endpoint.keepSession({ data, usableUntilMs }, this.settings);
  }
}
