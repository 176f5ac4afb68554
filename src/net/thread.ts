/**
 * One data-plane thread, as its connections and exchanges see it: the clock, one timing wheel for all deadlines, the pools of connections to
 * endpoints, and the counting and logging of finished exchanges.
 */
import { Deadlines } from "../base/deadlines.ts";
import { Uuid7 } from "../base/uuid7.ts";
import { IdleReaders } from "../http1/idle-readers.ts";
import { RESPONSE_LIMITS } from "../http1/limits.ts";
import { ResponseReader } from "../http1/response-reader.ts";
import type { AccessRecord } from "../observe/access-record.ts";
import { NO_NOTES, notesOf } from "../observe/request-notes.ts";
import type { EndedExchange } from "../proxy/exchange-thread.ts";
import type { ConnectionThread } from "./connection-thread.ts";
import type { RequestHead } from "../http/request-head.ts";
import { Copies } from "../proxy/copies.ts";
import { fetchFrom } from "../proxy/exchange/fetch.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import type { EndpointSet } from "../proxy/upstream/endpoint-set.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { ResponseSink, UpstreamStream } from "../proxy/ports/upstream-stream.ts";
import type { Connector, EndpointConnections } from "../proxy/upstream/connector.ts";
import type { Snapshot } from "../proxy/snapshot.ts";
import type { Endpoint } from "../proxy/upstream/endpoint.ts";
import { EndpointChoice } from "../proxy/upstream/endpoint-choice.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { NameTable } from "../shared/name-table.ts";
import type { WorkerTable } from "../shared/worker-table.ts";
import type { WorkerMetrics } from "../shared/metric-table.ts";
import type { LogFields } from "../shared/log-fields.ts";
import type { LogLevel, WorkerEvent } from "../shared/protocol.ts";
import type { SharedSession } from "../shared/upstream-tls.ts";
import { BulkBuffer } from "./buffers/bulk-buffer.ts";
import { AnnouncingPool } from "./h1/upstream/announcing-pool.ts";
import { EndpointPool } from "./h1/upstream/endpoint-pool.ts";
import { OpenChunk } from "./buffers/open-chunk.ts";
import type { Platform } from "./platform.ts";
import { HandshakePace } from "./tls/handshake-pace.ts";
import { WriteBatch } from "./buffers/write-batch.ts";

/** Precision of all deadlines of the data plane, and how often an idle thread wakes. Limits are seconds, so this is fine enough. */
const TICK_MS = 25;

/** In a busy turn of the event loop the clock is read once per this many events. The time is then wrong by at most some 0.1 ms. */
const EVENTS_A_READING = 16;

/** How many clients above the socket limit, over all threads, may connect only to be told that they cannot be served. */
const FAREWELLS = 16;

/** Where a thread's log lines and events go. */
export interface ThreadOutput {
  access(record: AccessRecord): void;
  event(level: LogLevel, event: WorkerEvent, message: string, fields: LogFields): void;
  /** Called once per tick, with the thread's monotonic milliseconds. */
  tick(now: number): void;
  /** A client has named a name for which the TLS listener in `slot` has no certificate yet. */
  certificateWanted(slot: number, name: string): void;
  /** There is a TLS session with an endpoint that the other threads may resume. Absent: there are no others. */
  session?(shared: SharedSession): void;
  /** Called when no exchange runs under that generation's snapshot any more. */
  released(generation: number): void;
}

/** What a thread is made of: its index, tables that it shares with the other threads, limits, and its platform. */
export interface ThreadParts {
  readonly workerIndex: number;
  readonly endpoints: EndpointTable;
  readonly workers: WorkerTable;
  /** The addresses of the endpoints' host names. */
  readonly names: NameTable;
  /** Sockets that all threads together may have open before new clients wait. */
  readonly socketsMax: number;
  readonly platform: Platform;
}

export class Thread implements ConnectionThread, Connector {
  readonly workerIndex: number;
  readonly endpoints: EndpointTable;
  readonly choice: EndpointChoice;
  readonly deadlines: Deadlines;
  readonly copies: Copies = new Copies();
  readonly output: ThreadOutput;
  snapshot: Snapshot;
  metrics: WorkerMetrics;
  now: number;
  epochOffset: number;

  readonly workers: WorkerTable;
  readonly names: NameTable;
  readonly platform: Platform;
  readonly writes: WriteBatch;
  readonly bulk: BulkBuffer = new BulkBuffer();
  readonly chunk: OpenChunk = new OpenChunk();
  readonly handshakes: HandshakePace;
  private readonly socketsMax: number;
  private readonly pools: Map<string, EndpointPool> = new Map();
  /** The keys of all endpoints of `snapshot`. Only pools with these keys are kept. */
  private poolKeys: ReadonlySet<string>;
  /** By upstream: the response readers that are not in use. */
  private readonly responseReaders: Map<string, IdleReaders<ResponseReader>> = new Map();
  private readonly requestIds: Uuid7;
  private readonly random: () => number;
  private readonly stopTicks: () => void;
  private eventsSinceRead: number = 0;

