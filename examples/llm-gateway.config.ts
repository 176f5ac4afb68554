// The same as llm-gateway.yaml, in TypeScript: the compiler checks the options of the middleware too.
import { defineConfig } from "millrace";
import llmFallback from "./middleware/llm-fallback.ts";

const { FIRST_KEY = "change-me-first", SECOND_KEY = "change-me-second" } = process.env;

export default defineConfig({
  listeners: [{ address: ":8080" }],
  admin: { address: "127.0.0.1:9901" },
  upstreams: {
    first: { endpoints: ["https://models.example"], timeouts: { response_head: "5m", idle: "2m" }, x_forwarded: false },
    second: { endpoints: ["https://second.example"], timeouts: { response_head: "5m", idle: "2m" } },
  },
  routes: [
    {
      name: "models",
      match: { path: "/v1/*", methods: ["GET", "POST"] },
      authentication: { tokens: ["${TEAM_A_TOKEN:-change-me-a}", "${TEAM_B_TOKEN:-change-me-b}"] },
      token_limit: [
        { key: "header:authorization", tokens_per_minute: 40_000, budget: { tokens: 2_000_000, per: "day" } },
        { key: "route", tokens_per_minute: 400_000, budget: { tokens: 200_000_000, per: "month" } },
      ],
      max_body: "4MiB",
      rewrite: { host: "upstream" },
      request_headers: {
        remove: ["Cookie", "Origin", "Referer", "User-Agent"],
        set: { Authorization: `Bearer ${FIRST_KEY}` },
      },
      middleware: [
        llmFallback({ fallbacks: [{ upstream: "second", model: "small-2", headers: { Authorization: `Bearer ${SECOND_KEY}` } }] }),
      ],
      upstream: "first",
    },
  ],
});
