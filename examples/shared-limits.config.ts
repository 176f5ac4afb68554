// The same as shared-limits.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  stores: {
    shared: { type: "redis", url: "redis://127.0.0.1:6379", timeout: "5ms", on_failure: "local" },
  },
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  routes: [
    {
      match: { path: "/api/*" },
      rate_limit: [
        { requests_per_second: 2000, key: "route", store: "shared", lease: 50 },
        { requests_per_minute: 300, key: "client_ip", store: "shared" },
      ],
      upstream: "app",
    },
    {
      match: { path: "/login", methods: ["POST"] },
      rate_limit: { requests_per_minute: 5, key: "client_ip", store: "shared" },
      upstream: "app",
    },
    { rate_limit: { requests_per_minute: 600 }, upstream: "app" },
  ],
});
