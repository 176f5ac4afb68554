/**
 * One run of the simulator: the proxy's whole data plane in memory and in virtual time, with the clients and endpoints of a plan, and the checks.
 * After every event the open chunk must be closed and nothing may pile up. At the end, when all clients are gone, nothing may be left, and log and
 * counters must have everything that happened exactly once. Longer than other files, because each part of the world knows the others.
 */
import type { Buffer } from "node:buffer";
import { endpointNames } from "../src/config/addresses/endpoint-names.ts";
import type { Config } from "../src/config/schema/schema.ts";
import type { SlotsByUpstream } from "../src/control/workers/endpoint-slots.ts";
import { Generations } from "../src/control/workers/generations.ts";
import { messageFor } from "../src/control/workers/worker-configuration.ts";
import { FEATURES } from "../src/features/features.ts";
import { PathRegexes } from "../src/regex/path-regexes.ts";
import type { PathRegex } from "../src/policy/route/path-regex.ts";
import type { FieldSection } from "../src/http/field-section.ts";
import type { RequestHead } from "../src/http/request-head.ts";
import { MemoryNetwork } from "../src/net/transport/memory/memory-network.ts";
import type { MemoryTransport } from "../src/net/transport/memory/memory-transport.ts";
import type { VirtualClock } from "../src/net/transport/memory/virtual-clock.ts";
import { checkStates } from "../src/net/h1/check-states.fixture.ts";
import { Serving } from "../src/net/serving.ts";
import type { Thread } from "../src/net/thread.ts";
import type { ConnectionAddresses } from "../src/proxy-protocol/header.ts";
import type { Transport } from "../src/net/transport/transport.ts";
import type { AccessRecord } from "../src/observe/access-record.ts";
import { MetricTotals } from "../src/observe/metric-totals.ts";
import { BucketTable } from "../src/shared/bucket-table.ts";
import { InFlightTable } from "../src/shared/in-flight-table.ts";
import { CredentialFiles } from "../src/shared/credential-files.ts";
import { ENDPOINT_HEALTH, EndpointTable } from "../src/shared/endpoint-table.ts";
import { NameTable } from "../src/shared/name-table.ts";
import { WorkerTable } from "../src/shared/worker-table.ts";
import { Attempts } from "./attempts.ts";
import { checkLog } from "./check-log.ts";
import { SimulatedClient } from "./client.ts";
import { AGE_MS_MAX, CONFIGS, LIMITS_MS_MAX, configAt, listenerAt, variantOf } from "./configs.ts";
import { countsLeft } from "./counts-left.ts";
import { Draw, seedOf } from "./draw.ts";
import { FILE_TURNS, SimulatedFiles } from "./files.ts";
import { faultOfEditedRequest } from "./edits.ts";
import { clientOf, faultOfRequest, isTrusted } from "./expected.ts";
import { Probes } from "./health.ts";
import { faultsOfHeldBodies } from "./held-bodies.ts";
import { Hooks, isFeatured } from "./hooks.ts";
import { Front } from "./front.ts";
import { KEYS_FILE, TAKEN_OUT_MS, faultOfIdentity, faultOfTrailers, keysFile } from "./identities.ts";
import { LogLines } from "./log-lines.ts";
import { SimulatedOrigin } from "./origin.ts";
import type { TunnelEnd } from "./tunnel-end.ts";
import { ENDPOINTS, LISTENERS, idOf } from "./plan.ts";
import { faultOfPatternRequest } from "./patterns.ts";
import { PROGRAM, Program } from "./program.ts";
import { SlowVerdicts } from "./slow-verdicts.ts";
import { SHADOW, Shadow } from "./shadow.ts";
import type { Event, Parts, Plan, RequestPlan } from "./plan.ts";
import { RequestIds, idRule } from "./request-ids.ts";
import type { IdRule } from "./request-ids.ts";

checkStates();

