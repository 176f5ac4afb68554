// The same as client-certificates.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [
    { address: ":8080", redirect_to_https: true },
    {
      address: ":8443",
      tls: { internal: {}, client_certificates: { mode: "optional", ca_file: "clients-ca.pem", forward: "Client-Cert" } },
    },
  ],
  upstreams: {
    devices: { endpoints: ["http://127.0.0.1:17001"] },
    site: { endpoints: ["http://127.0.0.1:17002"] },
  },
  routes: [
    {
      name: "devices",
      match: { path: "/devices/*", client_certificate: { dns: "*.devices.example.com" } },
      upstream: "devices",
    },
    { name: "strangers", match: { path: "/devices/*" }, respond: { status: 403 } },
    {
      name: "site",
      authentication: { tokens: ["${API_TOKEN:-change-me}"] },
      security_headers: "standard",
      upstream: "site",
    },
  ],
  logging: { access: { fields: ["standard", "tls_version", "client_certificate_subject", "client_certificate_fingerprint"] } },
});
