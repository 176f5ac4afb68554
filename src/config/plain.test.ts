import assert from "node:assert/strict";
import { test } from "node:test";
import { configOf } from "./load.fixture.ts";
import { plainConfig } from "./plain.ts";

test("a plain configuration is what the parser makes of one", () => {
  const text = `
listeners: [{ address: "127.0.0.1:8080" }]
workers: 1
upstreams: { app: { endpoints: ["http://127.0.0.1:9000"] } }
routes: [{ upstream: app }]`;
  assert.deepEqual(plainConfig("127.0.0.1:8080", "http://127.0.0.1:9000"), configOf(text));
});
