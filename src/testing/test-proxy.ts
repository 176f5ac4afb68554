/**
 * `millrace/testing`: a whole proxy inside a test. Configuration, router, features, exchange and HTTP codec are the real ones, but work
 * over connections in memory, without a port, a thread or a certificate. Time passes only when the test calls `advance`.
 *
 * ```ts
 * const proxy = await testProxy({ routes: [{ upstream: "app" }] }, { upstreams: { app: () => new Response("hi") } });
 * const response = await proxy.fetch("http://example.com/");
 * ```
 */
import { isIP } from "node:net";
import { pathToFileURL } from "node:url";
import { parseDuration } from "../base/duration.ts";
import { endpointNames } from "../config/addresses/endpoint-names.ts";
import { checkConfig, parseConfig } from "../config/load.ts";
import type { ParsedConfig } from "../config/load.ts";
import { formatProblem } from "../config/problems/problem.ts";
import { needsRegexes } from "../config/needs-regexes.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { descriptionProblems } from "../regex/description-problems.ts";
import { patternProblems } from "../regex/pattern-problems.ts";
import { readObject } from "../config/document/read-object.ts";
import { isVocabulary } from "../config/schema/foreign-keys.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import type { Config } from "../config/schema/schema.ts";
import { FEATURES } from "../features/features.ts";
import { Generations } from "../control/workers/generations.ts";
import { HealthMonitor } from "../control/health/health.ts";
import { messageFor } from "../control/workers/worker-configuration.ts";
import { GivenMiddleware } from "../middleware/given-middleware.ts";
import type { LoadMiddleware } from "../middleware/installed-middleware.ts";
import { loadFrom } from "../middleware/load-module.ts";
import { ThreadMiddleware } from "../middleware/thread-middleware.ts";
import { MemoryNetwork } from "../net/transport/memory/memory-network.ts";
import { Serving } from "../net/serving.ts";
import { AccessWriters, lineOf } from "../observe/access-line.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { AppLog } from "../observe/app-log.ts";
import { MetricTotals } from "../observe/metric-totals.ts";
import { NO_TLS } from "../observe/certificate-reading.ts";
import { metricsText } from "../observe/metrics-text.ts";
import { statusDocument } from "../observe/status.ts";
import type { StatusDocument } from "../observe/status.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { NameTable } from "../shared/name-table.ts";
import { unreadFiles, unreadTls } from "../shared/upstream-tls.ts";
import { LISTENER_SLOTS, WorkerTable } from "../shared/worker-table.ts";
import { TestConnection } from "./connection.ts";
import { fetchOver } from "./http-client.ts";
import type { ReceivedRequest } from "./http-origin.ts";
import { MemoryFiles } from "./memory-files.ts";
import { Metrics } from "./metrics.ts";
import { askerOver, serveOutside } from "./outside.ts";
import { probeOver } from "./probe.ts";
import type { TestOrigin } from "./origin-script.ts";
import { Pump } from "./pump.ts";
import { addressOf, checkOrigins, givenFor, isList, type Origins } from "./origins.ts";
import { completed, type TestConfig } from "./test-config.ts";
import { CLIENT, openFor } from "./load-balancer.ts";
import { tlsOf, type TestTls } from "./test-tls.ts";
import { TestNamedFiles } from "./test-named-files.ts";
import { serveOrigin } from "./upstreams.ts";
import { fileAmong, testSecrets, textOf } from "./test-files.ts";
import type { TestStore } from "./test-store.ts";
import { TestStores } from "./test-stores.ts";

export type { AcmeCertificateStatus, CertificateStatus, EndpointStatus, HealthWord, StatusDocument } from "../observe/status.ts";
export type { StoreStatus, UpstreamStatus } from "../observe/status.ts";
export { ConnectionEnded } from "./connection.ts";
export type { Awaited, TestConnection } from "./connection.ts";
export type { OriginContext, OriginFunction, ReceivedRequest } from "./http-origin.ts";
export type { Metrics } from "./metrics.ts";
export { script } from "./origin-script.ts";
export type { TestConfig } from "./test-config.ts";
export { TestStore } from "./test-store.ts";
export type { TestStoreMood } from "./test-store.ts";
export type { TestTls } from "./test-tls.ts";
export type { OriginScript, TestOrigin } from "./origin-script.ts";

