import { test } from "node:test";
import assert from "node:assert/strict";
import { restartNeeded } from "./restart-needed.ts";
import { testConfig, testUpstream } from "./config.fixture.ts";

test("upstreams, routes and listeners need no restart", () => {
  const before = testConfig();
  const listeners = before.listeners.map((listener) => ({ ...listener, address: ":81", limits: { ...listener.limits, connections: 7 } }));
  assert.deepEqual(restartNeeded(before, testConfig({ listeners, upstreams: { other: testUpstream(["http://b:1"]) }, routes: [] })), []);
});

test("what is opened or started once does, each named", () => {
  const before = testConfig();
  const after = testConfig({
    workers: 3,
    admin: { address: "127.0.0.1:9901", hosts: [] },
    logging: { ...before.logging, output: "/var/log/x", level: "debug" },
  });
  assert.deepEqual(restartNeeded(before, after), [
    "workers: changing 1 to 3 needs a restart",
    "admin.address: changing none to 127.0.0.1:9901 needs a restart",
    "logging.output: changing stdout to /var/log/x needs a restart",
  ]);
  assert.deepEqual(restartNeeded(after, { ...after, admin: { address: "127.0.0.1:9901", token: "t", hosts: ["ops.internal"] } }), []);
});
