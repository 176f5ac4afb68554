// A configuration in TypeScript: millrace run --config examples/millrace.config.ts
import { defineConfig } from "millrace";

const tenants = ["alpha", "beta"];

export default defineConfig({
  listeners: [{ address: "127.0.0.1:8080" }],
  upstreams: {
    app: {
      endpoints: ["http://127.0.0.1:60408", { url: "http://127.0.0.1:60409", weight: 2 }],
      health_check: { path: "/health", interval: "10s" },
    },
  },
  routes: [
    ...tenants.map((tenant) => ({
      name: tenant,
      match: { host: `${tenant}.example.com` },
      rate_limit: { requests_per_second: 50 },
      upstream: "app",
    })),
    { upstream: "app" },
  ],
  admin: { address: "127.0.0.1:9901" },
});
