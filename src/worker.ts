/** Entry file of a data-plane thread: takes configurations and orders from the main thread, and runs listeners. */
import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { compileCidrs } from "./base/cidr.ts";
import { Listener, ListenerContext } from "./net/listener.ts";
import { monotonicMs } from "./net/system-clock.ts";
import { Thread } from "./net/thread.ts";
import { AccessLines } from "./observe/access-line.ts";
import { LogBatch } from "./observe/log-batch.ts";
import { statusDocument } from "./observe/status.ts";
import { Snapshot } from "./proxy/snapshot.ts";
import { BucketTable } from "./shared/bucket-table.ts";
import { EndpointTable } from "./shared/endpoint-table.ts";
import { CounterId } from "./shared/metric-table.ts";
import type { ConfigureMessage, FromWorker, ListenTarget, ToWorker, WorkerInit } from "./shared/protocol.ts";

const port = parentPort;
if (port === null) throw new Error("worker.ts runs as a worker thread of millrace");
const init = workerData as WorkerInit;
const endpoints = new EndpointTable(init.endpointTable);
const buckets = new BucketTable(init.bucketTable);

let thread: Thread | null = null;
let contexts: ListenerContext[] = [];
let listeners: Listener[] = [];
let lines = new AccessLines("json");
let drainDueAt = Infinity;

const log = new LogBatch((data, lines) => port.postMessage({ type: "log", data, lines } satisfies FromWorker, [data.buffer]));

port.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "configure":
      return configure(message);
    case "listen":
      return void listen(message.targets);
    case "drain":
      return drain(message.timeoutMs);
    case "log-taken":
      return log.taken(message.bytes);
  }
});

function configure(message: ConfigureMessage): void {
  let snapshot: Snapshot;
  try {
    snapshot = new Snapshot(message, {
      workerIndex: init.index,
      buckets,
      now: () => thread?.now ?? monotonicMs(),
      status: () => JSON.stringify(status(message)),
      debug: (message) => send({ type: "event", level: "info", event: "cors_decision", message, fields: {} }),
      readFile: (path) => readFileSync(path, "latin1"),
    });
  } catch (error) {
    send({ type: "configured", generation: message.generation, problem: error instanceof Error ? error.message : String(error) });
    return;
  }
  if (thread === null) thread = new Thread(init.index, endpoints, snapshot, snapshot.metrics, output());
  else thread.use(snapshot);
  thread.accessLog = message.config.logging.access;
  lines = new AccessLines(message.config.logging.format);
  const trusted = compileCidrs(message.config.trusted_proxies);
  const plane = thread;
  contexts = message.config.listeners.map((config, index) => {
    const known = contexts[index];
    if (known === undefined) return new ListenerContext(plane, config, trusted);
    known.update(config, trusted);
    return known;
  });
  send({ type: "configured", generation: message.generation });
}

async function listen(targets: readonly (ListenTarget | null)[]): Promise<void> {
  for (const [index, target] of targets.entries()) {
    const context = contexts[index];
    if (target === null || context === undefined) continue;
    const listener = new Listener(context);
    try {
      await listener.listen(target);
    } catch (error) {
      const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
      send({ type: "listen-failed", listener: index, code, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    listeners.push(listener);
  }
  send({ type: "listening" });
}

function drain(timeoutMs: number): void {
  if (thread === null) return send({ type: "drained", cut: 0 });
  thread.draining = true;
  drainDueAt = monotonicMs() + timeoutMs;
  for (const listener of listeners) listener.close();
  listeners = [];
  for (const context of contexts) for (const connection of context.connections) connection.drain();
}

function output(): ConstructorParameters<typeof Thread>[4] {
  return {
    access: (record) => void log.add(lines.line(record)),
    event: (level, event, message, fields) => send({ type: "event", level, event, message, fields }),
    released: (generation) => send({ type: "released", generation }),
    tick,
  };
}

let droppedBefore = 0;

function tick(now: number): void {
  log.flush();
  if (log.dropped > droppedBefore) {
    thread?.metrics.add(CounterId.access_log_dropped_lines, log.dropped - droppedBefore);
    droppedBefore = log.dropped;
  }
  if (thread === null || !thread.draining) return;
  const open = contexts.reduce((sum, context) => sum + context.connections.size, 0);
  if (open > 0 && now < drainDueAt) return;
  let cut = 0;
  for (const context of contexts) for (const connection of context.connections) if (connection.cutNow()) cut++;
  thread.close();
  log.flush();
  send({ type: "drained", cut });
}

function status(message: ConfigureMessage): unknown {
  const { version, startedAtMs } = init;
  return statusDocument(message.config, message.endpointSlots, endpoints, { version, startedAtMs, nowMs: Date.now() });
}

function send(message: FromWorker): void {
  port?.postMessage(message);
}
