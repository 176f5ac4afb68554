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
  assert.deepEqual(restartNeeded(before, after, 1, 4), []);
  assert.deepEqual(restartNeeded(after, { ...after, admin: { address: "127.0.0.1:9902", token: "t", hosts: ["ops.internal"] } }, 1, 4), []);
});

test("the admin address becomes one of TLS, or begins to ask for certificates, only where it moves", () => {
  const admin = { address: "127.0.0.1:9901", hosts: [] };
  const tls = { cert_file: "a.pem", min_version: "1.2" as const };
  const asking = { ...tls, client_certificates: { mode: "required" as const, ca_file: "ca.pem" } };
  const needed = (one: object, other: object): string[] =>
    restartNeeded(testConfig({ admin: { ...admin, ...one } }), testConfig({ admin: { ...admin, ...other } }), 1, 4);
  assert.deepEqual(needed({ tls }, { tls: { ...tls, cert_file: "b.pem" } }), []);
  assert.deepEqual(needed({}, { tls, address: "127.0.0.1:9902" }), []);
  assert.deepEqual(needed({}, { tls }), ["admin.tls: changing plain HTTP to TLS needs another admin.address, or a restart"]);
  assert.deepEqual(needed({ tls: asking }, { tls }), [
    "admin.tls: changing TLS with client certificates to TLS needs another admin.address, or a restart",
  ]);
});

test("changing the number of workers needs a restart", () => {
  assert.deepEqual(restartNeeded(testConfig(), testConfig({ workers: 3 }), 1, 4), ["workers: changing 1 to 3 needs a restart"]);
});

test("another way to say how many workers there are already needs none", () => {
  const [two, auto, three] = [testConfig({ workers: 2 }), testConfig({ workers: "auto" }), testConfig({ workers: 3 })];
  assert.deepEqual(restartNeeded(auto, two, 2, 2), []);
  assert.deepEqual(restartNeeded(two, auto, 2, 2), []);
  assert.deepEqual(restartNeeded(auto, three, 2, 2), ["workers: changing auto (2) to 3 needs a restart"]);
  assert.deepEqual(restartNeeded(two, auto, 2, 8), ["workers: changing 2 to auto needs a restart"]);
});

test("auto goes on where the machine has got other processors since the start", () => {
  assert.deepEqual(restartNeeded(testConfig({ workers: "auto" }), testConfig({ workers: "auto" }), 2, 8), []);
});
