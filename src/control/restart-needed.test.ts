import { test } from "node:test";
import assert from "node:assert/strict";
import { restartNeeded } from "./restart-needed.ts";
import { testConfig, testUpstream } from "./config.fixture.ts";

test("listeners, the admin address and upstreams change without a restart", () => {
  const before = testConfig();
  const after = testConfig({
    listeners: before.listeners.map((listener) => ({ ...listener, address: ":81", limits: { ...listener.limits, connections: 7 } })),
    upstreams: { other: testUpstream(["http://b:1"]) },
    routes: [],
    admin: { address: "127.0.0.1:9901", hosts: [] },
    logging: { ...before.logging, output: "/var/log/x", level: "debug" },
  });
  assert.deepEqual(restartNeeded(before, after), []);
  assert.deepEqual(restartNeeded(after, { ...after, admin: { address: "127.0.0.1:9902", token: "t", hosts: ["ops.internal"] } }), []);
});

test("changing the number of workers needs a restart", () => {
  assert.deepEqual(restartNeeded(testConfig(), testConfig({ workers: 3 })), ["workers: changing 1 to 3 needs a restart"]);
});
