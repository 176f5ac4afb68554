import { test } from "node:test";
import assert from "node:assert/strict";
import { parseConfig } from "../config/load.ts";
import { demoConfig, portOf, startSomewhere } from "./demo.ts";

// The demo itself takes fixed ports: the end-to-end tests run it.
test("the demo's configuration is valid and names the demo's origin servers", () => {
  for (const tls of [false, true]) {
    const parsed = parseConfig(demoConfig([60_408, 60_409], tls), "demo.yaml", {}, () => "");
    assert.ok("config" in parsed, JSON.stringify(parsed));
    assert.deepEqual(parsed.warnings, []);
    assert.deepEqual(
      parsed.config.upstreams["app"]?.endpoints.map((endpoint) => endpoint.url),
      ["http://127.0.0.1:60408", "http://127.0.0.1:60409"],
    );
    assert.deepEqual(
      parsed.config.listeners.map(({ tls, redirect_to_https: redirects }) => [tls?.internal !== undefined, redirects]),
      tls
        ? [
            [true, false],
            [false, true],
          ]
        : [[false, false]],
    );
  }
});

test("an origin whose port is taken listens at another", async () => {
  const first = await startSomewhere("A", 0);
  const second = await startSomewhere("B", portOf(first));
  try {
    assert.notEqual(portOf(second), portOf(first));
    assert.equal(await (await fetch(`http://127.0.0.1:${portOf(second)}/`)).text(), "Response from Backend B");
  } finally {
    first.close();
    second.close();
  }
});
