// The same as validation.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: {
    app: { endpoints: ["http://127.0.0.1:17001"] },
    next: { endpoints: ["http://127.0.0.1:17002"] },
  },
  routes: [
    {
      name: "api",
      match: { path: "/v1/*" },
      validate: { openapi: "pets.yml", max_body: "64KiB", undeclared_query: "refuse" },
      upstream: "app",
    },
    {
      name: "next",
      match: { path: "/v2/*" },
      validate: { openapi: "pets.yml", requests: "report", base_path: "/v2" },
      upstream: "next",
    },
  ],
});