  constructor(parts: ThreadParts, snapshot: Snapshot, output: ThreadOutput) {
    this.workerIndex = parts.workerIndex;
    this.endpoints = parts.endpoints;
    this.workers = parts.workers;
    this.names = parts.names;
    this.socketsMax = parts.socketsMax;
    this.snapshot = snapshot;
    this.poolKeys = new Set(snapshot.poolKeys());
    this.metrics = snapshot.metrics;
    this.output = output;
    const { platform } = parts;
    this.platform = platform;
    this.requestIds = new Uuid7((bytes) => platform.fillRandom(bytes));
    this.random = () => platform.random();
    this.choice = new EndpointChoice(parts.endpoints, this.random);
    this.writes = new WriteBatch((then) => platform.atTurnEnd(then));
    this.handshakes = new HandshakePace((then) => platform.atTurnEnd(then));
    this.now = platform.now();
    this.epochOffset = platform.epochMs() - this.now;
    this.deadlines = new Deadlines(TICK_MS, this.now);
    this.stopTicks = platform.every(TICK_MS, () => this.onTick());
  }

  get connector(): Connector {
    return this;
  }

  /** Sets `now`. Every event of a socket begins with this. In a busy turn of the event loop the clock is read only once for several events. */
  tick(): void {
    const { writes } = this;
    if (writes.turnIsBusy && ++this.eventsSinceRead < EVENTS_A_READING && !writes.isFull) return;
    this.eventsSinceRead = 0;
    this.now = this.platform.now();
    if (writes.isFull) writes.flush();
  }

  take(target: Endpoint, sink: ResponseSink): UpstreamStream | null {
    return this.pool(target).take(sink);
  }

  dial(target: Endpoint, sink: ResponseSink): UpstreamStream {
    return this.pool(target).dial(target, sink);
  }

  wantCertificate(slot: number, name: string): void {
    this.output.certificateWanted(slot, name);
  }

  /** Counts a socket that was opened (or, with -1, closed), in shared memory: the limit on descriptors is that of the whole process. */
  countSocket(delta: 1 | -1): void {
    this.workers.addDescriptors(this.workerIndex, delta);
  }

  fetch(set: EndpointSet, request: FetchRequest, options: FetchOptions): Promise<FetchResult> {
    return fetchFrom(this, set, request, options);
  }

  takeMemory(bytes: number): boolean {
    const { workers, workerIndex } = this;
    // Count first and compare after that, so that two threads cannot both take the last bytes.
    workers.addKept(workerIndex, bytes);
    if (workers.kept() <= this.snapshot.keptBytesMax) return true;
    workers.addKept(workerIndex, -bytes);
    this.metrics.add(CounterId.buffers_refused, 1);
    return false;
  }

  newRequestId(): string {
    return this.requestIds.next(this.now + this.epochOffset);
  }

  giveMemory(bytes: number): void {
    this.workers.addKept(this.workerIndex, -bytes);
  }

  /**
   * Whether file descriptors are so short that another client would take one that the present clients may need: each client can need a
   * connection to an endpoint. If so, closes all idle connections to endpoints. The shortage is logged when it begins and when it ends.
   */
  shortOfSockets(): boolean {
    const { socketsMax } = this;
    if (!this.nearLimit()) return false;
    if (this.workers.beginShortage(this.now)) {
      const message = `${socketsMax} sockets are open or may be needed, near the limit of open files: new connections wait`;
      this.report("warn", "sockets_short", message, { sockets: socketsMax });
    }
    for (const pool of this.pools.values()) pool.shed();
    return true;
  }

  private nearLimit(): boolean {
    return this.workers.descriptors() >= this.socketsMax || 2 * this.workers.clients() >= this.socketsMax;
  }

  /** Whether no descriptor is left even to tell a new client that it cannot be served. */
  outOfSockets(): boolean {
    return this.workers.descriptors() > this.socketsMax + FAREWELLS;
  }

  report(level: LogLevel, event: WorkerEvent, message: string, fields: LogFields = {}): void {
    this.output.event(level, event, message, fields);
  }

  /**
   * Counts and logs a request that was refused before it became an exchange.
   * @param head what is known of the request; null for nothing
   * @param startedAt when its first byte came, in monotonic milliseconds; 0 if it came in one read
   */
  refused(
    client: string,
    answer: LocalAnswer,
    head: RequestHead | null,
    startedAt: number,
    bytesReceived: number,
    bytesSent: number,
  ): void {
    const durationMs = startedAt === 0 ? 0 : this.now - startedAt;
    this.metrics.exchangeFinished(-1, -1, answer.status, durationMs, bytesReceived, bytesSent);
    const log = this.snapshot.accessLog;
    if (!log.wants(answer.status, answer.reason, this.random)) return;
    this.output.access({
      startedAtMs: this.now - durationMs + this.epochOffset,
      client,
      method: head === null ? "" : head.method,
      host: head === null ? "" : head.host,
      path: head === null ? "" : (head.target.split("?", 1)[0] ?? ""),
      status: answer.status,
      bytesReceived,
      bytesSent,
      durationMs,
      originHeadMs: -1,
      endpoint: "",
      route: "",
      attempts: 0,
      outcome: answer.reason,
      worker: this.workerIndex,
      requestId: "",
      notes: head === null || !log.readsNotes ? NO_NOTES : notesOf(head),
      shape: log.shape,
      values: log.valuesOfRefused(head, client),
    });
  }

