// The same as short.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  server: { address: ":8080" },
  backends: ["http://127.0.0.1:60408", "http://127.0.0.1:60409"],
  rate_limit: { requests_per_minute: 100, burst: 10 },
  health_check: { path: "/health", frequency: "10s", timeout: "5s", healthy_threshold: 2 },
});
