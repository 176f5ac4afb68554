/** A complete configuration for tests: one listener on a free port, one upstream without health check, one route. */
import type { Config } from "../config/schema.ts";

type Upstream = Config["upstreams"][string];

export function testConfig(changes: Partial<Config> = {}): Config {
  return {
    listeners: [
      {
        address: "127.0.0.1:0",
        unsafe_field_names: "drop",
        timeouts: { request_head: 30_000, idle: 60_000, keep_alive: 75_000 },
        limits: {
          head_bytes: 32_768,
          headers: 128,
          request_line: 8192,
          connections: 1000,
          connections_per_client: 4096,
          requests_per_connection: 100_000,
          pipelined_requests: 100,
          body_rate: 240,
          response_rate: 240,
        },
      },
    ],
    workers: 1,
    trusted_proxies: [],
    client_address_from: "x_forwarded_for",
    upstreams: { app: testUpstream(["http://127.0.0.1:1"]) },
    routes: [{ match: {}, upstream: "app" }],
    logging: { level: "info", format: "json", output: "stdout", access: true },
    startup: { require_healthy: false, wait: 10_000 },
    shutdown: { timeout: 5000 },
    status_path: null,
    ...changes,
  };
}

export function testUpstream(urls: readonly string[], changes: Partial<Upstream> = {}): Upstream {
  return {
    endpoints: urls.map((url) => ({ url, weight: 1 })),
    balance: "round_robin",
    timeouts: { connect: 5000, response_head: 60_000, idle: 60_000, tunnel_idle: 3_600_000 },
    keep_alive: { idle: 60_000, max_idle: 256 },
    retries: 2,
    tls: { verify: true },
    ...changes,
  };
}

export function testHealthCheck(changes: Partial<NonNullable<Upstream["health_check"]>> = {}): NonNullable<Upstream["health_check"]> {
  return {
    path: "/health",
    interval: 100,
    timeout: 1000,
    healthy_threshold: 2,
    unhealthy_threshold: 2,
    expected_statuses: ["200-399"],
    ...changes,
  };
}
