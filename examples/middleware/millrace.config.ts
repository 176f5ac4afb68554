// The same as millrace.yaml, in TypeScript: the compiler checks the options.
import { defineConfig } from "millrace";
import abCookie from "./ab-cookie.ts";
import graphqlDepth from "./graphql-depth.ts";
import headerStamp from "./header-stamp.ts";
import injectHtml from "./inject-html.ts";
import llmFallback from "./llm-fallback.ts";
import llmTokens from "./llm-tokens.ts";
import maintenanceWindow from "./maintenance-window.ts";
import redactJson from "./redact-json.ts";
import signRequest from "./sign-request.ts";

export default defineConfig({
  listeners: [{ address: "127.0.0.1:8080" }],
  upstreams: { app: { endpoints: ["http://127.0.0.1:60408"] }, second: { endpoints: ["http://127.0.0.1:60409"] } },
  middleware: [
    headerStamp({ header: "X-Served-By", value: "eu-1 worker {worker}", to: "both" }),
    maintenanceWindow({
      time_zone: "Europe/Berlin",
      windows: [{ days: ["sun"], from: "02:00", to: "04:00" }],
      allow: ["10.0.0.0/8", "fd00::/8"],
      allow_paths: ["/healthz"],
    }),
  ],
  routes: [
    { name: "graphql", match: { path: "/graphql" }, upstream: "app", middleware: [graphqlDepth({ depth_max: 8 })] },
    {
      name: "models",
      match: { path: "/v1/*" },
      upstream: "app",
      middleware: [
        llmTokens({ key_header: "authorization", budget: { tokens: 200_000, seconds: 3600 } }),
        llmFallback({ fallbacks: [{ upstream: "second", model: "small-2" }] }),
      ],
    },
    {
      name: "api",
      match: { path: "/api/*" },
      upstream: "app",
      middleware: [
        redactJson({ fields: ["password", "card_number"], replacement: "***" }),
        signRequest({ key_id: "millrace-1", secret: process.env["SIGNING_SECRET"] ?? "", fields: ["content-type"] }),
      ],
    },
    {
      name: "shop",
      upstream: "app",
      middleware: [
        abCookie({
          cookie: "checkout",
          variants: [
            { name: "old", weight: 9 },
            { name: "new", weight: 1, prefix: "/next" },
          ],
        }),
        injectHtml({ html: '<script src="/banner.js" async></script>' }),
      ],
    },
  ],
});
