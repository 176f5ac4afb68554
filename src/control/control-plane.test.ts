import { test } from "node:test";
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { testConfig } from "./config.fixture.ts";
import { ask, events, listenersAt, plane, sample, start, until } from "./plane.fixture.ts";

test("a configuration is in use before its listeners are opened, and a reload may change it until then", async (t) => {
  const made = await plane(testConfig({ workers: 1 }));
  t.after(() => made.plane.stop());
  const { signal } = new AbortController();
  assert.deepEqual(await made.plane.start(signal, { checksListeners: false }), { kind: "started" });
  assert.deepEqual(made.plane.notReady(), ["starting"]);
  const listeners = listenersAt("127.0.0.1:0", "localhost:0");
  const reloaded = await made.plane.reload(testConfig({ workers: 1, listeners }));
  assert.deepEqual(reloaded, { kind: "reloaded", opened: [], closed: [], adminUrl: null, adminClosed: null });
  const [opened, again] = await Promise.all([made.plane.open(signal), made.plane.open(signal)]);
  assert.ok(opened.kind === "open");
  assert.deepEqual(
    opened.listeners.map(({ address }) => address),
    ["127.0.0.1:0", "127.0.0.1:0", "localhost:0"],
  );
  assert.equal(again.kind, "stopped", "there is nothing left to open");
  assert.deepEqual(made.plane.notReady(), []);
  const target = opened.listeners[2]?.target;
  assert.equal(await ask(target?.kind === "tcp" ? target.port : 0, "/"), "worker 0 generation 2");
});

test("addresses that are not checked at the start fail the opening, which can be tried again", async (t) => {
  const other = net.createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as net.AddressInfo;
  const made = await plane(testConfig({ workers: 1, listeners: listenersAt(`127.0.0.1:${port}`).slice(1) }));
  t.after(() => made.plane.stop());
  const { signal } = new AbortController();
  assert.deepEqual(await made.plane.start(signal, { checksListeners: false }), { kind: "started" });
  const lines = [`cannot listen on 127.0.0.1:${port}: the address is in use (EADDRINUSE)`];
  assert.deepEqual(await made.plane.open(signal), { kind: "failed", lines });
  await new Promise((closed) => other.close(closed));
  assert.equal((await made.plane.open(signal)).kind, "open");
  assert.equal(await ask(port, "/"), "worker 0 generation 1");
});

test("a thread beside the workers gets every configuration, opens no listener and is no worker", async (t) => {
  const made = await plane(testConfig({ workers: 1 }), true);
  t.after(() => made.plane.stop());
  const outcome = await start(made.plane);
  assert.ok(outcome.kind === "open");
  const target = outcome.listeners[0]?.target;
  const port = target?.kind === "tcp" ? target.port : 0;
  const running = { ...made, port };
  assert.equal(sample(running, "millrace_workers"), 1);
  assert.equal((await made.plane.reload(testConfig({ workers: 1 }))).kind, "reloaded");
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(port, "/")));
  assert.deepEqual(new Set(answers), new Set(["worker 0 generation 2"]));
  await made.plane.terminateWorker(1);
  await until("replaced", () => events(running, "worker_replaced").length === 1);
});
