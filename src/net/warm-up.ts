/**
 * A data-plane thread's first exchanges are with itself: thousands of requests from its own client, through its own listener, to its own
 * origin, while the main thread reads the configuration and a little longer. They go the way that all go (real sockets, the same
 * classes), so that clients find code that is compiled: the first one waits for half of what it would, and a rush right after the start
 * queues neither behind an interpreter nor behind compilers (docs/decisions/0011-starting-warm.md).
 */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { compileCidrs } from "../base/cidr.ts";
import { plainConfig } from "../config/plain.ts";
import type { Config } from "../config/schema.ts";
import { accessLines } from "../observe/access-line.ts";
import { Snapshot } from "../proxy/snapshot.ts";
import type { SnapshotContext } from "../proxy/snapshot.ts";
import { Upstreams } from "../proxy/upstream/upstreams.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { MetricTable, metricLayout } from "../shared/metric-table.ts";
import { NameTable } from "../shared/name-table.ts";
import type { ConfigureMessage } from "../shared/protocol.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import { ListenerContext } from "./accept/listener-context.ts";
import { Listener } from "./accept/listener.ts";
import { machine } from "./machine.ts";
import type { Platform } from "./platform.ts";
import { Thread } from "./thread.ts";
import type { ThreadOutput, ThreadParts } from "./thread.ts";
import { connectionOf } from "./protocols.ts";

export interface WarmUpSettings {
  readonly address: string;
  readonly exchanges: number;
  readonly connections: number;
  /** When it ends, whatever is left: milliseconds of the thread's life. */
  readonly dueMs: number;
}

const SETTINGS: WarmUpSettings = {
  // This machine, as Linux sees it, but an address at which nobody expects to find something: no port is taken that somebody has chosen.
  address: "127.77.0.1",
  // The last compiler looks at what was called 3000 times.
  exchanges: 4000,
  connections: 4,
  // Where loading takes long, less of this is done: a process that is started answers within half a second.
  dueMs: 400,
};

const REQUEST = `GET /warm-up?colour=blue HTTP/1.1\r
Host: warm-up.invalid\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r
Accept-Language: en-GB,en;q=0.5\r
Accept-Encoding: gzip, deflate, br\r
Cookie: theme=dark; visit=1\r
Cache-Control: max-age=0\r
Connection: keep-alive\r
\r
`;

const ANSWER = `HTTP/1.1 200 OK\r
Date: Thu, 01 Jan 1970 00:00:00 GMT\r
Content-Type: text/plain\r
Content-Length: 5\r
Connection: keep-alive\r
\r
warm\n`;

/**
 * Resolves when all of it is over and every socket closed; rejects when there could be none (the address is not this system's, sockets are
 * forbidden). Neither configuration nor tables of the process are touched, and nothing is logged.
 * @returns how many exchanges there were
 */
export async function warmUp(changes: Partial<WarmUpSettings> = {}): Promise<number> {
  const settings = { ...SETTINGS, ...changes };
  const { address, dueMs } = settings;
  const lines = accessLines("json");
  let exchanges = 0;
  const accepted = new Set<net.Socket>();
  const origin = net.createServer({ noDelay: true }, (socket) => {
    accepted.add(socket);
    socket.on("error", () => {}).on("data", () => socket.write(ANSWER, "latin1"));
  });
  const config = plainConfig(`${address}:0`, `http://${address}:${await listenOn(origin, address)}`);
  const [listening] = config.listeners;
  if (listening === undefined) throw new Error("the plain configuration has no listener");
  const thread = loneThread(config, (record) => {
    lines.write(record);
    exchanges++;
  });
  const context = new ListenerContext(
    thread,
    0,
    listening,
    { proxies: compileCidrs([]), addressFrom: config.client_address_from },
    connectionOf,
  );
  const listener = new Listener(context);
  try {
    await listener.listen({ kind: "tcp", host: address, port: 0, reusePort: false });
    const fault = await ask(listener.port, settings, AbortSignal.timeout(Math.max(0, Math.ceil(dueMs - performance.now()))));
    if (exchanges === 0 && fault !== null) throw fault;
  } finally {
    listener.close();
    for (const connection of context.connections) connection.cutNow();
    thread.close();
    origin.close();
    // Whoever they are.
    for (const socket of accepted) socket.destroy();
    await once(origin, "close");
  }
  return exchanges;
}

/** A thread of a process that has no other, with tables of its own: hashes in them may be guessed, for nobody else is in them. */
export function loneThread(
  config: Config,
  access: ThreadOutput["access"],
  platform: Platform = machine,
  features: SnapshotContext["features"] = [],
): Thread {
  let endpoints = 0;
  const slots = Object.entries(config.upstreams).map(([name, upstream]) => [name, upstream.endpoints.map(() => endpoints++)] as const);
  const message: ConfigureMessage = {
    type: "configure",
    generation: 1,
    config,
    routes: config.routes,
    endpointSlots: Object.fromEntries(slots),
    listenerSlots: [0],
    metricTable: new SharedArrayBuffer(MetricTable.bytes(metricLayout(config), 1)),
  };
  const plan = new Upstreams(0, () => "").plan(config.upstreams, message.endpointSlots);
  plan.apply();
  const snapshot = new Snapshot(message, plan.groups, {
    workerIndex: 0,
    buckets: new BucketTable(BucketTable.create(0, 0, 8)),
    now: () => platform.now(),
    status: () => "",
    features,
    report: () => {},
  });
  const parts: ThreadParts = {
    workerIndex: 0,
    endpoints: new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(endpoints))),
    workers: new WorkerTable(WorkerTable.create(1, 1, 0, 0)),
    names: new NameTable(),
    socketsMax: Infinity,
    platform,
  };
  return new Thread(parts, snapshot, { access, event: () => {}, tick: () => {}, released: () => {} });
}

async function listenOn(server: net.Server, address: string): Promise<number> {
  await once(server.listen(0, address), "listening");
  return (server.address() as AddressInfo).port;
}

/** Resolves when all connections are closed, with what went wrong first; the signal closes them early, which is nothing wrong. */
async function ask(port: number, { address, exchanges, connections }: WarmUpSettings, signal: AbortSignal): Promise<Error | null> {
  let asked = 0;
  let fault: Error | null = null;
  const next = (socket: net.Socket): void => void (asked++ < exchanges ? socket.write(REQUEST, "latin1") : socket.destroy());
  const clients = Array.from({ length: connections }, async () => {
    const socket = net.connect({ port, host: address, noDelay: true, signal });
    socket.on("connect", () => next(socket));
    // An answer of this size comes in one piece; where it did not, two requests would be under way.
    socket.on("data", () => next(socket));
    socket.on("error", (error) => {
      if (!signal.aborted) fault ??= error;
    });
    await new Promise((closed) => socket.once("close", closed));
  });
  await Promise.all(clients);
  return fault;
}
