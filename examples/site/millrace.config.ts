// The same as millrace.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  maintenance: { flag_file: "maintenance.flag", retry_after: "10m", unless: { client_ip: ["127.0.0.1", "::1"] } },
  error_pages: {
    503: "maintenance.html",
    "4xx": { template: "error.html" },
    "5xx": { template: "error.html", origin: true },
  },
  routes: [
    { match: { path: "/api/*" }, upstream: "app" },
    {
      match: { path: "/assets/*" },
      files: { root: "public" },
      response_headers: { set: { "Cache-Control": "public, max-age=31536000, immutable" } },
    },
    {
      files: { root: "public", fallback: "/index.html" },
      response_headers: { set: { "Cache-Control": "no-cache" } },
    },
  ],
});
