// The same as canary.yaml, in TypeScript.
import { defineConfig } from "millrace";

export default defineConfig({
  listeners: [{ address: ":8080" }],
  upstreams: {
    app: {
      endpoints: ["http://127.0.0.1:17001", "http://127.0.0.1:17002"],
      health_check: { path: "/health" },
    },
    next: {
      endpoints: ["http://127.0.0.1:17003"],
      health_check: { path: "/health" },
      response_headers: { set: { "X-Version": "next" } },
    },
    candidate: { endpoints: ["http://127.0.0.1:17004"] },
  },
  routes: [
    { name: "by-hand", match: { headers: { "X-Version": "next" } }, upstream: "next" },
    {
      name: "everybody",
      split: [
        { upstream: "app", weight: 90 },
        { upstream: "next", weight: 10 },
      ],
      split_by: { cookie: "version", max_age: "168h" },
      mirror: { upstream: "candidate", share: "5%" },
    },
  ],
});
