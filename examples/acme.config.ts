// The same as acme.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [
    { address: ":80", redirect_to_https: true },
    {
      address: ":443",
      tls: {
        acme: {
          domains: ["example.com", ["shop.example.com", "www.shop.example.com"]],
          email: "ops@example.com",
          storage: "/var/lib/millrace/acme",
          terms_agreed: true,
        },
      },
    },
  ],
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  routes: [{ security_headers: "standard", upstream: "app" }],
});
