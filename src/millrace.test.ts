import assert from "node:assert/strict";
import { test } from "node:test";
import { checkConfig } from "./config/load.ts";
import { readObject } from "./config/document/read-object.ts";
import { isVocabulary } from "./config/schema/foreign-keys.ts";
import { createProxy, defineConfig } from "./millrace.ts";
import type { MillraceProxy, OpenListener } from "./millrace.ts";

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
  for (const config of [full, short, constant])
    assert.ok("config" in checkConfig(readObject(config, isVocabulary), "millrace.config.ts", {}, noFiles));
  // @ts-expect-error: there is no such key
  const wrong = defineConfig({ backends: ["http://127.0.0.1:3000"], worker: 1 });
  assert.ok("problems" in checkConfig(readObject(wrong, isVocabulary), "millrace.config.ts", {}, noFiles));
  const upstreams = { app: { endpoints: ["http://127.0.0.1:3000"] } };
  // @ts-expect-error: a key of the other form
  const mixed = defineConfig({ listeners: [{ address: ":8080" }], upstreams, routes: [{ upstream: "app" }], health_check: {} });
  assert.ok("problems" in checkConfig(readObject(mixed, isVocabulary), "millrace.config.ts", {}, noFiles));
});

test("createProxy takes both forms, without listeners too, and the compiler knows what it gives", async () => {
  const upstreams = { app: { endpoints: ["http://127.0.0.1:1"] } };
  const proxy: MillraceProxy = await createProxy({ upstreams, routes: [{ upstream: "app" }] } as const);
  proxy.on("listening", (listeners: readonly OpenListener[]) => void listeners);
  proxy.on("log", ({ level, event, message }) => void [level, event, message]);
  // @ts-expect-error: the event has no number
  proxy.on("closed", (count: number) => void count);
  await proxy.close();
  // @ts-expect-error: a key of the other form
  await assert.rejects(createProxy({ upstreams, routes: [{ upstream: "app" }], rate_limit: { requests_per_minute: 1 } }), Error);
  // @ts-expect-error: neither form
  await assert.rejects(createProxy({ upstreams }), Error);
  const short = await createProxy({ backends: ["http://127.0.0.1:1"], startup: { require_healthy: false } });
  await short[Symbol.asyncDispose]();
});
