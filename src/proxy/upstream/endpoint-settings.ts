/**
 * How a thread treats the endpoints of one upstream. Immutable: a reload that changes something brings another object. A connection keeps
 * the settings that it was opened under.
 */
import type { Config } from "../../config/schema.ts";

/** First what each exchange looks at, which then lies together in memory. The configuration reference says what each means. */
export interface EndpointSettings {
  readonly responseHeadMs: number;
  readonly idleMs: number;
  /** How long a connection is kept without an exchange, at most. */
  readonly keepAliveMs: number;
  /** Connections without an exchange that are kept. */
  readonly idleMax: number;
  /** Whether requests name the proxy in Via. */
  readonly via: boolean;
  readonly connectMs: number;
  readonly processingMs: number;
  readonly tunnelIdleMs: number;
  readonly ageMsMax: number;
  readonly tls: EndpointTls;
  /** Equal settings have equal texts. */
  readonly key: string;
}

/** How https endpoints are verified. */
export interface EndpointTls {
  readonly verify: boolean;
  /** Name sent by SNI and verified; null: the host of the endpoint's URL. */
  readonly serverName: string | null;
  /** Text of PEM certificates that are trusted instead of Node's list, or null. */
  readonly ca: string | null;
}

/** @param readFile text of a certificate file; it may throw */
export function endpointSettings(config: Config["upstreams"][string], readFile: (path: string) => string): EndpointSettings {
  const { timeouts, keep_alive: keepAlive, via } = config;
  const { verify, server_name: serverName = null, ca_file: caFile } = config.tls;
  const tls = { verify, serverName, ca: caFile === undefined ? null : readFile(caFile) };
  return {
    responseHeadMs: timeouts.response_head,
    idleMs: timeouts.idle,
    keepAliveMs: keepAlive.idle,
    idleMax: keepAlive.max_idle,
    via,
    connectMs: timeouts.connect,
    processingMs: timeouts.processing,
    tunnelIdleMs: timeouts.tunnel_idle,
    ageMsMax: keepAlive.max_age,
    tls,
    key: JSON.stringify([timeouts, keepAlive, via, tls]),
  };
}
