/**
 * Runs an exchange for a test with fakes of its thread, client and endpoints: no socket, no timer, and of the codec only the readers of
 * heads. The fakes note every call of the exchange as a short line. So a test reads as a dialogue: what a driver does, and what the
 * exchange then calls.
 *
 * ```ts
 * const d = new Dialogue();
 * d.client.asks("GET /");
 * d.says("a none; a dial"); // no idle connection to endpoint a, so a new one
 * d.upstream.connects();
 * d.says("a send GET /; a end; a flush");
 * ```
 * A connection has the name of its endpoint (a, b, c), and a number from the endpoint's second connection on (a2). A *breach* is a call
 * that no driver could serve, such as one to a closed connection. `ended` fails if there was a breach or if a count is not back at zero.
 */
import assert from "node:assert/strict";
import { Deadlines } from "../../base/deadlines.ts";
import type { Timed } from "../../base/deadlines.ts";
import { plainConfig } from "../../config/plain.ts";
import type { Config } from "../../config/schema/schema.ts";
import { buildRequestHead } from "../../http/build-head.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { Choice } from "../../policy/balance/balancer.ts";
import { noRegex } from "../../policy/route/path-regex.ts";
import { CounterId, MetricTable, metricLayout } from "../../shared/metric-table.ts";
import type { CounterName, WorkerMetrics } from "../../shared/metric-table.ts";
import { NO_MEMORY } from "../feature/memory.ts";
import { ApiDescriptions } from "../../shared/api-descriptions.ts";
import { AddressLists } from "../../shared/address-lists.ts";
import { CredentialFiles } from "../../shared/credential-files.ts";
import { noLogins } from "../feature/login-ports.ts";
import { NO_RESPONSE_STORES } from "../feature/response-store.ts";
import { NO_STORES } from "../feature/shared-store.ts";
import { NO_PASSWORDS } from "../feature/password-checks.ts";
import { BucketTable } from "../../shared/bucket-table.ts";
import { InFlightTable } from "../../shared/in-flight-table.ts";
import { ENDPOINT_HEALTH, EndpointTable } from "../../shared/endpoint-table.ts";
import { Copies } from "../copies.ts";
import type { ExchangeThread, EndedExchange } from "../exchange-thread.ts";
import { fetchFrom } from "./fetch.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../feature/fetch.ts";
import { FakeClient } from "./fake-client.fixture.ts";
import { FakeUpstream } from "./fake-upstream.fixture.ts";
import { watchProducers } from "./watch-producers.fixture.ts";
import { NO_FINE_CLOCK } from "../feature/fine-clock.ts";
import { NO_FILES } from "../feature/file-store.ts";
import { onceEach } from "../feature/once.ts";
import type { Middleware } from "../feature/middleware.ts";
import { hooksOf } from "../feature/route-hooks.ts";
import type { OwnAnswers } from "../ports/own-answers.ts";
import type { ResponseSink, UpstreamStream } from "../ports/upstream-stream.ts";
import type { Connector, OwnedConnections } from "../upstream/connector.ts";
import { Snapshot } from "../snapshot.ts";
import type { Route } from "../snapshot.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { EndpointChoice } from "../upstream/endpoint-choice.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { Upstreams } from "../upstream/upstreams.ts";

export type Health = keyof typeof ENDPOINT_HEALTH;

/** What a test changes. The default is one endpoint of unknown health, no health check, two retries and no middleware. */
export interface Setting {
  /** One entry for each endpoint. */
  readonly health?: readonly Health[];
  readonly probed?: boolean;
  readonly retries?: number;
  readonly maxBody?: number;
  /** Middleware of every route of the configuration. */
  readonly hooks?: readonly Middleware[];
  readonly adapt?: (config: Config) => void;
  readonly ownAnswers?: OwnAnswers;
}

/** What the exchange told the thread when it finished. */
export interface Finished {
  readonly status: number;
  readonly outcome: string;
  readonly endpoint: string;
  readonly attempts: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly originHeadMs: number;
}

watchProducers((producer, what) => {
  if (producer.thread instanceof Dialogue) producer.thread.breach(what);
});

