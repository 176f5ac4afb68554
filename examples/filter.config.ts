// filter.yaml in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
  routes: [
    { match: { path: "/graphql" }, filter: { methods: ["GET", "POST"], graphql: { max_depth: 8, max_aliases: 10 } }, upstream: "app" },
    {
      match: { path: "/upload" },
      filter: { methods: ["POST"], multipart: { max_parts: 20, max_part_size: "10MiB" } },
      max_body: "50MiB",
      upstream: "app",
    },
    {
      match: { path: "/api/*" },
      filter: { methods: ["GET", "POST", "PUT", "DELETE"], json: { max_size: "256KiB", max_depth: 16, max_keys: 1000 } },
      upstream: "app",
    },
    { filter: { methods: ["GET"] }, upstream: "app" },
  ],
});
