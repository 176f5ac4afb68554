import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "./config/load.ts";
import { readObject } from "./config/read-object.ts";
import { defineConfig } from "./millrace.ts";

const noFiles = (): string => "";

test("defineConfig takes both forms, and the compiler knows their keys", () => {
  const full = defineConfig({
    listeners: [{ address: ":8080" }],
    upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
    routes: [{ upstream: "app" }],
  });
  const short = defineConfig({ backends: ["http://127.0.0.1:3000"], rate_limit: { requests_per_minute: 100 } });
  const routes = [{ upstream: "app", match: { methods: ["GET"] } }] as const;
  const constant = defineConfig({
    listeners: [{ address: ":8080" }],
    upstreams: { app: { endpoints: ["http://127.0.0.1:3000"] } },
    routes,
  });
  for (const config of [full, short, constant]) assert.ok("config" in checkConfig(readObject(config), "millrace.config.ts", {}, noFiles));
  // @ts-expect-error: there is no such key
  const wrong = defineConfig({ backends: ["http://127.0.0.1:3000"], worker: 1 });
  assert.ok("problems" in checkConfig(readObject(wrong), "millrace.config.ts", {}, noFiles));
  const upstreams = { app: { endpoints: ["http://127.0.0.1:3000"] } };
  // @ts-expect-error: a key of the other form
  const mixed = defineConfig({ listeners: [{ address: ":8080" }], upstreams, routes: [{ upstream: "app" }], health_check: {} });
  assert.ok("problems" in checkConfig(readObject(mixed), "millrace.config.ts", {}, noFiles));
});
