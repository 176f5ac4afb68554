import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { plainConfig } from "../config/plain.ts";
import { machine } from "../net/machine.ts";
import type { Platform } from "../net/platform.ts";
import { createLogMemory } from "../observe/log-batch.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { MetricTable, metricLayout } from "../shared/metric-table.ts";
import type { FromWorker, WorkerInit } from "../shared/protocol.ts";
import { ALL_SLOTS, HOST_SLOT, WorkerTable } from "../shared/worker-table.ts";
import { LocalThread } from "./local-thread.ts";

const init = (): WorkerInit => ({
  index: 0,
  version: "1.2.3",
  startedAtMs: 0,
  environment: {},
  endpointTable: new SharedArrayBuffer(EndpointTable.bytes(4)),
  bucketTable: BucketTable.create(0, 0, 8),
  inFlightTable: InFlightTable.create(1, 0, 0, 8),
  loginTable: BucketTable.create(0, 0, 8),
  workerTable: WorkerTable.create(1, ALL_SLOTS, 0, 0),
  logMemory: createLogMemory(),
  socketsMax: Infinity,
});

interface Running {
  readonly thread: LocalThread;
  readonly received: FromWorker[];
  readonly ends: unknown[];
}

function running(t: TestContext, platform?: Platform): Running {
  const thread = new LocalThread(() => Promise.reject(new Error("there is no middleware")), platform);
  t.after(() => thread.terminate());
  const received: FromWorker[] = [];
  const ends: unknown[] = [];
  thread.on("message", (message) => received.push(message));
  thread.on("error", (error) => ends.push(error));
  thread.on("exit", (code) => ends.push(code));
  thread.postMessage(init());
  return { thread, received, ends };
}

function configure(thread: LocalThread, generation: number): void {
  const { routes, ...config } = plainConfig("127.0.0.1:0", "http://127.0.0.1:1");
  const [host = assert.fail()] = config.listeners;
  const metricTable = new SharedArrayBuffer(MetricTable.bytes(metricLayout({ ...config, routes }), 1));
  const slots = { endpointSlots: { app: [0] }, listenerSlots: [0] };
  thread.postMessage({ type: "configure", generation, config: { ...config, host }, routes, ...slots, metricTable });
}

test("messages come later and in their order", async (t) => {
  const { thread, received } = running(t);
  configure(thread, 1);
  thread.postMessage({ type: "listen", orders: [] });
  assert.deepEqual([received, thread.host], [[], null]);
  while (received.length < 2) await once(thread, "message");
  assert.deepEqual(received, [{ type: "configured", generation: 1 }, { type: "listening" }]);
  assert.equal(thread.host?.slot, HOST_SLOT);
});

test("a thread that is terminated says so once, and nothing more", async (t) => {
  const { thread, received, ends } = running(t);
  configure(thread, 1);
  await once(thread, "message");
  configure(thread, 2);
  await Promise.all([thread.terminate(), thread.terminate()]);
  thread.postMessage({ type: "listen", orders: [] });
  await thread.terminate();
  assert.deepEqual([received.length, ends, thread.host], [1, [1], null]);
});

test("a fault ends the thread as one would end a worker, and not the program", async (t) => {
  const fault = new Error("out of order");
  let tick = (): void => {};
  const platform: Platform = {
    ...machine,
    every: (_ms, then) => {
      tick = then;
      return () => {};
    },
    now: () => {
      if (isFaulty) throw fault;
      return machine.now();
    },
  };
  let isFaulty = false;
  const { thread, ends } = running(t, platform);
  configure(thread, 1);
  await once(thread, "message");
  isFaulty = true;
  tick();
  await new Promise((ended) => thread.once("exit", ended));
  assert.deepEqual(ends, [fault, 1]);
});
