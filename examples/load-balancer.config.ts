// The same as load-balancer.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080", proxy_protocol: { from: ["10.0.0.0/24"] } }],
  upstreams: {
    app: { endpoints: ["unix:/run/app/app.sock"] },
    gateway: { endpoints: ["http://127.0.0.1:17005"], proxy_protocol: "v2" },
  },
  routes: [{ match: { path: "/gateway/*" }, access: { deny: ["192.0.2.0/24"] }, upstream: "gateway" }, { upstream: "app" }],
  logging: { access: { fields: ["client", "method", "host", "path", "status", "duration_ms", "proxy_sender", "tls_server_name"] } },
});
