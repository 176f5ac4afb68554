// The same as millrace.yaml, in TypeScript. The files of the sites stay what they are; routes may refer to upstreams of any of them.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: "127.0.0.1:8080" }],
  include: ["sites/*.yaml", "otherwise.yaml"],
  defaults: {
    routes: { max_body: "1MiB", security_headers: "standard" },
    upstreams: {
      health_check: { path: "/health" },
      timeouts: { connect: "2s", response_head: "30s" },
    },
  },
});
