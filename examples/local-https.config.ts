// The same as local-https.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [
    { address: "localhost:8443", tls: "internal" },
    { address: "localhost:8080", redirect_to_https: true },
  ],
  upstreams: {
    pages: { endpoints: ["http://localhost:3000"] },
    api: { endpoints: ["http://localhost:4000"] },
  },
  routes: [
    { match: { host: "app.localhost" }, rewrite: { host: "upstream" }, hold: "5s", upstream: "pages" },
    { match: { host: "api.localhost" }, rewrite: { host: "upstream" }, hold: "5s", upstream: "api" },
  ],
});
