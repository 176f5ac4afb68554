/**
 * One run: a proxy's whole data plane in memory and in virtual time, with the clients and endpoints of a plan, and what must hold.
 * After every event: what may not outlive it (the open chunk), and that nothing piles up. At the end, when all clients are gone:
 * nothing is left, and the log and the counters say what happened, once.
 */
import type { Buffer } from "node:buffer";
import { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import type { MemoryTransport } from "../src/net/transport/memory/memory-transport.ts";
import type { VirtualClock } from "../src/net/transport/memory/virtual-clock.ts";
import { checkStates } from "../src/net/h1/check-states.fixture.ts";
import { Serving } from "../src/net/serving.ts";
import type { Thread } from "../src/net/thread.ts";
import type { Transport } from "../src/net/transport/transport.ts";
import type { AccessRecord } from "../src/observe/access-line.ts";
import { parseConfig } from "../src/config/load.ts";
import type { Config } from "../src/config/schema.ts";
import { FEATURES } from "../src/features/registry.ts";
import { Generations } from "../src/control/generations.ts";
import { MetricTotals } from "../src/observe/metric-totals.ts";
import { BucketTable } from "../src/shared/bucket-table.ts";
import { EndpointTable } from "../src/shared/endpoint-table.ts";
import { NameTable } from "../src/shared/name-table.ts";
import { WorkerTable } from "../src/shared/worker-table.ts";
import { Attempts } from "./attempts.ts";
import { SimulatedClient } from "./client.ts";
import { Draw, seedOf } from "./draw.ts";
import { SimulatedOrigin } from "./origin.ts";
import type { TunnelEnd } from "./tunnel-end.ts";
import { ENDPOINTS, SMALL_BODY_MAX, answerTo, idOf } from "./plan.ts";
import type { Event, Plan, RequestPlan } from "./plan.ts";

checkStates();

/** Longer than any limit of the configuration, several times over. */
const REST_MS = 120_000;
/** Events without time passing after which a run goes round in circles. */
const EVENTS_MAX = 2_000_000;
/** More than any connection of the proxy may have waiting: a read buffer and what it collected before. */
const QUEUED_BYTES_MAX = 1024 * 1024;
const DRAIN_MS = 8000;
/** More than the configurations have endpoints, and than reloads leave behind. */
const SLOTS = 64;
/** The ends of exchanges in which something stood still for too long. */
const STANDSTILLS = new Set(["response_timeout", "write_timeout", "connection_timeout", "client_stalled", "request_timeout"]);
/** An answer that begins within it is in time: less than `response_head` by what ticks take. */
const IN_TIME_MS = 3000;
/** More than any head of an answer has, interim responses included. */
const HEAD_BYTES = 500;

/** What must hold did not. */
export class Violation extends Error {}

export interface Outcome {
  readonly exchanges: number;
  readonly events: number;
  /** What did not hold; null: all did. */
  readonly violation: Violation | null;
}

export class World {
  readonly seed: number;
  readonly network: MemoryNetwork;
  readonly clock: VirtualClock;
  /** All requests of the plan, by id. */
  readonly requests: Map<number, RequestPlan> = new Map();
  private readonly clients: readonly SimulatedClient[];
  /** Endpoints may let connects wait. */
  private readonly mayBeSilent: boolean;
  private readonly serving: Serving;
  /** What was logged. */
  readonly records: AccessRecord[] = [];
  /** At endpoints, by request. */
  readonly tunnels: Map<number, TunnelEnd> = new Map();
  private readonly arrivals: Map<number, number> = new Map();
  private readonly wholes: Map<number, number> = new Map();
  private readonly endpoints: EndpointTable = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(SLOTS)));
  private readonly totals: MetricTotals = new MetricTotals(1);
  private readonly workers: WorkerTable = new WorkerTable(WorkerTable.create(1, 1, 1, 2));
  private readonly generations: Generations = new Generations(this.endpoints, this.totals, this.workers);
  /** Requests that were begun on each connection to an endpoint. */
  private readonly asked: WeakMap<MemoryTransport, number> = new WeakMap();
  private readonly origins: WeakMap<Transport, SimulatedOrigin> = new WeakMap();
  private readonly transports: Set<Transport> = new Set();
  private readonly attempts: Attempts = new Attempts((message) => this.fail(message));
  private violation: Violation | null = null;
  private events: number = 0;
  private generation: number = 0;
  /** When the drain began. */
  private drainedAtMs: number = Infinity;
  private isDraining: boolean = false;
  private isDrained: boolean = false;

  constructor(plan: Plan) {
    this.seed = plan.seed;
    this.mayBeSilent = plan.events.some(({ kind }) => kind === "silent");
    const draw = new Draw(seedOf(plan.seed, -1));
    const isWhole = draw.oneIn(3);
    this.network = new MemoryNetwork({
      receiveBytes: plan.receiveBytes,
      choices: {
        next: (count) => draw.between(0, count - 1),
        cut: (available) => (isWhole || draw.oneIn(2) ? available : 1 + Math.min(available - 1, draw.size(available))),
        random: () => draw.random(),
      },
    });
    this.clock = this.network.clock;
    const { platform } = this.network;
    this.serving = new Serving({
      workerIndex: 0,
      endpoints: this.endpoints,
      workers: this.workers,
      names: new NameTable(),
      socketsMax: Infinity,
      platform: {
        ...platform,
        dial: (...args) => {
          const transport = platform.dial(...args) as MemoryTransport;
          const write = transport.write.bind(transport);
          transport.write = (data) => {
            this.sends(transport, data);
            return write(data);
          };
          this.transports.add(transport);
          return transport;
        },
      },
      buckets: new BucketTable(BucketTable.create(1, 2, 64)),
      output: {
        access: (record) => this.records.push({ ...record }),
        event: () => {},
        tick: () => this.tick(),
        released: (generation) => this.totals.released(generation, 0),
      },
      status: () => () => "",
      features: FEATURES,
      readFile: () => "",
    });
    this.configure(0);
    for (let endpoint = 0; endpoint < ENDPOINTS; endpoint++) this.setEndpoint(endpoint, "accept");
    this.clients = plan.clients.map((client) => new SimulatedClient(this, client));
    for (const { requests } of plan.clients) for (const request of requests) this.requests.set(request.id, request);
    for (const event of plan.events) this.clock.after(event.atMs, () => this.happens(event));
  }

  run(): Outcome {
    try {
      this.settle();
      while (this.violation === null && this.clock.step(REST_MS)) if (this.network.hasEvents) this.settle();
      if (this.violation === null) this.checkAtRest();
    } catch (error) {
      this.violation ??=
        error instanceof Violation ? error : new Violation(`it threw: ${error instanceof Error ? error.stack : String(error)}`);
    }
    return { exchanges: this.records.length, events: this.events, violation: this.violation };
  }

  fail(message: string): void {
    this.violation ??= new Violation(`at ${this.clock.nowMs} ms: ${message}`);
  }

  connect(client: SimulatedClient, onConnect: (transport: Transport) => void): Transport {
    return this.network.connect("proxy:80", client, client, onConnect);
  }

  /** A request has come to an endpoint; how often it had come before. */
  arrived(request: RequestPlan): number {
    const before = this.arrivals.get(request.id) ?? 0;
    this.arrivals.set(request.id, before + 1);
    if (before > 0 && request.method === "POST") this.fail(`POST ${request.id} comes to an endpoint twice`);
    return before;
  }

  /** All of it has come; how often it had come before. */
  whole(request: RequestPlan): number {
    this.wholes.set(request.id, (this.wholes.get(request.id) ?? 0) + 1);
    return (this.arrivals.get(request.id) ?? 1) - 1;
  }

  /**
   * The proxy writes on a connection to an endpoint. What an endpoint says unasked may pass for the answer to a request that was on its way;
   * but no request may begin after bytes were read that belong to none of the answers before it.
   */
  private sends(transport: MemoryTransport, data: string | readonly (string | Buffer)[]): void {
    const [first = ""] = typeof data === "string" ? [data] : data;
    if (!/^(?:GET|HEAD|POST|PUT|DELETE) \//.test(typeof first === "string" ? first : first.toString("latin1", 0, 8))) return;
    if (this.isDrained) this.fail("a request begins after all was drained");
    const asked = this.asked.get(transport) ?? 0;
    this.asked.set(transport, asked + 1);
    const ends = transport.peer === null ? undefined : this.origins.get(transport.peer)?.ends;
    if (asked > 0 && transport.readBytes > (ends?.[asked - 1] ?? Infinity))
      this.fail("a request begins after bytes that belong to no answer");
  }

  private get thread(): Thread {
    const { thread } = this.serving;
    if (thread === null) throw new Violation("there is no thread");
    return thread;
  }

  private happens({ kind, endpoint }: Event): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.endpoints.inFlight(slot) < 0) this.fail(`${this.endpoints.inFlight(slot)} exchanges in flight at slot ${slot}`);
    }
    if (kind === "reload") {
      if (!this.isDraining) this.configure(this.generation);
    } else if (kind === "drain") {
      if (this.isDraining) return;
      this.isDraining = true;
      this.drainedAtMs = this.clock.nowMs;
      this.network.listen("proxy:80", "ECONNREFUSED");
      this.serving.drain(DRAIN_MS);
    } else this.setEndpoint(endpoint, kind);
  }

  private setEndpoint(endpoint: number, kind: "refuse" | "accept" | "silent"): void {
    const address = `endpoint-${endpoint}.test:80`;
    if (kind !== "accept") return this.network.listen(address, kind === "silent" ? "silent" : "ECONNREFUSED");
    this.network.listen(address, (open) => {
      const origin = new SimulatedOrigin(this);
      const transport = open(origin, origin);
      this.origins.set(transport, origin);
      origin.start(transport);
      transport.start();
    });
  }

  private configure(variant: number): void {
    const config = CONFIGS[variant % CONFIGS.length];
    if (config === undefined) throw new Violation("there is no configuration");
    const prepared = this.generations.prepare(config);
    if ("problem" in prepared) throw new Violation(prepared.problem);
    this.serving.configure(prepared.message);
    prepared.commit();
    this.generation = prepared.message.generation;
    const [context] = this.serving.contexts;
    if (this.generation > 1 || context === undefined) return;
    this.attempts.watch(this.thread);
    this.network.listen("proxy:80", (open) => {
      context.accept((reader, writer) => {
        const transport = open(reader, writer);
        this.transports.add(transport);
        return transport;
      }, "192.0.2.1");
    });
  }

  private tick(): void {
    if (this.isDraining) {
      // What had not ended by then is cut within the next call.
      if (this.clock.nowMs >= this.drainedAtMs + DRAIN_MS) this.isDrained = true;
      if (this.serving.drained(this.clock.nowMs) !== null) this.isDrained = true;
    }
    for (const transport of this.transports) {
      if (transport.destroyed) this.transports.delete(transport);
      else if (transport.queuedBytes > QUEUED_BYTES_MAX) this.fail(`${transport.queuedBytes} bytes pile up on one connection`);
    }
  }

  private settle(): void {
    const { network, thread } = this;
    for (let left = EVENTS_MAX; network.step();) {
      this.events++;
      if (thread.chunk.isOpen) this.fail("an event leaves the open chunk");
      if (this.violation !== null) return;
      if (--left === 0) return this.fail("events go round in circles");
    }
  }

  private checkAtRest(): void {
    if (!this.isDraining) {
      for (const { connections } of this.serving.contexts)
        if (connections.size > 0) this.fail(`${connections.size} client connections are left`);
      const idle = this.totals.snapshot().counters.upstream_connections_open;
      if (idle > 0) this.fail(`${idle} connections to endpoints outlive their idle limit`);
      this.serving.close();
      this.settle();
    }
    const { thread } = this;
    const { counters, requests } = this.totals.snapshot();
    for (const gauge of ["connections_open", "exchanges_in_flight", "upstream_connections_open", "tunnels_open"] as const) {
      if (counters[gauge] !== 0) this.fail(`${gauge} is ${counters[gauge]} at the end`);
    }
    for (let slot = 0; slot < SLOTS; slot++)
      if (this.endpoints.inFlight(slot) !== 0) this.fail(`${this.endpoints.inFlight(slot)} exchanges in flight at slot ${slot} at the end`);
    if (thread.snapshot.exchangesOpen !== 0) this.fail("the snapshot has open exchanges at the end");
    const counted = requests.reduce((sum, { count }) => sum + count, 0);
    if (counted !== this.records.length) this.fail(`${counted} exchanges are counted and ${this.records.length} logged`);
    for (const url of new Set(this.records.map(({ endpoint }) => endpoint))) {
      const counted = requests.reduce((sum, { endpoint, count }) => sum + (endpoint === url ? count : 0), 0);
      const logged = this.records.filter(({ endpoint }) => endpoint === url).length;
      if (counted !== logged) this.fail(`${counted} exchanges are counted and ${logged} logged of ${url}`);
    }
    this.checkLog();
  }

  /** Neither the client nor an endpoint, in any attempt, pauses for as long as a limit: nothing may have stood still. */
  private isBrisk(client: SimulatedClient, { id }: RequestPlan, { attempts }: AccessRecord): boolean {
    if (!client.isReadingOn || this.mayBeSilent) return false;
    return Array.from({ length: attempts }, (_, time) => answerTo(this.seed, id, time)).every(
      ({ delayMs, readPauseMs, pieceBytes, pieceEveryMs, ending }) =>
        delayMs <= IN_TIME_MS && readPauseMs === 0 && (pieceEveryMs === 0 || pieceBytes >= HEAD_BYTES) && ending !== "stall",
    );
  }

  /** Every request is logged once, and as its client and the endpoints saw it. */
  private checkLog(): void {
    const logged = new Map<number, AccessRecord>();
    for (const record of this.records) {
      const id = idOf(record.path);
      if (id === 0) continue;
      if (logged.has(id)) this.fail(`request ${id} is logged twice`);
      logged.set(id, record);
    }
    for (const [id, { attempts }] of logged) {
      const seen = this.attempts.count(id);
      if (attempts !== seen) this.fail(`request ${id} is logged with ${attempts} attempts, and ${seen} were made`);
    }
    for (const id of this.arrivals.keys()) if (!logged.has(id)) this.fail(`request ${id} came to an endpoint and is not logged`);
    for (const client of this.clients) {
      for (const [id, { status, isWhole }] of client.seen) {
        const record = logged.get(id);
        if (record === undefined) this.fail(`request ${id} was answered with ${status} and is not logged`);
        else if (record.status !== status) this.fail(`request ${id} was answered with ${status} and logged with ${record.status}`);
        else if (record.outcome === "completed" && client.isReadingOn && !isWhole)
          this.fail(`request ${id} is logged as completed, and its client waits`);
      }
      const late = client.plan.requests.filter(({ id }) => (logged.get(id)?.startedAtMs ?? 0) > this.drainedAtMs);
      if (late.length > 1)
        this.fail(`requests ${late.map(({ id }) => id).join(", ")} of one connection were begun after the drain had begun`);
      if (!client.isReadingOn) continue;
      this.checkTunnel(client, logged);
      for (const request of client.plan.requests) {
        const { id } = request;
        const record = logged.get(id);
        if (record !== undefined && STANDSTILLS.has(record.outcome) && this.isBrisk(client, request, record))
          this.fail(`request ${id} ends with ${record.outcome}, though nobody pauses`);
        if (logged.get(id)?.outcome === "completed" && !client.seen.has(id))
          this.fail(`request ${id} is logged as completed, and its client saw nothing`);
      }
    }
  }

  /** A tunnel between two that say all they have to say brings all of it. */
  private checkTunnel({ tunnel, plan }: SimulatedClient, logged: ReadonlyMap<number, AccessRecord>): void {
    const request = plan.requests.at(-1);
    if (tunnel === null || request === undefined || this.isDraining) return;
    const { id, tunnelBytes } = request;
    const { bytes, ending } = answerTo(this.seed, id, (this.arrivals.get(id) ?? 1) - 1);
    if (ending !== "whole") return;
    const outcome = logged.get(id)?.outcome;
    if (outcome === "tunnel_idle") this.fail(`the tunnel of ${id} stood still while both sides had something to say`);
    if (outcome !== "tunnel") return;
    const arrived = [tunnel.receivedBytes, this.tunnels.get(id)?.receivedBytes];
    if (arrived[0] !== bytes || arrived[1] !== tunnelBytes) {
      this.fail(`the tunnel of ${id} brought ${arrived.join(" and ")} of ${bytes} and ${tunnelBytes} bytes`);
    }
  }
}