/** A checked configuration, and the middleware that the object holds itself. */
interface ReadConfig extends ParsedConfig {
  readonly held: GivenMiddleware;
}

/** What surrounds the proxy of a test. */
export interface TestProxyOptions {
  /**
   * The functions and scripts that answer requests, by the upstream's name (a list has one for each endpoint) or by an endpoint's URL.
   * Endpoints without one refuse connections. An identity provider of `authentication.oidc` is answered for under its URL, too.
   */
  readonly upstreams?: Readonly<Record<string, TestOrigin | readonly TestOrigin[]>>;
  /** Values of `${NAME}` in the configuration. The machine's environment is not used. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Contents of the files that the configuration names, texts or bytes, by path as written there: `credential:NAME` too, and what programs print by their command line. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** The stores of the configuration, by name. One that is not given is in memory, and this proxy's alone. */
  readonly stores?: Readonly<Record<string, TestStore>>;
  /** The proxy's time at the start, in milliseconds since 1970. */
  readonly startsAt?: number;
}

/** Who sends a request or opens a connection. */
export interface ClientOptions {
  /** The client's IP address; 192.0.2.1 by default. */
  readonly from?: string;
  /** Index of the listener to connect to; 0 by default. */
  readonly listener?: number;
  /**
   * The client's connection is one of TLS, and this is known of it, such as a verified certificate. No handshake is made, whatever `tls` of the listener
   * says. Absent: a plain connection.
   */
  readonly tls?: TestTls;
}

/**
 * A line of the log, as an object: an exchange (`event: "access"`) or an event of the application log. Where `template` spells the lines of exchanges, the text
 * is in `line`.
 */
export type LogEntry = Readonly<Record<string, string | number | boolean | Readonly<Record<string, string>>>>;

const VERSION = "0.0.0-test";
/** Buckets for rate limits: clients whose limits can be tracked at the same time. */
const BUCKETS = 4096;
const STARTS_AT = Date.UTC(2026, 0, 1);
/** The monotonic clock must not begin at 0, because the data plane takes a time of 0 for "not yet". */
const CLOCK_STARTS_AT_MS = 1000;
const ENDPOINTS_MAX = 1024;

/** Starts a proxy. Rejects with an Error that names every problem of the configuration. Call `close` at the end of the test. */
export async function testProxy(config: TestConfig, options: TestProxyOptions = {}): Promise<TestProxy> {
  const proxy = TestProxy.of(config, options);
  try {
    await proxy.start();
    return proxy;
  } catch (error) {
    proxy.close();
    throw error;
  }
}

/**
 * A whole proxy in memory, made by {@link testProxy}. Its time stands still between calls of `advance`. `using proxy = await testProxy(...)` closes
 * it by itself.
 */