const START_MS = 1000;
const TICK_MS = 25;
const EPOCH_OFFSET_MS = 1_700_000_000_000;
const PROBE = { interval: 5000, timeout: 2000, healthy_threshold: 2, unhealthy_threshold: 3, expected_statuses: ["200-399"] };
/** For finding the route that takes every request. */
const ANY_REQUEST = buildRequestHead({ method: "GET", target: "/", authority: "a.test" }, []);
const BUCKETS = new BucketTable(BucketTable.create(0, 0, 8));

export class Dialogue implements ExchangeThread, Connector {
  readonly workerIndex: number = 0;
  readonly epochOffset: number = EPOCH_OFFSET_MS;
  now: number = START_MS;
  /** The clock that `tick` reads into `now`. */
  private clockMs: number = START_MS;
  readonly copies: Copies = new Copies();
  readonly deadlines: KnownDeadlines = new KnownDeadlines(TICK_MS, START_MS);
  /** Tests may swap it, as a reload does. */
  snapshot: Snapshot;
  readonly endpoints: EndpointTable;
  readonly choice: EndpointChoice;
  readonly metrics: WorkerMetrics;
  /** What the client's connection answers itself. */
  readonly ownAnswers: OwnAnswers | null;
  readonly client: FakeClient;
  /** Every connection to an endpoint, in the order in which exchanges got them. */
  readonly connections: FakeUpstream[] = [];
  readonly finished: Finished[] = [];
  readonly breaches: string[] = [];

  private readonly table: MetricTable;
  private readonly idle: FakeUpstream[] = [];
  private ids: number = 0;
  private lines: string[] = [];