const LIMITS = `
listeners:
  - address: "127.0.0.1:80"
    timeouts: { request_head: 3s, idle: 4s, keep_alive: 5s, half_closed: 2s }
workers: 1
logging: { access: true }
routes:
  - { match: { path: "/a/*" }, upstream: a }
  - { match: { path: "/b/*" }, upstream: b }
  - { match: { path: "/small/*" }, upstream: a, max_body: ${SMALL_BODY_MAX} }
`;
const TIMES =
  "timeouts: { connect: 1s, response_head: 4s, idle: 4s, tunnel_idle: 6s }, keep_alive: { idle: 3s, max_idle: 4, max_age: 10s }";

/** What reloads go through: an endpoint less, other limits, another order with weights, and back. */
const CONFIGS: readonly Config[] = [
  `a: { endpoints: ["http://endpoint-0.test", "http://endpoint-1.test", "http://endpoint-2.test"], ${TIMES}, retries: 1 }\n  b: { endpoints: ["http://endpoint-3.test"], ${TIMES} }`,
  `a: { endpoints: ["http://endpoint-0.test", "http://endpoint-2.test"], ${TIMES} }\n  b: { endpoints: ["http://endpoint-3.test", "http://endpoint-1.test"], ${TIMES}, retries: 0 }`,
  `a: { endpoints: [{ url: "http://endpoint-2.test", weight: 3 }, "http://endpoint-0.test", "http://endpoint-1.test"], ${TIMES} }\n  b: { endpoints: ["http://endpoint-3.test"], ${TIMES}, via: false }`,
].map((upstreams) => {
  const result = parseConfig(`${LIMITS}upstreams:\n  ${upstreams}\n`, "simulation", {}, () => "");
  if ("problems" in result) throw new Error(result.problems.map(({ message }) => message).join("\n"));
  return result.config;
});
