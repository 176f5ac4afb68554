import { test } from "node:test";
import assert from "node:assert/strict";
import { parseConfig } from "../config/load.ts";
import { DEMO_CONFIG } from "./demo.ts";

// The demo itself takes fixed ports: the end-to-end tests run it.
test("the demo's configuration is right and points at the demo's origins", () => {
  const parsed = parseConfig(DEMO_CONFIG, "demo.yaml", {}, () => "");
  assert.ok("config" in parsed, JSON.stringify(parsed));
  assert.deepEqual(parsed.warnings, []);
  assert.deepEqual(
    parsed.config.upstreams["app"]?.endpoints.map((endpoint) => endpoint.url),
    ["http://127.0.0.1:60408", "http://127.0.0.1:60409"],
  );
});