  exchangeFinished(exchange: EndedExchange): void {
    const { snapshot } = exchange;
    snapshot.metrics.add(CounterId.exchanges_in_flight, -1);
    if (exchange.isOfClient) this.note(exchange);
    if (--snapshot.exchangesOpen === 0 && snapshot !== this.snapshot) this.output.released(snapshot.generation);
  }

  /** Counts and logs a finished exchange. */
  private note(exchange: EndedExchange): void {
    // Read from the fields and not from the getters that hooks use: this runs for every exchange.
    const { route, endpoint, snapshot, startedAt, bytesSent } = exchange;
    const durationMs = this.now - startedAt;
    snapshot.metrics.exchangeFinished(
      route === null ? -1 : route.index,
      endpoint === null ? -1 : exchange.endpointPosition,
      exchange.status,
      durationMs,
      exchange.bytesReceived,
      bytesSent,
    );
    if (exchange.outcome !== "completed") {
      const counter = snapshot.outcomeCounters.get(exchange.outcome);
      if (counter !== undefined) snapshot.metrics.add(counter, 1);
    }
    const log = snapshot.accessLogOf(route);
    if (!log.wants(exchange.status, exchange.outcome, this.random)) return;
    this.output.access({
      startedAtMs: startedAt + this.epochOffset,
      client: exchange.client,
      method: exchange.request.method,
      host: exchange.request.host,
      path: exchange.request.path,
      status: exchange.status,
      bytesReceived: exchange.bytesReceived,
      bytesSent,
      durationMs,
      originHeadMs: exchange.originHeadMs,
      endpoint: endpoint === null ? "" : endpoint.url,
      route: route === null ? "" : route.name,
      attempts: exchange.attempts,
      outcome: exchange.outcome,
      worker: this.workerIndex,
      requestId: log.makesIds ? exchange.requestId : exchange.givenId,
      notes: log.readsNotes ? notesOf(exchange.request) : NO_NOTES,
      shape: log.shape,
      values: log.values(exchange),
    });
  }

  /** Puts a new configuration into use. Running exchanges keep theirs; pools that the new one does not name are retired. */
  use(snapshot: Snapshot): void {
    const before = this.snapshot;
    this.snapshot = snapshot;
    this.metrics = snapshot.metrics;
    this.retirePools();
    const names = new Set(snapshot.upstreamNames());
    for (const name of this.responseReaders.keys()) if (!names.has(name)) this.responseReaders.delete(name);
    if (before !== snapshot && before.exchangesOpen === 0) this.output.released(before.generation);
  }

  /** Retires the pools that no endpoint of the configuration in use has any more: its settings have changed, or it is gone. */
  retirePools(): void {
    this.poolKeys = new Set(this.snapshot.poolKeys());
    for (const [key, pool] of this.pools) {
      if (this.poolKeys.has(key)) continue;
      pool.retire();
      this.pools.delete(key);
    }
  }

  close(): void {
    this.stopTicks();
    this.copies.giveUpAll();
    for (const pool of this.pools.values()) pool.retire();
  }

  private pool(target: Endpoint): EndpointConnections {
    return (target.pool ??= this.poolOf(target));
  }

  private poolOf(target: Endpoint): EndpointPool {
    const known = this.pools.get(target.key);
    if (known !== undefined) return known;
    const { proxyProtocol } = target.settings;
    const readers = this.readersOf(target.upstream);
    const pool =
      proxyProtocol === null ? new EndpointPool(this, target, readers) : new AnnouncingPool(this, target, readers, proxyProtocol);
    // An exchange that began before a reload may try an endpoint that the reload has removed: its connection is not kept.
    if (this.poolKeys.has(target.key)) this.pools.set(target.key, pool);
    else pool.retire();
    return pool;
  }

  private readersOf(upstream: string): IdleReaders<ResponseReader> {
    const known = this.responseReaders.get(upstream);
    if (known !== undefined) return known;
    const readers = new IdleReaders(() => new ResponseReader(RESPONSE_LIMITS));
    if (this.snapshot.endpointsOf(upstream) !== null) this.responseReaders.set(upstream, readers);
    return readers;
  }

  private onTick(): void {
    this.now = this.platform.now();
    // The wall clock may have been changed; the monotonic clock never is.
    this.epochOffset = this.platform.epochMs() - this.now;
    this.workers.beat(this.workerIndex);
    this.deadlines.advance(this.now);
    if (!this.nearLimit() && this.workers.endShortage(this.now)) this.report("info", "sockets_enough", "new connections no longer wait");
    this.output.tick(this.now);
  }
}
