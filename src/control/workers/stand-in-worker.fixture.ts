/**
 * A worker for tests of the control plane. It speaks the whole protocol of shared/protocol.ts but proxies nothing.
 *
 * Each connection is one request. The answer is `worker INDEX generation GENERATION`, except for these paths:
 *
 * - `/die`: throws an uncaught error.
 * - `/stuck`: loops for ever.
 * - `/hold`: is not answered; stays in flight until it is cut.
 * - `/say`: also writes a log line and sends an event.
 * - `/names`: the answer is the list of names that the worker was told.
 * - `/routes`: the answer is the list of generations that came with routes.
 * - `/order`: the answer has, in their order, the configurations, orders to listen, and names that TLS listeners were told to serve.
 * - `/discarded`: the answer is the list of generations that were prepared and then discarded.
 *
 * Configurations with these values of `status_path` are special: `/refuse` is refused, `/silent` is never answered, of `/die` every worker
 * dies, and of `/refuse-or-die` worker 1 dies while the others refuse it. Worker 1 cannot set up the middleware `refused`, and dies of the
 * middleware `deadly`. Worker 1 cannot open a listener whose `limits.headers` is 13.
 */
import { renameSync } from "node:fs";
import net from "node:net";
import { parentPort } from "node:worker_threads";
import { CertificateReceiver } from "../../shared/certificate-news.ts";
import { EndpointTable } from "../../shared/endpoint-table.ts";
import { LogBatch } from "../../observe/log-batch.ts";
import { CounterId, metricLayout, WorkerMetrics } from "../../shared/metric-table.ts";
import { WorkerTable } from "../../shared/worker-table.ts";
import type { ConfigureMessage, FromWorker, ListenOrder, PrepareMessage, ToWorker, WorkerInit } from "../../shared/protocol.ts";

let init: WorkerInit | null = null;
let log: LogBatch | null = null;
let endpoints: EndpointTable | null = null;
/** By the listener's slot. */
const servers = new Map<number, net.Server>();
const held = new Set<net.Socket>();
let current: ConfigureMessage | null = null;
let routes: ConfigureMessage["routes"] = null;
const generationsWithRoutes: number[] = [];
const discarded: number[] = [];
/** What `/order` answers. */
const order: string[] = [];
let metrics: WorkerMetrics | null = null;
const names = new Set<string>();
const certificates = new CertificateReceiver();

parentPort?.on("message", (message: WorkerInit | ToWorker) => {
  if (!("type" in message)) {
    init = message;
    log = new LogBatch(message.logMemory, (chunk, bytes, lines) => send({ type: "log", chunk, bytes, lines }));
    endpoints = new EndpointTable(message.endpointTable);
    const workers = new WorkerTable(message.workerTable);
    setInterval(() => workers.beat(message.index), 5);
    return;
  }
  if (message.type === "configure" || message.type === "listen") order.push(message.type);
  if (message.type === "tls" && message.listeners !== undefined)
    order.push(
      `tls(${certificates
        .take(message.listeners)
        .map(([, { certificates: all }]) => all.flatMap(({ names: of }) => of).join("+"))
        .join()})`,
    );
  if (message.type === "configure") configure(message);
  else if (message.type === "prepare") prepare(message);
  else if (message.type === "discard") discarded.push(message.generation);
  else if (message.type === "listen") listen(message.orders);
  else if (message.type === "close") close(message.slots);
  else if (message.type === "drain") drain();
  else if (message.type === "names") for (const { name } of message.news) names.add(name);
  else if (message.type === "log-taken")
    send({ type: "event", level: "info", event: "warm_up_skipped", message: "taken", fields: { chunk: message.chunk } });
});

function prepare({ generation, middleware }: PrepareMessage): void {
  const [use = ""] = init?.index === 1 ? middleware.map((each) => each.use) : [];
  if (use === "deadly") throw new Error("asked to die");
  send({ type: "prepared", generation, ...(use === "refused" ? { problem: "not here" } : {}) });
}

function configure(message: ConfigureMessage): void {
  const { status_path: told } = message.config;
  if (told === "/silent") return;
  if (told === "/die" || (told === "/refuse-or-die" && init?.index === 1)) throw new Error("asked to die");
  if (told === "/refuse" || told === "/refuse-or-die") {
    send({ type: "configured", generation: message.generation, problem: "refused as asked" });
    return;
  }
  routes = message.routes ?? routes;
  if (message.routes !== null) generationsWithRoutes.push(message.generation);
  if (routes === null) return send({ type: "configured", generation: message.generation, problem: "there are no routes" });
  const before = current;
  current = message;
  metrics = new WorkerMetrics(metricLayout({ ...message.config, routes }), message.metricTable, init?.index ?? 0);
  send({ type: "configured", generation: message.generation });
  if (before !== null) send({ type: "released", generation: before.generation });
}

function listen(orders: readonly ListenOrder[]): void {
  let missing = orders.length;
  if (missing === 0) send({ type: "listening" });
  const unlucky = orders.find(({ settings }) => settings.limits.headers === 13 && init?.index === 1);
  if (unlucky !== undefined) {
    return send({ type: "listen-failed", slot: unlucky.slot, code: "EMFILE", message: "too many open files" });
  }
  for (const { slot, target } of orders) {
    const server = net.createServer(serve);
    servers.set(slot, server);
    server.on("error", (error) => {
      send({ type: "listen-failed", slot, code: "code" in error ? String(error.code) : "", message: error.message });
    });
    // As the real worker has it: the path is not the one that the server was bound to, which Node removes when the worker ends.
    const bound = target.kind === "unix" ? { ...target, path: `${target.path}.bound` } : target;
    server.listen({ ...bound }, () => {
      if (target.kind === "unix") renameSync(`${target.path}.bound`, target.path);
      if (--missing === 0) send({ type: "listening" });
    });
  }
}

function close(slots: readonly number[]): void {
  for (const slot of slots) {
    servers.get(slot)?.close();
    servers.delete(slot);
  }
  send({ type: "closed" });
}

function bodyFor(path: string | undefined): string {
  if (path === "/names") return [...names].join();
  if (path === "/order") return order.join(" ");
  if (path === "/discarded") return discarded.join();
  if (path === "/routes") return generationsWithRoutes.join();
  return `worker ${init?.index} generation ${current?.generation ?? 0}`;
}

function serve(socket: net.Socket): void {
  metrics?.add(CounterId.connections_open, 1);
  metrics?.add(CounterId.connections_accepted, 1);
  socket.on("error", () => {});
  socket.on("close", () => metrics?.add(CounterId.connections_open, -1));
  socket.once("data", (data) => {
    const path = data.toString("latin1").split(" ")[1];
    if (path === "/stuck") for (;;);
    if (path === "/die") throw new Error("asked to die");
    if (path === "/hold") {
      held.add(socket);
      endpoints?.inFlightAdd(init?.index ?? 0, current?.endpointSlots["app"]?.[0] ?? 0, 1);
      socket.write("HTTP/1.1 200 OK\r\n");
      return;
    }
    if (path === "/say") {
      const line = Buffer.from(`line of ${init?.index}\n`);
      log?.add(line, line.length);
      log?.flush();
      send({ type: "event", level: "warn", event: "accept_failed", message: "said", fields: { listener: 0 } });
    }
    metrics?.exchangeFinished(0, 0, 200, 1, data.length, 100);
    const body = bodyFor(path);
    socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
  });
}

function drain(): void {
  for (const server of servers.values()) server.close();
  for (const socket of held) socket.destroy();
  send({ type: "drained", cut: held.size });
}

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}
