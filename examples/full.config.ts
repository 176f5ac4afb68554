// The same as full.yaml, in TypeScript. An editor shows at each key what it means, and a text with ${NAME} reads the environment here too.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [
    {
      address: ":8080",
      timeouts: { request_head: "30s", idle: "60s", keep_alive: "75s" },
      limits: { head_bytes: "32KiB", headers: 128, request_line: "8KiB", connections: 100_000 },
    },
  ],
  workers: "auto",
  trusted_proxies: ["10.0.0.0/8", "fd00::/8"],
  upstreams: {
    app: {
      endpoints: ["http://127.0.0.1:60408", { url: "http://127.0.0.1:60409", weight: 2 }],
      balance: "round_robin",
      health_check: { path: "/health", interval: "10s", timeout: "5s", healthy_threshold: 2, unhealthy_threshold: 3 },
      timeouts: { connect: "5s", response_head: "60s", idle: "60s", tunnel_idle: "1h" },
      keep_alive: { idle: "60s", max_idle: 1024 },
      retries: 2,
    },
    reports: {
      endpoints: ["https://reports.internal:8443"],
      timeouts: { response_head: "5m" },
      tls: { server_name: "reports.internal", min_version: "1.3" },
    },
  },
  request_id: true,
  routes: [
    {
      name: "api",
      match: { host: "*.example.com", path: "/api/*", methods: ["GET", "POST"] },
      rate_limit: { requests_per_minute: 100, burst: 10, key: "client_ip" },
      cors: {
        allowed_origins: ["https://app.example.com", "https://*.example.org"],
        allowed_methods: ["GET", "POST"],
        allowed_headers: ["Content-Type"],
        max_age: "1h",
      },
      authentication: { tokens: ["${API_TOKEN:-change-me}"] },
      max_body: "10MiB",
      // Slow clients keep none of the application's workers waiting.
      buffer: { request: "1MiB", response: "1MiB" },
      upstream: "app",
    },
    {
      name: "admin",
      match: { path: "/admin/*" },
      // The file is read again when it changes, without a reload.
      access: { allow: [{ file: "office.txt" }, "10.0.0.0/8"] },
      upstream: "app",
    },
    { match: { path: "/favicon.ico" }, access_log: false, upstream: "app" },
    {
      name: "reports",
      match: { path: ["/reports", "/reports/*"], headers: { "x-beta": "1" } },
      upstream: "reports",
    },
    { upstream: "app" },
  ],
  admin: { address: "127.0.0.1:9901", hosts: [] },
  logging: {
    level: "info",
    format: "json",
    output: "stdout",
    access: { request_headers: ["X-Tenant"], sample: { share: "10%", errors: true } },
  },
  startup: { require_healthy: false, wait: "10s" },
  shutdown: { timeout: "30s" },
});
