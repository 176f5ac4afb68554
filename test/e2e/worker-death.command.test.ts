/** A worker that dies of an injected fault is replaced, and no request on another thread fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/load.ts";
import { WorkerThreads } from "../../src/control/workers/worker-threads.ts";
import { ControlPlane } from "../../src/control/control-plane.ts";
import { monotonicMs } from "../../src/net/system-clock.ts";
import { RawClient, ask, get } from "../support/raw-client.ts";
import { startRawOrigin } from "../support/raw-origin.ts";

test("the others serve on while one is replaced", { timeout: 60_000 }, async () => {
  const origin = await startRawOrigin({});
  const text = `
listeners: [{ address: "127.0.0.1:0" }]
workers: 3
upstreams: { app: { endpoints: ["${origin.url}"] } }
routes:
  - { match: { path: /limited }, upstream: app, rate_limit: { requests_per_minute: 50 } }
  - { upstream: app }
`;
  const loaded = parseConfig(text, "test.yaml", {}, () => "");
  assert.ok("config" in loaded);
  const events: string[] = [];
  let replaced: () => void = () => {};
  const say = (event: string): void => {
    events.push(event);
    if (event === "worker_replaced") replaced();
  };
  const workers: { time: number; worker: number }[] = [];
  const plane = new ControlPlane({
    config: loaded.config,
    log: { log: (_, event) => say(event), debug: say, info: say, warn: say, error: say },
    version: "0.0.0",
    takeLines: (lines, _, taken) => {
      for (const [, worker] of Buffer.from(lines)
        .toString("latin1")
        .matchAll(/"worker":(\d+)/g))
        workers.push({ time: performance.now(), worker: Number(worker) });
      taken();
    },
    logDroppedLines: () => 0,
    refusedReloads: () => 0,
    environment: process.env,
    startedAtMs: Date.now(),
    now: Date.now,
    monotonic: monotonicMs,
    threads: new WorkerThreads(),
    inherited: null,
  });
  const { signal } = new AbortController();
  assert.equal((await plane.start(signal, { checksListeners: true })).kind, "started");
  const open = await plane.open(signal);
  assert.ok(open.kind === "open");
  const target = open.listeners[0]?.target;
  assert.ok(target?.kind === "tcp");
  const { port } = target;

  // Connections on every thread, each busy all the time. Which thread a connection is on shows in the access log only, so count losses:
  // no more connections may break than the dead thread had, and each of the others goes on.
  const clients = await Promise.all(Array.from({ length: 24 }, () => RawClient.connect(port)));
  let stopped = false;
  const outcomes = clients.map(async (client): Promise<"whole" | "broken"> => {
    for (let count = 1; !stopped; count++) {
      client.send(get("/"));
      await client.until((each) => each.closed || each.ended || each.received.split("\r\n\r\nok").length > count, "an answer");
      if (client.closed || client.ended) return "broken";
    }
    return "whole";
  });
  // The bucket of the limiter must outlive the worker too.
  for (let count = 0; count < 30; count++) assert.equal((await ask(port, get("/limited"))).status, 200);

  const isReplaced = new Promise<void>((resolve) => {
    replaced = resolve;
  });
  await plane.terminateWorker(1);
  await isReplaced;
  const lateAnswers = await Promise.all(Array.from({ length: 60 }, () => ask(port, get("/"))));
  assert.ok(lateAnswers.every(({ status }) => status === 200));
  const limited = await Promise.all(Array.from({ length: 30 }, () => ask(port, get("/limited"))));
  assert.ok(limited.filter(({ status }) => status === 200).length <= 22, "the limit was not forgotten");
  stopped = true;
  const results = await Promise.all(outcomes);
  const broken = results.filter((result) => result === "broken").length;
  assert.ok(broken < clients.length, "connections of the other threads went on");
  assert.ok(events.includes("worker_exited"));
  assert.match(plane.metrics(), /^millrace_worker_restarts_total 1$/m);
  for (const client of clients) client.destroy();
  await plane.drain();
  assert.ok(
    workers.some(({ worker }) => worker === 1),
    "the replacement took requests",
  );
  await origin.close();
});
