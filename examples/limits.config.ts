// The same as limits.yaml, in TypeScript.
import { defineConfig } from "millrace";

const ofUpstream = { key: "upstream", max: 100, queue: { size: 50, timeout: "2s" } } as const;

export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: { app: { endpoints: ["http://127.0.0.1:17001"] } },
  routes: [
    {
      match: { path: "/search/*" },
      upstream: "app",
      rate_limit: { requests_per_minute: 120, burst: 30, cost: 5, cost_header: "X-Cost", announce: true },
      concurrency_limit: [ofUpstream, { key: "client_ip", max: 5 }],
    },
    {
      upstream: "app",
      rate_limit: { requests_per_minute: 120, burst: 30, adapting: { after: 20, within: "1m", factor: 0.25, for: "10m" } },
      concurrency_limit: ofUpstream,
    },
  ],
});