export class TestProxy {
  private readonly entries: LogEntry[] = [];
  /** Everything that was logged, exchanges and events, in order. */
  readonly log: readonly LogEntry[] = this.entries;
  private readonly options: TestProxyOptions;
  /** The functions and scripts that answer, from the options, `serve` and `reload`. */
  private origins: Origins;
  private readonly network: MemoryNetwork;
  private readonly pump: Pump;
  private readonly serving: Serving;
  private readonly received: Map<string, ReceivedRequest[]> = new Map();
  private readonly connections: Set<TestConnection> = new Set();
  /** How many TLS connections clients have opened. */
  private tlsConnections: number = 0;
  private readonly endpoints: EndpointTable = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(ENDPOINTS_MAX)));
  private readonly buckets: BucketTable = new BucketTable(BucketTable.create(0, 0, BUCKETS));
  private readonly names: NameTable = new NameTable();
  private readonly totals: MetricTotals = new MetricTotals(1);
  private readonly workers: WorkerTable = new WorkerTable(WorkerTable.create(1, LISTENER_SLOTS, 0, 0));
  private readonly generations: Generations = new Generations(this.endpoints, this.totals, this.workers);
  private readonly named: TestNamedFiles;
  private readonly stores: TestStores;
  private readonly monitor: HealthMonitor;
  private readonly appLog: AppLog;
  private readonly middleware: ThreadMiddleware;
  private readonly regexes: PathRegexes = new PathRegexes();
  private readonly first: ReadConfig;
  /** The middleware that the newest configuration holds itself. */
  private held: GivenMiddleware = new GivenMiddleware({});
  private config: Config;
  private isClosed: boolean = false;
  private endpointSlots: Readonly<Record<string, readonly number[]>> = {};
  private listenerSlots: readonly number[] = [];
  private generation: number = 0;

  /** @internal Use {@link testProxy}. */
  static of(given: TestConfig, options: TestProxyOptions): TestProxy {
    return new TestProxy(given, options);
  }

  private constructor(given: TestConfig, options: TestProxyOptions) {
    this.options = options;
    const network = new MemoryNetwork({ epochMs: (options.startsAt ?? STARTS_AT) - CLOCK_STARTS_AT_MS });
    network.clock.step(CLOCK_STARTS_AT_MS);
    this.network = network;
    this.pump = new Pump(network);
    this.origins = options.upstreams ?? {};
    this.first = this.read(given, this.origins);
    const { config } = this.first;
    checkOrigins(this.origins, config);
    this.config = config;
    const { clock, platform } = network;
    this.appLog = createAppLog({ level: config.logging.level, format: "json", write: (line) => this.logged(line), now: platform.epochMs });
    this.monitor = new HealthMonitor({
      table: this.endpoints,
      log: this.appLog,
      now: () => clock.nowMs,
      random: () => platform.random(),
      after: (ms, then) => clock.after(ms, then),
      tls: unreadTls,
      probe: probeOver(network),
    });
    this.named = new TestNamedFiles(
      (name) => fileAmong(options.files, name),
      clock,
      this.appLog,
      (pattern) => this.regexes.compile(pattern),
    );
    this.stores = new TestStores(network, this.appLog, options.stores ?? {});
    const writers = new AccessWriters("json");
    this.serving = new Serving({
      workerIndex: 0,
      endpoints: this.endpoints,
      workers: this.workers,
      names: this.names,
      socketsMax: Infinity,
      platform,
      buckets: this.buckets,
      inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, BUCKETS)),
      responses: this.stores.responses,
      output: {
        access: (record) => {
          const line = lineOf(writers.for(record), record);
          this.entries.push(record.shape.template === null ? (JSON.parse(line) as LogEntry) : { event: "access", line: line.trimEnd() });
        },
        event: (level, event, message, fields) => this.appLog.log(level, event, message, fields),
        tick: (now) => {
          this.middleware.tick();
          this.stores.ofThread.tick(now);
          for (const { notices, config: listener } of this.serving.contexts) notices.tick(listener);
        },
        certificateWanted: () => {},
        released: (generation) => {
          this.middleware.released(generation);
          this.totals.released(generation, 0);
        },
      },
      status: () => () => JSON.stringify(this.status),
      features: FEATURES,
      compileRegex: (pattern) => this.regexes.compile(pattern),
      environment: options.environment ?? {},
      readFile: (name) => this.file(name),
      lists: this.named.lists,
      descriptions: this.named.descriptions,
      credentials: this.named.credentials,
      passwords: this.named.passwords,
      stores: this.stores.ofThread,
      logins: { ask: askerOver(network), table: new BucketTable(BucketTable.create(0, 0, BUCKETS)) },
      files: new MemoryFiles(() => options.files ?? {}, options.startsAt ?? STARTS_AT),
    });
    this.middleware = new ThreadMiddleware({
      workerIndex: 0,
      workers: this.workers,
      load: (entry) => this.load(entry),
      now: () => clock.nowMs,
      send: (message) => {
        if (message.type === "event") this.appLog.log(message.level, message.event, message.message, message.fields);
        else if (message.type === "counted") this.totals.countMiddleware(message.counts);
      },
      fetch: (upstream, request, options) => this.serving.fetch(upstream, request, options),
    });
  }

  /** @internal Use {@link testProxy}. */
  async start(): Promise<void> {
    await this.use(this.first);
    await this.advance(0);
  }

  /**
   * Sends a request, and resolves with the response when its head has come. Redirects are not followed. The URL's authority becomes `Host`;
   * no name is looked up. On a listener with `proxy_protocol` the request comes through a load balancer whose header names the client.
   */
  async fetch(url: string | URL, init: RequestInit & ClientOptions = {}): Promise<Response> {
    const connection = openFor(init, this.config.listeners[init.listener ?? 0], (options) => this.connect(options));
    return await fetchOver(connection, this.network.clock, new URL(url), init);
  }

  /** Opens a connection to the proxy, to send and receive raw bytes. */
  connect({ from = CLIENT, listener = 0, tls }: ClientOptions = {}): TestConnection {
    this.checkIsOpen();
    if (isIP(from) === 0) throw new Error(`${JSON.stringify(from)} is no address of a client`);
    const slot = this.listenerSlots[listener];
    if (slot === undefined) throw new Error(`there is no listener ${listener}; the first one is 0`);
    const connection = new TestConnection(this.network.clock);
    connection.onGone = () => this.connections.delete(connection);
    const address = tls === undefined ? listenerAddress(slot) : this.tlsAddress(listener, tls);
    const transport = this.network.connect(address, connection, connection, () => connection.connected(), from);
    connection.attach(transport, false);
    this.connections.add(connection);
    return connection;
  }

  /** An address of the memory network for one connection, which becomes one of the listener without its handshake. */
  private tlsAddress(listener: number, tls: TestTls): string {
    const address = `tls ${this.tlsConnections++}`;
    this.network.listen(address, (open, peer) => {
      const facts = { peer, client: peer, secure: true, tls: tlsOf(tls), proxied: null };
      this.serving.contexts[listener]?.admission.adopt(open, facts);
    });
    return address;
  }

  /**
   * Lets time pass for the proxy and everything that uses its clock: limits, health checks, slow endpoints.
   * @param time a duration such as `10s`, or milliseconds
   */
  async advance(time: string | number): Promise<void> {
    const ms = typeof time === "number" ? time : parseDuration(time);
    if (ms === null || !Number.isFinite(ms) || ms < 0)
      throw new Error(`${typeof time === "number" ? time : JSON.stringify(time)} is no duration: write 250ms, 10s or 1m30s`);
    this.checkIsOpen();
    await this.pump.advance(ms);
  }

  /**
   * Changes what answers at an upstream's endpoints, or at one endpoint given by its URL. Connections that exist already keep what they
   * were opened with.
   */
  serve(upstream: string, origin: TestOrigin | readonly TestOrigin[]): void {
    const origins = { [upstream]: origin };
    checkOrigins(origins, this.config);
    this.origins = { ...this.origins, ...origins };
    this.serveEndpoints(this.config);
  }

  /** The requests that an upstream's endpoints have received, oldest first, without health checks. Throws for an unknown upstream. */
  requests(upstream: string): readonly ReceivedRequest[] {
    const requests = this.received.get(upstream);
    if (requests === undefined && this.config.upstreams[upstream] === undefined)
      throw new Error(`the configuration has no upstream ${JSON.stringify(upstream)}`);
    return requests ?? [];
  }

  /** The metrics at this moment. */
  get metrics(): Metrics {
    this.middleware.tick();
    const { upstreams, uptime } = this.status;
    const readings = Object.entries(upstreams).flatMap(([upstream, { endpoints }]) =>
      endpoints.map((endpoint) => ({ upstream, endpoint: endpoint.url, health: endpoint.health, inFlight: endpoint.in_flight })),
    );
    const text = metricsText(this.totals.snapshot(), readings, {
      version: VERSION,
      nodeVersion: process.version,
      uptimeSeconds: uptime,
      workers: 1,
      bufferedBytes: this.workers.kept(),
      workerRestarts: 0,
      configGeneration: this.generation,
      refusedReloads: 0,
      limiterEvictions: this.buckets.evictions,
      logDroppedLines: 0,
      stores: this.stores.states.readings(),
      responseStores: this.stores.memories.readings(),
      ...NO_TLS,
    });
    return new Metrics(text);
  }

  /** The document that `/status` would show. */
  get status(): StatusDocument {
    const { epochMs } = this.network.platform;
    const startedAtMs = this.options.startsAt ?? STARTS_AT;
    const process = { version: VERSION, startedAtMs, nowMs: epochMs() };
    return statusDocument(this.config, this.endpointSlots, this.endpoints, process, NO_TLS, this.stores.states.readings());
  }

  /**
   * Brings another configuration into use, as a reload does: exchanges in flight keep the old one. `upstreams` is added to what answers
   * already, or replaces it. Rejects like {@link testProxy}.
   */
  async reload(given: TestConfig, { upstreams = {} }: Pick<TestProxyOptions, "upstreams"> = {}): Promise<void> {
    this.checkIsOpen();
    const origins = { ...this.origins, ...upstreams };
    const read = this.read(given, origins);
    checkOrigins(upstreams, read.config);
    const before = this.origins;
    this.origins = origins;
    try {
      await this.use(read);
    } catch (error) {
      this.origins = before;
      throw error;
    }
    await this.pump.quiet();
  }

  /** Ends the proxy and cuts all connections. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.monitor.stop();
    this.serving.close();
    void this.stores.ofThread.close();
    void this.middleware.close();
    this.named.close();
    for (const connection of this.connections) connection.close();
    this.network.settle();
    this.pump.stop();
  }

  /** Calls `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  private checkIsOpen(): void {
    if (this.isClosed) throw new Error("the proxy was closed");
  }

  // ---- configuration ------------------------------------------------------------------------------------------------

  private read(given: TestConfig, origins: Origins): ReadConfig {
    const { environment = {} } = this.options;
    const held = new GivenMiddleware(typeof given === "string" ? {} : completed(given, origins));
    const readSecret = (name: string): string => this.file(name);
    const secrets = testSecrets(readSecret);
    const result =
      typeof given === "string"
        ? parseConfig(given, "config", environment, readSecret, { secrets })
        : checkConfig(readObject(held.config, isVocabulary), "config", environment, readSecret, { secrets });
    if ("problems" in result) throw new Error(result.problems.map(formatProblem).join("\n"));
    return { ...result, held };
  }

  private file(name: string): string {
    return textOf(fileAmong(this.options.files, name));
  }

  private load(entry: MiddlewareEntry): ReturnType<LoadMiddleware> {
    return this.held.loadOr((other) => loadFrom(pathToFileURL(`${process.cwd()}/`).href, other))(entry);
  }

  private async use({ config, held, locate }: ReadConfig): Promise<void> {
    const prepared = this.generations.prepare(config);
    if ("problem" in prepared) throw new Error(prepared.problem);
    const { generation, endpointSlots, listenerSlots } = prepared.configuration;
    this.held = held;
    const findings = [...(await patternProblems(config)), ...(await descriptionProblems(config, (name) => this.file(name)))].filter(
      ({ severity }) => severity === "error",
    );
    if (findings.length > 0) throw new Error(locate(findings).map(formatProblem).join("\n"));
    if (needsRegexes(config.routes)) await this.regexes.load();
    const ownMiddleware = await this.middleware.install(generation, config);
    this.named.use(config);
    this.serving.useUpstreamTls(unreadFiles({ ...this.config.upstreams, ...config.upstreams }));
    this.serving.configure(messageFor(prepared.configuration, this.generation), ownMiddleware);
    this.stores.use(config.stores);
    // The memory network resolves names itself. The empty results only say that no look-up is under way.
    for (const name of endpointNames(config)) this.names.take({ name, result: [] });
    prepared.commit();
    this.generation = generation;
    this.endpointSlots = endpointSlots;
    this.config = config;
    this.listenerSlots = listenerSlots;
    for (const context of this.serving.contexts) {
      this.network.listen(listenerAddress(context.slot), (open, peer) => void context.admission.accept(open, peer));
    }
    for (const { slot } of prepared.listeners.closed) {
      this.network.listen(listenerAddress(slot), "ECONNREFUSED");
      this.serving.closeListener(slot, config.shutdown.timeout);
    }
    this.serveEndpoints(config);
    this.monitor.apply(config, endpointSlots);
  }

  /** Connects the endpoints' addresses to the test's functions and scripts. */
  private serveEndpoints(config: Config): void {
    serveOutside(this.network, this.origins);
    for (const [name, { endpoints }] of Object.entries(config.upstreams)) {
      const given = this.origins[name];
      for (const [index, { url }] of endpoints.entries()) {
        const address = addressOf(url);
        const origin = givenFor(address, this.origins) ?? (isList(given) ? given[index] : given);
        if (origin !== undefined) serveOrigin(this.network, address, origin, url, (request) => this.record(name, request));
      }
    }
  }

  private record(upstream: string, request: ReceivedRequest): void {
    if (request.headers.get("user-agent") === "millrace-probe") return;
    const list = this.received.get(upstream) ?? [];
    list.push(request);
    this.received.set(upstream, list);
  }

  private logged(line: string): void {
    this.entries.push(JSON.parse(line) as LogEntry);
  }
}

function listenerAddress(slot: number): string {
  return `listener:${slot}`;
}
