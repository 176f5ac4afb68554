/**
 * The settings of an upstream for connections to its endpoints: time limits, keep-alive, TLS. Immutable: a reload that changes a setting
 * makes a new object, and a connection keeps the settings under which it was opened.
 */
import type { ProxyVersion } from "../../proxy-protocol/write-header.ts";
import type { Config } from "../../config/schema/schema.ts";
import type { UpstreamTls } from "../../shared/upstream-tls.ts";

/**
 * Times are milliseconds; docs/configuration.md says what each setting means. Fields that every exchange reads come first, so that they
 * share a cache line.
 */
export interface EndpointSettings {
  readonly responseHeadMs: number;
  readonly idleMs: number;
  /** How long an idle connection is kept, at most. */
  readonly keepAliveMs: number;
  /** How many idle connections are kept, at most. */
  readonly idleMax: number;
  /** Whether requests name the proxy in Via. */
  readonly via: boolean;
  /** Whether requests carry X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host. */
  readonly xForwarded: boolean;
  readonly connectMs: number;
  readonly processingMs: number;
  readonly tunnelIdleMs: number;
  readonly ageMsMax: number;
  /** How connections to https endpoints are secured. */
  readonly tls: UpstreamTls;
  /** The version of the PROXY protocol in which the endpoint is told of clients; null: it is not. */
  readonly proxyProtocol: ProxyVersion | null;
  /** All settings as text: equal for equal settings. */
  readonly key: string;
}

export function endpointSettings(config: Config["upstreams"][string], tls: UpstreamTls): EndpointSettings {
  const { timeouts, keep_alive: keepAlive, via, x_forwarded: xForwarded, proxy_protocol: proxyProtocol = null } = config;
  return {
    responseHeadMs: timeouts.response_head,
    idleMs: timeouts.idle,
    keepAliveMs: keepAlive.idle,
    idleMax: keepAlive.max_idle,
    via,
    xForwarded,
    connectMs: timeouts.connect,
    processingMs: timeouts.processing,
    tunnelIdleMs: timeouts.tunnel_idle,
    ageMsMax: keepAlive.max_age,
    tls,
    proxyProtocol,
    key: JSON.stringify([timeouts, keepAlive, via, xForwarded, tls.id, proxyProtocol]),
  };
}