/** The library for regular expressions, as threads have it. */
const regexes = new PathRegexes();
await regexes.load();
/** Patterns that were compiled for an earlier configuration. They hold no state, and to compile one takes longer than most reloads. */
const patterns: Map<string, PathRegex> = new Map();

function compileRegex(pattern: string): PathRegex {
  let compiled = patterns.get(pattern);
  if (compiled === undefined) patterns.set(pattern, (compiled = regexes.compile(pattern)));
  return compiled;
}

/** Every client must be gone by this time. */
const CLIENTS_MS_MAX = 900_000;
/** How long the run goes on after the last client: longer than any time limit. */
const REST_MS = 2 * LIMITS_MS_MAX;
/** After this many events without time passing, a run is taken for an endless loop. */
const EVENTS_MAX = 2_000_000;
/** The most bytes that may wait on one connection: the largest read buffer, and what was collected before it. */
const QUEUED_BYTES_MAX = 340 * 1024;
const DRAIN_MS = 8000;
/** The most bytes that the proxy may hold of further requests: the amount at which it pauses reading, and one large read. */
const HELD_BYTES_MAX = 400 * 1024;
/** More slots than endpoints are in use at once, including those that reloads leave behind. */
const SLOTS = 64;
/** How often the run checks whether all clients are gone. */
const LOOK_MS = 500;
/** Outcomes of exchanges whose connection to an endpoint was never established. */
const GIVEN_UP = new Set(["connection_refused", "connection_timeout"]);
/** An idle client connection must end within this time after a drain began. Includes the precision of deadlines. */
const DRAIN_IDLE_MS = 600;
/** How late a deadline may be, because deadlines have the precision of ticks. */
const TICKS_MS = 60;
/** The longest chain of promises, which is that of a probe. */
const MICROTASKS = 6;

/** How the requests of clients begin. */
const REQUEST_START = /^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS) \//;
/** What is awaited to let promises bring what they can bring in one turn. */
const TURN: Promise<void> = Promise.resolve();

/** Something that must hold did not. */
export class Violation extends Error {}

export interface Outcome {
  readonly exchanges: number;
  readonly events: number;
  readonly virtualMs: number;
  /** What did not hold; null if everything did. */
  readonly violation: Violation | null;
}

/** A configuration that is, or was, in use. */
interface Used {
  readonly config: Config;
  readonly slots: SlotsByUpstream;
  readonly sinceMs: number;
}

