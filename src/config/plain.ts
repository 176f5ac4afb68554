import type { Config } from "./schema/schema.ts";

/**
 * The checked configuration of a file that names one listener, one endpoint and nothing else. It is written out, because data-plane threads
 * use it (for their warm-up) and do not load the parser and the schemas. A test compares it with what those give.
 */
export function plainConfig(listener: string, endpoint: string): Config {
  return {
    listeners: [
      {
        address: listener,
        unsafe_field_names: "drop",
        forwarded_path_fields: "drop",
        redirect_to_https: false,
        timeouts: { request_head: 30_000, idle: 60_000, keep_alive: 75_000, half_closed: 5000, handshake: 10_000, proxy_protocol: 5000 },
        limits: {
          head_bytes: 32_768,
          headers: 128,
          request_line: 8192,
          connections: 100_000,
          connections_per_client: 4096,
          requests_per_connection: 100_000,
          pipelined_requests: 100,
          handshakes: 4096,
          body_rate: 240,
          response_rate: 240,
        },
      },
    ],
    workers: 1,
    trusted_proxies: [],
    client_address_from: "x_forwarded_for",
    limits: { buffered_bytes: 67_108_864 },
    middleware: [],
    secrets: {},
    stores: {},
    upstreams: {
      app: {
        endpoints: [{ url: endpoint, weight: 1 }],
        balance: "round_robin",
        timeouts: { connect: 5000, response_head: 60_000, idle: 60_000, tunnel_idle: 3_600_000, processing: 3_600_000 },
        keep_alive: { idle: 60_000, max_idle: 1024, max_age: 600_000 },
        retries: 2,
        tls: { verify: true, min_version: "1.2" },
        via: true,
        x_forwarded: true,
      },
    },
    routes: [{ match: {}, upstream: "app" }],
    logging: { level: "info", output: "stdout", access: true },
    startup: { require_healthy: false, wait: 10_000 },
    shutdown: { timeout: 30_000, delay: 0 },
    status_path: null,
  };
}
