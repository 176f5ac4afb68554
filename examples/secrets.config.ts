// The same as secrets.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  secrets: { folder: "secrets" },
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  routes: [
    {
      authentication: {
        tokens: ["credential:api-token", { exec: ["vault", "kv", "get", "-field=token", "secret/app"], renew: "5m", timeout: "10s" }],
      },
      upstream: "app",
    },
  ],
  admin: { address: ":9901", token: "credential:admin-token" },
});