export class World {
  readonly seed: number;
  readonly network: MemoryNetwork;
  readonly clock: VirtualClock;
  readonly clients: readonly SimulatedClient[];
  /** Those that may not be gone yet. */
  private readonly present: SimulatedClient[];
  /** All requests of the plan by id, with their clients. */
  readonly requests: Map<number, { readonly request: RequestPlan; readonly client: SimulatedClient }> = new Map();
  readonly records: AccessRecord[] = [];
  /** Ids of the requests that were logged. */
  readonly ended: Set<number> = new Set();
  /** The endpoints' sides of tunnels, by request id. */
  readonly tunnels: Map<number, TunnelEnd> = new Map();
  /** How often each request came to an endpoint, by id. */
  readonly arrivals: Map<number, number> = new Map();
  /** When each request first came to an endpoint, by id. */
  private readonly arrivedMs: Map<number, number> = new Map();
  readonly misled: Set<number> = new Set();
  misleadsSlowly: boolean = false;
  readonly mayBeSilent: boolean;
  readonly mayLackMemory: boolean;
  readonly hooks: Hooks = new Hooks(this);
  readonly lines: LogLines;
  readonly requestIds: RequestIds = new RequestIds((message) => this.fail(message));
  private readonly verdicts: SlowVerdicts = new SlowVerdicts(this);
  private readonly credentials: CredentialFiles = new CredentialFiles();
  private keysVersion: number = 0;
  private readonly files: SimulatedFiles;
  private readonly plan: Plan;
  private readonly program: Program;
  private readonly atOnce: InFlightTable = new InFlightTable(InFlightTable.create(1, 1, 2, 64));
  private readonly endpoints: EndpointTable = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(SLOTS)));
  readonly attempts: Attempts = new Attempts(this.endpoints, (message) => this.fail(message));
  private readonly totals: MetricTotals = new MetricTotals(1);
  private readonly workers: WorkerTable = new WorkerTable(WorkerTable.create(1, 2 * LISTENERS.length, 1, 2));
  private readonly generations: Generations = new Generations(this.endpoints, this.totals, this.workers);
  private readonly names: NameTable = new NameTable();
  private readonly probes: Probes;
  private readonly serving: Serving;
  /** The configurations used so far, the newest last. */
  private readonly used: Used[] = [];
  /** Endpoints that fail probes. */
  private readonly sick: Set<number> = new Set();
  readonly front: Front;
  /** How many requests were sent on each connection to an endpoint, and when the first one was. */
  private readonly asked: WeakMap<MemoryTransport, { readonly count: number; readonly sinceMs: number }> = new WeakMap();
  private readonly origins: WeakMap<Transport, SimulatedOrigin> = new WeakMap();
  /** For whom connections to endpoints are used that began with a PROXY header. */
  private readonly owners: WeakMap<SimulatedOrigin, SimulatedClient> = new WeakMap();
  private readonly shadows: WeakSet<Transport> = new WeakSet();
  private shadowConnections: number = 0;
  private readonly transports: Set<Transport> = new Set();
  private violation: Violation | null = null;
  private events: number = 0;
  private clientsAreGone: boolean = false;
  /** Drains of single listeners, by address, and of the whole thread (`address` null). */
  private readonly drains: { readonly address: string | null; readonly atMs: number }[] = [];
  private isDraining: boolean = false;
  private cutAtMs: number = Infinity;
  private isDrained: boolean = false;

  constructor(plan: Plan) {
    this.seed = plan.seed;
    this.plan = plan;
    this.mayLackMemory = plan.parts.buffers;
    this.lines = new LogLines(this, plan.parts.logged);
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
    this.front = new Front(
      this.network,
      this.transports,
      () => this.config,
      (message) => this.fail(message),
    );
    this.files = new SimulatedFiles(this);
    this.probes = new Probes(this.network, this.endpoints);
    const { platform } = this.network;
    this.serving = new Serving({
      workerIndex: 0,
      endpoints: this.endpoints,
      workers: this.workers,
      names: this.names,
      socketsMax: Infinity,
      platform: {
        ...platform,
        dial: (...args) => {
          const transport = platform.dial(...args) as MemoryTransport;
          const write = transport.write.bind(transport);
          transport.write = (data) => {
            this.checkRequestStart(transport, data);
            return write(data);
          };
          this.transports.add(transport);
          return transport;
        },
      },
      buckets: new BucketTable(BucketTable.create(1, 2, 64)),
      inFlight: this.atOnce,
      output: {
        access: (record) => {
          this.lines.takes(record);
          this.logs(record);
        },
        event: () => {},
        tick: () => this.tick(),
        certificateWanted: () => {},
        released: (generation) => this.totals.released(generation, 0),
      },
      status: () => () => "",
      features: FEATURES,
      environment: {},
      readFile: () => "",
      files: this.files,
      credentials: this.credentials,
      compileRegex,
    });
    this.configure();
    this.program = new Program(this.network, this.serving, this.transports);
    this.attempts.watch(this.thread);
    this.lines.watch(this.thread);
    for (let endpoint = 0; endpoint < ENDPOINTS; endpoint++) this.setEndpoint(endpoint, "accept");
    this.setShadow();
    this.clients = plan.clients.map((client) => new SimulatedClient(this, client));
    this.present = [...this.clients];
    for (const client of this.clients) for (const request of client.plan.requests) this.requests.set(request.id, { request, client });
    for (const event of plan.events) this.clock.after(event.atMs, () => this.happens(event));
    if (plan.parts.identified) this.clock.after(TAKEN_OUT_MS, () => this.readKeys());
    const cancel = this.clock.every(LOOK_MS, () => {
      this.clientsAreGone = this.clients.every(({ isGone }) => isGone);
      if (this.clientsAreGone) cancel();
    });
  }

  /** Runs the plan to its end, or to the first violation. */
  async run(): Promise<Outcome> {
    try {
      await this.settle();
      await this.pass(() => (this.clientsAreGone ? this.clock.nowMs : CLIENTS_MS_MAX));
      if (!this.clientsAreGone) this.fail(`${this.clients.filter(({ isGone }) => !isGone).length} clients are still there`);
      this.probes.stop();
      const restMs = this.clock.nowMs + REST_MS;
      await this.pass(() => restMs);
      if (this.violation === null) await this.checkAtRest();
    } catch (error) {
      this.violation ??=
        error instanceof Violation ? error : new Violation(`it threw: ${error instanceof Error ? error.stack : String(error)}`);
    }
    return { exchanges: this.records.length, events: this.events, virtualMs: this.clock.nowMs, violation: this.violation };
  }

  bodyBytes(id: number): number {
    return this.requests.get(id)?.request.bodyBytes ?? 0;
  }

  fail(message: string): void {
    this.violation ??= new Violation(`at ${this.clock.nowMs} ms: ${message}`);
  }

  // ---- clients ------------------------------------------------------------------------------------------------------

  connect(client: SimulatedClient, onConnect: (transport: MemoryTransport) => void): MemoryTransport {
    const { listener, address, isOfProgram, introduction } = client.plan;
    if (introduction !== null) this.front.awaits(client);
    return this.network.connect(isOfProgram ? PROGRAM : listener, client, client, onConnect, introduction?.sender ?? address);
  }

  /** How many final responses the client's connection may bring. */
  responsesMax({ connectedAtMs, plan }: SimulatedClient): number {
    const configs = this.configsDuring(connectedAtMs, this.clock.nowMs);
    return Math.max(...configs.map(({ listeners }) => listenerAt(listeners, plan.listener)?.limits.requests_per_connection ?? 0));
  }

  /** The configurations under which the client's connection may have begun the request, up to `toMs`. */
  configsOf(client: SimulatedClient, id: number, toMs: number): readonly Config[] {
    // The connections of a listener that was removed keep its old settings.
    const isRemoved = this.drainedAtMs(client) <= toMs;
    return this.configsDuring(isRemoved ? client.connectedAtMs : (client.knownFromMs.get(id) ?? 0), toMs);
  }

  /** What may become of the ids that the request brings. */
  idRules(client: SimulatedClient, { id, route }: RequestPlan): ReadonlySet<IdRule> {
    const configs = this.configsOf(client, id, this.clock.nowMs);
    const trusts = configs.map((config) => isTrusted(client.plan.address, config));
    return new Set(configs.flatMap((config) => trusts.map((trust) => idRule(this.parts.logged, route, variantOf(config), trust))));
  }

  configsDuring(fromMs: number, toMs: number): readonly Config[] {
    return this.usedDuring(fromMs, toMs).map(({ config }) => config);
  }

  private usedDuring(fromMs: number, toMs: number): readonly Used[] {
    return this.used.filter(({ sinceMs }, index) => sinceMs <= toMs && (this.used[index + 1]?.sinceMs ?? Infinity) >= fromMs);
  }

  // ---- endpoints ----------------------------------------------------------------------------------------------------

  /** A request has come to an endpoint. Returns how often it had come before. */
  arrived(request: RequestPlan, head: RequestHead, endpoint: number): number {
    const { id, method } = request;
    const before = this.arrivals.get(id) ?? 0;
    this.arrivals.set(id, before + 1);
    if (before === 0) this.arrivedMs.set(id, this.clock.nowMs);
    if (before > 0 && method === "POST") this.fail(`POST ${id} comes to an endpoint twice`);
    this.hooks.arrived(id);
    const client = this.requests.get(id)?.client;
    if (client === undefined) return before;
    this.front.mustBeIntroduced(client, "a request comes to an endpoint");
    this.requestIds.arrived(request, head, this.idRules(client, request));
    const configs = this.configsOf(client, id, this.clock.nowMs);
    const fault = faultOfRequest(head, request, client.plan, configs);
    if (fault !== null) this.fail(`of request ${id} that comes to an endpoint ${fault}`);
    const clients = configs.map((config) => clientOf(client.plan, config));
    const variants = configs.map(variantOf);
    const wrong =
      faultOfEditedRequest(head, request, `endpoint-${endpoint}.test`, variants, clients) ?? faultOfPatternRequest(head, request, variants);
    if (wrong !== null) this.fail(`request ${id}, which comes to an endpoint: ${wrong}`);
    this.tells(request, head, "which comes to an endpoint");
    return before;
  }

  /** An endpoint is told who the client of a request is. */
  tells(request: RequestPlan, head: RequestHead, what: string): void {
    const client = this.requests.get(request.id)?.client;
    if (!this.parts.identified || client === undefined) return;
    const { nowMs } = this.clock;
    const variants = this.configsOf(client, request.id, nowMs).map(variantOf);
    const fault = faultOfIdentity(head, request, variants, client.knownFromMs.get(request.id) ?? 0, nowMs);
    if (fault !== null) this.fail(`request ${request.id}, ${what}, ${fault}`);
  }

  /** The end of a request's body has come to an endpoint. */
  ends({ id }: RequestPlan, trailers: FieldSection | null): void {
    const client = this.requests.get(id)?.client;
    if (!this.parts.identified || client === undefined || trailers === null) return;
    const fault = faultOfTrailers(trailers, this.configsOf(client, id, this.arrivedMs.get(id) ?? 0).map(variantOf));
    if (fault !== null) this.fail(`the end of request ${id} ${fault}`);
  }

  /** A request comes over a connection whose header names a client: it must be the request's, and the connection no other client's before. */
  arrivedFor({ id }: RequestPlan, addresses: ConnectionAddresses | null, origin: SimulatedOrigin): void {
    const client = this.requests.get(id)?.client;
    if (client === undefined) return;
    const named = addresses?.source ?? "";
    const clients = this.configsOf(client, id, this.clock.nowMs).map((config) => clientOf(client.plan, config));
    if (!clients.includes(named)) this.fail(`request ${id} comes over a connection for ${named}`);
    const before = this.owners.get(origin);
    if (before !== undefined && before !== client) this.fail(`request ${id} comes over a connection that another client has used`);
    this.owners.set(origin, client);
  }

  get parts(): Parts {
    return this.plan.parts;
  }

  /** The status with which an endpoint answers a probe; 0 if it does not answer. */
  probeStatus(endpoint: number): number {
    if (!this.sick.has(endpoint)) return 200;
    return endpoint % 2 === 0 ? 503 : 0;
  }

  /**
   * The proxy writes on a connection to an endpoint. If this begins a request, checks that it may: a response that an endpoint sends without a
   * request may be taken for the answer to a request on its way, but no request may begin after the proxy has read such a response.
   */
  private checkRequestStart(transport: MemoryTransport, data: string | readonly (string | Buffer)[]): void {
    const first = typeof data === "string" ? data : (data[0] ?? "");
    if (!REQUEST_START.test(typeof first === "string" ? first : first.toString("latin1", 0, 9))) return;
    const isCopy = transport.peer !== null && this.shadows.has(transport.peer);
    // The process does not wait for copies, whose clients have their answers.
    if (this.isDrained && !isCopy) this.fail("a request begins after all was drained");
    const { count: asked, sinceMs } = this.asked.get(transport) ?? { count: 0, sinceMs: this.clock.nowMs };
    this.asked.set(transport, { count: asked + 1, sinceMs });
    if (this.clock.nowMs - sinceMs > AGE_MS_MAX + TICKS_MS) this.fail("a request begins on a connection that is older than it may be");
    const origin = transport.peer === null ? undefined : this.origins.get(transport.peer);
    if (asked === 0 || origin === undefined) return;
    if (transport.readBytes > (origin.ends[asked - 1] ?? Infinity)) this.fail("a request begins after bytes that belong to no answer");
    if (origin.hasSaidClose) this.fail("a request begins on a connection whose endpoint has said that it closes it");
  }

  private setEndpoint(endpoint: number, kind: "refuse" | "accept" | "silent"): void {
    const address = `endpoint-${endpoint}.test:80`;
    if (kind !== "accept") return this.network.listen(address, kind === "silent" ? "silent" : "ECONNREFUSED");
    this.network.listen(address, (open) => {
      const origin = new SimulatedOrigin(this, endpoint);
      const transport = open(origin, origin);
      this.origins.set(transport, origin);
      origin.start(transport);
      transport.start();
    });
  }

  /** The endpoint for copies of requests: in some runs nobody listens, or connects are not answered. */
  private setShadow(): void {
    const draw = new Draw(seedOf(this.seed, -118));
    if (draw.oneIn(6)) return this.network.listen(SHADOW, draw.oneIn(2) ? "silent" : "ECONNREFUSED");
    this.network.listen(SHADOW, (open) => {
      const shadow = new Shadow(this, this.shadowConnections++);
      const transport = open(shadow, shadow);
      this.shadows.add(transport);
      shadow.start(transport);
      transport.start();
    });
  }

  // ---- the proxy ----------------------------------------------------------------------------------------------------

  private get thread(): Thread {
    const { thread } = this.serving;
    if (thread === null) throw new Violation("there is no thread");
    return thread;
  }

  private get config(): Config {
    const used = this.used.at(-1);
    if (used === undefined) throw new Violation("there is no configuration");
    return used.config;
  }

  /** Puts the next configuration into use. */
  private configure(): void {
    const variant = this.used.length % CONFIGS;
    const config = configAt(this.plan.parts, variant);
    const prepared = this.generations.prepare(config);
    if ("problem" in prepared) throw new Violation(prepared.problem);
    const slots = prepared.configuration.endpointSlots;
    this.used.push({ config, slots, sinceMs: this.clock.nowMs });
    if (this.parts.identified) this.readKeys();
    const thread = this.serving.configure(messageFor(prepared.configuration, this.serving.thread?.snapshot.generation ?? 0));
    this.lines.uses(thread.snapshot, config, variant);
    prepared.commit();
    // The memory network connects by name, so no lookup may ever be under way.
    for (const name of endpointNames(config)) this.names.take({ name, result: [] });
    for (const { address, slot } of prepared.listeners.closed) {
      this.network.listen(address, "ECONNREFUSED");
      this.watchDrain(address);
      this.serving.closeListener(slot, DRAIN_MS);
    }
    for (const { address, position } of prepared.listeners.opened) {
      const context = this.serving.contexts[position];
      if (context !== undefined) this.front.listen(address, context);
    }
    config.listeners.forEach(({ address }, index) => {
      const context = this.serving.contexts[index];
      if (context !== undefined && this.plan.parts.introduced) this.front.watchHandshakes(address, context);
    });
    if (this.plan.parts.middleware) this.hooks.bind(thread.snapshot);
    if (this.plan.parts.identified) this.verdicts.bind(thread.snapshot);
    if (this.plan.parts.health) this.probes.apply(config, slots);
  }

  private readKeys(): void {
    const text = keysFile(variantOf(this.config), this.clock.nowMs);
    this.credentials.take([{ path: KEYS_FILE, version: ++this.keysVersion, text }]);
  }

  private happens({ kind, endpoint }: Event): void {
    for (let slot = 0; slot < SLOTS; slot++) {
      if (this.endpoints.inFlight(slot) < 0) this.fail(`${this.endpoints.inFlight(slot)} exchanges in flight at slot ${slot}`);
    }
    if (kind === "reload") {
      if (!this.isDraining) this.configure();
    } else if (kind === "drain") this.drain();
    else if (kind === "sick") this.sick.add(endpoint);
    else if (kind === "well") this.sick.delete(endpoint);
    else this.setEndpoint(endpoint, kind);
  }

  /** A drain has begun, of the listener at `address` or of all (null): client connections that rest now and go on resting must be ended. */
  private watchDrain(address: string | null): void {
    const { nowMs } = this.clock;
    this.drains.push({ address, atMs: nowMs });
    const pending = this.front.handshakes(address);
    this.clock.after(DRAIN_IDLE_MS, () => {
      const now = new Set(this.front.handshakes(address));
      if (pending.some((each) => now.has(each))) this.fail("a handshake goes on in a drain");
      for (const client of this.clients) {
        const { restsSinceMs, plan } = client;
        if (restsSinceMs === null || restsSinceMs > nowMs || (address !== null && address !== plan.listener)) continue;
        if (!client.hasEnded && !client.isGone && client.isReadingOn)
          this.fail(`an idle connection of ${plan.address} is not ended by the drain`);
      }
    });
  }

  /** When the drain of the client's connection began; Infinity if it did not. */
  drainedAtMs({ connectedAtMs, plan }: SimulatedClient): number {
    const drain = this.drains.find(({ address, atMs }) => atMs >= connectedAtMs && (address === null || address === plan.listener));
    return drain?.atMs ?? Infinity;
  }

  private drain(): void {
    if (this.isDraining) return;
    this.watchDrain(null);
    this.isDraining = true;
    this.cutAtMs = this.clock.nowMs + DRAIN_MS;
    for (const { address } of this.config.listeners) this.network.listen(address, "ECONNREFUSED");
    this.serving.drain(DRAIN_MS);
    this.program.drain();
  }

  private tick(): void {
    if (this.isDraining) {
      // The next call cuts what has not ended.
      if (this.clock.nowMs >= this.cutAtMs) this.isDrained = true;
      if (this.serving.drained(this.clock.nowMs) !== null) this.isDrained = true;
    }
    this.checkHeldBytes();
    for (const fault of faultsOfHeldBodies(this.serving, this.workers, false)) this.fail(fault);
    for (const transport of this.transports) {
      if (transport.destroyed) this.transports.delete(transport);
      else if (transport.queuedBytes > QUEUED_BYTES_MAX) this.fail(`${transport.queuedBytes} bytes pile up on one connection`);
    }
  }

  private checkHeldBytes(): void {
    const { present } = this;
    let left = 0;
    for (const client of present) {
      // Nothing is held for a client that is gone, and none comes back.
      if (client.isGone) continue;
      present[left++] = client;
      const { heldBytes } = client;
      if (heldBytes > HELD_BYTES_MAX) this.fail(`${heldBytes} bytes of requests to come are held`);
    }
    present.length = left;
  }

  unlogged(record: AccessRecord): void {
    this.logs(record);
  }

  private logs(record: AccessRecord): void {
    this.records.push({ ...record });
    const id = idOf(record.path);
    this.requestIds.logged(id, record.requestId);
    if (id === 0) return;
    this.ended.add(id);
    const client = this.requests.get(id)?.client;
    if (client !== undefined) this.front.mustBeIntroduced(client, "a request is logged");
    if (record.outcome === "rate_limited" && record.route === "limited") this.hooks.limited(record.client, id);
    const request = this.requests.get(id)?.request;
    // Not on routes with middleware: attempts that middleware asks for count even on idle connections.
    if (GIVEN_UP.has(record.outcome) && request?.framing === "none" && !isFeatured(request.route)) this.attempts.checkGivenUp(id);
    // A response may have been dropped for an endpoint that became unhealthy in the pause before it was asked.
    const wasDropped = record.route === "again" && record.attempts > 0;
    if (record.outcome === "no_endpoint" && !wasDropped && !this.noneIsUsable(record))
      this.fail(`request ${id} is told that there is no endpoint, and there is one`);
  }

  /** Whether no endpoint was usable, under one of the configurations that the request may have run under. */
  private noneIsUsable({ route, startedAtMs }: AccessRecord): boolean {
    return this.usedDuring(startedAtMs, this.clock.nowMs).some(({ config, slots }) => {
      const upstream = config.routes.find(({ name }, index) => (name ?? `#${index + 1}`) === route)?.upstream ?? "";
      return (slots[upstream] ?? []).every((slot) => this.endpoints.health(slot) === ENDPOINT_HEALTH.unhealthy);
    });
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  /** Lets time pass until `limit`, which is asked again and again, in milliseconds. */
  private async pass(limit: () => number): Promise<void> {
    while (this.violation === null && this.clock.step(limit())) {
      if (this.network.hasEvents || this.isAwaited || this.verdicts.isVerifying) await this.settle();
    }
  }

  /** Whether promises may bring something before time passes. */
  private get isAwaited(): boolean {
    return this.hooks.pending > 0 || this.probes.pending > 0 || this.files.pending > 0 || this.verdicts.pending > 0;
  }

  /** Delivers events until none is left before time passes. */
  private async settle(): Promise<void> {
    const { network, thread } = this;
    for (let left = EVENTS_MAX; left > 0; left--) {
      const microtasks = this.files.pending > 0 ? FILE_TURNS : this.isAwaited ? MICROTASKS : 0;
      for (let task = 0; task < microtasks; task++) await TURN;
      if (this.verdicts.isVerifying) await this.verdicts.verified();
      if (!network.step()) return;
      this.events++;
      if (thread.chunk.isOpen) this.fail("an event leaves the open chunk");
      if (this.violation !== null) return;
    }
    this.fail("events go round in circles");
  }

  private async checkAtRest(): Promise<void> {
    if (!this.isDraining) {
      for (const { connections } of this.serving.contexts)
        if (connections.size > 0) this.fail(`${connections.size} client connections are left`);
      const idle = this.totals.snapshot().counters.upstream_connections_open;
      if (idle > 0) this.fail(`${idle} connections to endpoints outlive their idle limit`);
      this.serving.close();
      await this.settle();
    }
    const { thread } = this;
    const { counters, requests } = this.totals.snapshot();
    // A tunnel that is over gives its endpoint some time to close. After a drain the process does not wait for that.
    const halves = this.isDraining ? this.tunnels.size : 0;
    const { upstream_connections_open: upstreams } = counters;
    if (upstreams < 0 || upstreams > halves) this.fail(`upstream_connections_open is ${upstreams} at the end`);
    for (const gauge of ["connections_open", "exchanges_in_flight", "tunnels_open"] as const) {
      if (counters[gauge] !== 0) this.fail(`${gauge} is ${counters[gauge]} at the end`);
    }
    for (const fault of [
      ...countsLeft(this.endpoints),
      ...(this.atOnce.total === 0 ? [] : [`${this.atOnce.total} places of concurrency limits are taken at the end`]),
      ...faultsOfHeldBodies(this.serving, this.workers, true),
      ...this.files.faults,
      ...this.lines.faults,
    ])
      this.fail(fault);
    if (thread.copies.size > 0) this.fail(`${thread.copies.size} copies of requests are left at the end`);
    if (thread.copies.bytes !== 0) this.fail(`copies hold ${thread.copies.bytes} bytes at the end`);
    if (thread.snapshot.exchangesOpen !== 0) this.fail("the snapshot has open exchanges at the end");
    const counted = requests.reduce((sum, { count }) => sum + count, 0);
    if (counted !== this.records.length) this.fail(`${counted} exchanges are counted and ${this.records.length} logged`);
    for (const url of new Set(this.records.map(({ endpoint }) => endpoint))) {
      const ofUrl = requests.reduce((sum, { endpoint, count }) => sum + (endpoint === url ? count : 0), 0);
      const logged = this.records.filter(({ endpoint }) => endpoint === url).length;
      if (ofUrl !== logged) this.fail(`${ofUrl} exchanges are counted and ${logged} logged of ${url}`);
    }
    checkLog(this);
  }
}