  constructor(setting: Setting = {}) {
    const health = setting.health ?? ["unknown"];
    this.ownAnswers = setting.ownAnswers ?? null;
    const config = configOf(setting, health.length);
    const layout = metricLayout(config);
    const metricTable = new SharedArrayBuffer(MetricTable.bytes(layout, 1));
    this.table = new MetricTable(layout, metricTable, 1);
    this.endpoints = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(health.length)));
    this.choice = new EndpointChoice(this.endpoints, () => 0.5);
    const message = {
      type: "configure" as const,
      generation: 1,
      config,
      routes: config.routes,
      endpointSlots: { app: health.map((_, index) => index) },
      listenerSlots: [0],
      metricTable,
    };
    const plan = new Upstreams(0, () => "").plan(config.upstreams, message.endpointSlots);
    plan.apply();
    this.snapshot = new HookedSnapshot(
      message,
      plan.groups,
      contextOf(() => this.now),
      setting.hooks ?? [],
    );
    this.metrics = this.snapshot.metrics;
    this.client = new FakeClient(this);
    for (const [index, each] of health.entries()) this.endpoints.setHealth(index, ENDPOINT_HEALTH[each]);
  }

  get connector(): Connector {
    return this;
  }

  newRequestId(): string {
    return `request-${++this.ids}`;
  }

  // ---- what a test does and asks ------------------------------------------------------------------------------------

  /** Asserts the calls of the exchange since the last `says`: in order, joined by "; ". */
  says(expected: string): void {
    const { lines } = this;
    this.lines = [];
    assert.deepEqual(lines, expected === "" ? [] : expected.split("; "));
  }

  /** Lets time pass, and fires the deadlines. */
  passes(ms: number): void {
    this.clockMs += ms;
    this.tick();
    this.deadlines.advance(this.now);
  }

  /** Lets time pass without an event that reads the clock. */
  passesUnseen(ms: number): void {
    this.clockMs += ms;
  }

  tick(): void {
    this.now = this.clockMs;
  }

  /** Forgets the calls so far. */
  skip(): this {
    this.lines = [];
    return this;
  }

  /** The connection that the exchange got last. */
  get upstream(): FakeUpstream {
    return this.connections.at(-1) ?? assert.fail("no endpoint was asked");
  }

  at(name: string): FakeUpstream {
    return this.connections.find((each) => each.name === name) ?? assert.fail(`there is no connection ${name}`);
  }

  /** Puts an idle connection to that endpoint into the pool. */
  pools(endpoint: string): this {
    this.idle.push(this.connection(this.target(endpoint), "idle"));
    return this;
  }

  /** Gives the client connection an idle connection to that endpoint of its own. */
  owns(endpoint: string): this {
    this.client.owned = new FakeOwned(this, this.connection(this.target(endpoint), "idle"));
    return this;
  }

  setHealth(endpoint: string, health: Health): void {
    this.endpoints.setHealth(this.target(endpoint).slot, ENDPOINT_HEALTH[health]);
  }

  inFlight(endpoint: string): number {
    return this.endpoints.inFlight(this.target(endpoint).slot);
  }

  count(counter: CounterName): number {
    return this.table.counter(CounterId[counter]);
  }

  /** What the exchange told the thread when it finished; fails if it goes on. */
  get record(): Finished {
    return this.finished[0] ?? assert.fail("the exchange goes on");
  }

  /**
   * Asserts that the exchange has ended once, with that status and outcome, that it holds nothing any more, and that late events have no
   * effect.
   */
  ended(statusAndOutcome: string): void {
    const { status, outcome } = this.record;
    assert.equal(`${status} ${outcome}`, statusAndOutcome);
    this.isSettled();
    this.skip();
    const { exchange } = this.client;
    exchange.clientGone("client_reset");
    exchange.clientUnblocked();
    exchange.clientBlocked();
    exchange.requestFlush();
    const failure = { kind: "connection_terminated", reused: false, answered: false, sent: true } as const;
    for (const connection of this.connections) {
      exchange.upstreamReady(connection);
      exchange.responseFlush(connection);
      exchange.upstreamBlocked(connection);
      exchange.upstreamUnblocked(connection);
      exchange.upstreamFailed(connection, failure);
    }
    exchange.tunnelEnded();
    this.says("");
    this.isSettled();
    assert.equal(`${exchange.status} ${exchange.outcome}`, statusAndOutcome);
  }

  /** Asserts that there was no breach, that all counts are back at zero, and that no connection is left. */
  isSettled(): void {
    assert.deepEqual(this.breaches, []);
    assert.equal(this.finished.length, 1, "told to the thread once");
    assert.equal(this.client.finishes, 1, "told to the client's driver once");
    assert.equal(this.snapshot.exchangesOpen, 0);
    assert.equal(this.count("exchanges_in_flight"), 0);
    assert.equal(this.memoryTaken, 0, "memory of collected bodies");
    for (let slot = 0; slot < this.endpoints.capacity; slot++) assert.equal(this.endpoints.inFlight(slot), 0, `in flight at ${slot}`);
    assert.equal(this.deadlines.filed, 0, "deadlines");
    for (const { name, state } of this.connections) assert.ok(state === "over" || state === "idle", `${name} is ${state}`);
  }

  // ---- ExchangeThread and Connector --------------------------------------------------------------------------------------

  note(line: string): void {
    this.lines.push(line);
  }

  breach(what: string): void {
    this.breaches.push(what);
  }

  /** How many bytes `takeMemory` may give in all. */
  memory: number = 100_000;
  memoryTaken: number = 0;

  fetch(set: EndpointSet, request: FetchRequest, options: FetchOptions): Promise<FetchResult> {
    return fetchFrom(this, set, request, options);
  }

  takeMemory(bytes: number): boolean {
    if (this.memoryTaken + bytes > this.memory) return false;
    this.memoryTaken += bytes;
    return true;
  }

  giveMemory(bytes: number): void {
    this.memoryTaken -= bytes;
  }

  report(level: string, event: string, message: string, fields: object = {}): void {
    this.note(`report ${level} ${event} ${message} ${JSON.stringify(fields)}`);
  }

  exchangeFinished(exchange: EndedExchange): void {
    const { status, outcome, endpoint, attempts, bytesReceived, bytesSent, originHeadMs, snapshot } = exchange;
    snapshot.metrics.add(CounterId.exchanges_in_flight, -1);
    snapshot.exchangesOpen--;
    if (!exchange.isOfClient) return;
    this.note(`thread finished ${status} ${outcome}`);
    this.finished.push({ status, outcome, endpoint: nameOf(endpoint), attempts, bytesReceived, bytesSent, originHeadMs });
  }

  take(target: Endpoint, exchange: ResponseSink): UpstreamStream | null {
    const index = this.idle.findIndex((each) => each.target === target);
    const [connection = null] = index < 0 ? [] : this.idle.splice(index, 1);
    if (connection === null) this.note(`${nameOf(target)} none`);
    else connection.take(exchange);
    return connection;
  }

  dial(target: Endpoint, exchange: ResponseSink): UpstreamStream {
    const connection = this.connection(target, "connecting");
    connection.dials(exchange);
    return connection;
  }

  private connection(target: Endpoint, state: "idle" | "connecting"): FakeUpstream {
    const endpoint = nameOf(target);
    const earlier = this.connections.filter((each) => each.target === target).length;
    const connection = new FakeUpstream(this, target, earlier === 0 ? endpoint : `${endpoint}${earlier + 1}`, state);
    this.connections.push(connection);
    return connection;
  }

  private target(endpoint: string): Endpoint {
    const { upstream } = this.snapshot.findRoute(ANY_REQUEST, "192.0.2.1");
    return upstream?.set.endpoints.find((each) => nameOf(each) === endpoint) ?? assert.fail(`there is no endpoint ${endpoint}`);
  }
}

/** Deadlines that can count what is in the wheel. */
class KnownDeadlines extends Deadlines {
  private readonly known: Set<Timed> = new Set();

  override setTick(timed: Timed, wanted: number): void {
    this.known.add(timed);
    super.setTick(timed, wanted);
  }

  /** How many are in the wheel, including cancelled ones. */
  get filed(): number {
    return [...this.known].filter(({ filedTick }) => filedTick !== -1).length;
  }
}

/** A client connection's own connections to endpoints: exactly one. */
class FakeOwned implements OwnedConnections {
  private readonly dialogue: Dialogue;
  private readonly connection: FakeUpstream;

  constructor(dialogue: Dialogue, connection: FakeUpstream) {
    this.dialogue = dialogue;
    this.connection = connection;
  }

  endpointIn({ endpoints }: EndpointSet, choice: Choice): Endpoint | null {
    const { target, usable } = this.connection;
    const found = usable && endpoints.includes(target) && choice.usable(endpoints.indexOf(target)) ? target : null;
    this.dialogue.note(`owned in ${target.upstream}: ${nameOf(found)}`);
    return found;
  }

  take(target: Endpoint, exchange: ResponseSink): UpstreamStream | null {
    if (!this.connection.usable || this.connection.target !== target) return null;
    this.connection.take(exchange);
    return this.connection;
  }

  takeAnnounced(): null {
    return null;
  }
}

/** A snapshot whose routes have the test's middleware. */
class HookedSnapshot extends Snapshot {
  private readonly middleware: readonly Middleware[];

  constructor(
    message: ConstructorParameters<typeof Snapshot>[0],
    upstreams: ConstructorParameters<typeof Snapshot>[1],
    context: ConstructorParameters<typeof Snapshot>[2],
    middleware: readonly Middleware[],
  ) {
    super(message, upstreams, context);
    this.middleware = middleware;
  }

  override findRoute(request: RequestHead): Route {
    const route = super.findRoute(request, "192.0.2.1");
    const { middleware } = this;
    if (middleware.length === 0 || route.index < 0) return route;
    return { ...route, hooks: hooksOf(middleware) };
  }
}

function configOf({ probed = false, retries = 2, maxBody, adapt }: Setting, endpoints: number): Config {
  const config = plainConfig("127.0.0.1:0", "http://a.test");
  const { app = assert.fail("there is no upstream") } = config.upstreams;
  app.endpoints = ["a", "b", "c"].slice(0, endpoints).map((name) => ({ url: `http://${name}.test`, weight: 1 }));
  app.retries = retries;
  if (probed) app.health_check = PROBE;
  if (maxBody !== undefined) config.routes = config.routes.map((route) => ({ ...route, max_body: maxBody }));
  adapt?.(config);
  return config;
}

function contextOf(now: () => number): ConstructorParameters<typeof Snapshot>[2] {
  return {
    workerIndex: 0,
    buckets: BUCKETS,
    inFlight: new InFlightTable(InFlightTable.create(1, 0, 0, 8)),
    after: () => () => {},
    responses: NO_RESPONSE_STORES,
    fine: NO_FINE_CLOCK,
    now,
    status: () => "{}",
    features: [],
    report: () => {},
    ownMiddleware: () => [],
    compileRegex: noRegex,
    environment: {},
    readFile: () => "",
    lists: new AddressLists(),
    descriptions: new ApiDescriptions(),
    count: () => {},
    memory: NO_MEMORY,
    credentials: new CredentialFiles(),
    passwords: NO_PASSWORDS,
    logins: noLogins("nobody can be asked from here"),
    stores: NO_STORES,
    files: NO_FILES,
    once: onceEach(),
  };
}

function nameOf(target: Endpoint | null): string {
  return target === null ? "none" : target.host.slice(0, 1);
}
