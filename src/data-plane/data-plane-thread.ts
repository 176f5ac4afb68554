/**
 * A data-plane thread: takes configurations and orders from the control plane (shared/protocol.ts), opens and closes listeners, and lets
 * net/serving.ts do the proxying. Its messages go through a {@link ControlPort}: a worker thread's port, or one within the same thread.
 */
import { readFileSync } from "node:fs";
import { codeOf, messageOf } from "../base/errors.ts";
import { hasMiddleware } from "../config/schema/middleware-entries.ts";
import type { NamingMiddleware } from "../config/schema/middleware-entries.ts";
import { needsRegexes } from "../config/needs-regexes.ts";
import { FEATURES } from "../features/features.ts";
import { DiskFiles } from "../files/disk-files.ts";
import type { LoadMiddleware } from "../middleware/installed-middleware.ts";
import type { ThreadMiddleware } from "../middleware/thread-middleware.ts";
import { Listener } from "../net/accept/listener.ts";
import type { ListenerContext } from "../net/accept/listener-context.ts";
import { machine } from "../net/machine.ts";
import type { Platform } from "../net/platform.ts";
import { Serving } from "../net/serving.ts";
import { monotonicMs } from "../net/system-clock.ts";
import type { ThreadOutput } from "../net/thread.ts";
import { AccessWriters } from "../observe/access-line.ts";
import { LogBatch } from "../observe/log-batch.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { statusDocument } from "../observe/status.ts";
import type { StatusSource } from "../observe/status.ts";
import { PathRegexes } from "../regex/path-regexes.ts";
import { AddressLists } from "../shared/address-lists.ts";
import { CheckedPasswords } from "../passwords/checked-passwords.ts";
import { PasswordPool } from "../passwords/password-pool.ts";
import { AskedOutside } from "./asked-outside.ts";
import { ApiDescriptions } from "../shared/api-descriptions.ts";
import { RedisConnector } from "../stores/redis/redis-connector.ts";
import type { StoreClock } from "../stores/store-connection.ts";
import { ThreadResponseStores } from "../response-stores/thread-response-stores.ts";
import type { Config } from "../config/schema/schema.ts";
import { storesOf } from "../base/stores-of.ts";
import { ThreadStores } from "../stores/thread-stores.ts";
import { CredentialFiles } from "../shared/credential-files.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { CertificateReceiver } from "../shared/certificate-news.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { CounterId } from "../shared/metric-table.ts";
import { NameTable } from "../shared/name-table.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import type { ConfigureMessage, FromWorker, ListenOrder, ListenTarget, PrepareMessage, ToWorker, WorkerInit } from "../shared/protocol.ts";

/** Dropped access log lines are reported at most once in this time. */
const DROPPED_EVERY_MS = 60_000;

/** Interval of heartbeats while middleware is set up. The control plane looks for them once a second. */
const BEAT_MS = 200;

/** For stores, whose time limits are of few milliseconds. */
const MACHINE_CLOCK: StoreClock = {
  now: monotonicMs,
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
  atTurnEnd: (then) => void setImmediate(then),
};

/** Where a data-plane thread sends its messages to the control plane. */
export interface ControlPort {
  postMessage(message: FromWorker): void;
}

export class DataPlaneThread {
  private readonly port: ControlPort;
  /** No message is handled before it resolves. */
  private readonly warm: Promise<string | null>;
  private readonly init: WorkerInit;
  private readonly workers: WorkerTable;
  private readonly names: NameTable = new NameTable();
  private readonly lists: AddressLists = new AddressLists();
  private readonly descriptions: ApiDescriptions = new ApiDescriptions();
  private readonly certificates: CertificateReceiver = new CertificateReceiver();
  private readonly passwords: PasswordPool = new PasswordPool({ died: (why) => this.reportPasswordThread(why) });
  private readonly credentials: CredentialFiles = new CredentialFiles((url) => this.send({ type: "keys-wanted", url }));
  private readonly outside: AskedOutside = new AskedOutside((message) => this.send(message));
  private readonly stores: ThreadStores = new ThreadStores({
    clock: MACHINE_CLOCK,
    connectorFor: (config) => new RedisConnector(config),
    tell: (news) => this.send({ type: "store", news }),
  });
  private readonly responses: ThreadResponseStores;
  private readonly serving: Serving;
  private readonly log: LogBatch;
  /** The listening sockets of each listener, by its slot; `localhost` has two sockets. */
  private readonly listeners: Map<number, readonly Listener[]> = new Map();
  private readonly loadMiddleware: () => Promise<LoadMiddleware>;
  /** Null until a configuration has middleware of the user's own. */
  private middleware: ThreadMiddleware | null = null;
  private readonly regexes: PathRegexes = new PathRegexes();
  private writers: AccessWriters = new AccessWriters("json");
  /** Dropped access log lines that are counted in the metrics. */
  private droppedCounted: number = 0;
  /** Dropped access log lines that were reported to the main thread. */
  private droppedReported: number = 0;
  /** When the next report may be sent, monotonic milliseconds. */
  private nextDroppedReportMs: number = 0;
  private hasEnded: boolean = false;

  /**
   * @param warm resolves when the warm-up has ended: with null, or with the reason why it was left out
   * @param loadMiddleware prepares the thread for middleware of the user's own, and resolves with what loads one
   */
  constructor(
    port: ControlPort,
    init: WorkerInit,
    warm: Promise<string | null>,
    loadMiddleware: () => Promise<LoadMiddleware>,
    platform: Platform = machine,
  ) {
    this.port = port;
    this.warm = warm;
    void warm.then((problem) => this.reportWarmUp(problem));
    this.init = init;
    this.responses = new ThreadResponseStores(init.index);
    this.workers = new WorkerTable(init.workerTable);
    this.loadMiddleware = loadMiddleware;
    const endpoints = new EndpointTable(init.endpointTable);
    this.serving = new Serving({
      workerIndex: init.index,
      endpoints,
      workers: this.workers,
      names: this.names,
      lists: this.lists,
      descriptions: this.descriptions,
      credentials: this.credentials,
      passwords: new CheckedPasswords(this.passwords),
      logins: { ask: (request, signal) => this.outside.ask(request, signal), table: new BucketTable(init.loginTable) },
      stores: this.stores,
      responses: this.responses,
      socketsMax: init.socketsMax,
      platform,
      buckets: new BucketTable(init.bucketTable),
      inFlight: new InFlightTable(init.inFlightTable),
      output: this.output(),
      status: ({ config, endpointSlots }) => this.status(config, endpointSlots, endpoints),
      features: FEATURES,
      compileRegex: (pattern) => this.regexes.compile(pattern),
      environment: init.environment,
      readFile: (path) => readFileSync(path, "utf8"),
      files: new DiskFiles({
        epochMs: () => platform.epochMs(),
        counted: (delta) => this.workers.addDescriptors(init.index, delta),
        mayOpen: () => this.workers.descriptors() < init.socketsMax,
      }),
    });
    this.log = new LogBatch(init.logMemory, (chunk, bytes, lines) => this.send({ type: "log", chunk, bytes, lines }));
  }

  /** Handles a message of the control plane. A rejection is a fault of the thread. */
  async receive(message: ToWorker): Promise<void> {
    await this.warm;
    switch (message.type) {
      case "configure":
        return this.configure(message);
      case "prepare":
        return this.prepare(message);
      case "discard":
        return this.middleware?.released(message.generation);
      case "listen":
        return void this.listen(message.orders);
      case "close":
        return this.close(message.slots, message.timeoutMs);
      case "drain":
        return this.drain(message.timeoutMs);
      case "names":
        for (const news of message.news) this.names.take(news);
        return;
      case "memories":
        return this.responses.take(message.memories);
      case "lists":
        return this.lists.take(message.lists);
      case "descriptions":
        return this.descriptions.take(message.descriptions);
      case "credentials":
        return this.credentials.take(message.files);
      case "answer-outside":
        return this.outside.take(message.id, message.answer);
      case "challenges":
        return this.serving.useChallenges(message.answers);
      case "tls":
        if (message.listeners !== undefined) this.serving.useTls(this.certificates.take(message.listeners));
        if (message.upstreams !== undefined) this.serving.useUpstreamTls(message.upstreams);
        return;
      case "session":
        return this.serving.takeSession(message.shared);
      case "certificate-refused":
        return this.serving.refuseCertificate(message.slot, message.name);
      case "log-taken":
        this.log.taken(message.chunk);
        return this.reportDropped();
    }
  }

  /** The listener without sockets, for requests that a program hands over. Null: there is none, or no configuration yet. */
  get host(): ListenerContext | null {
    return this.serving.host;
  }

  /** Ends at once: closes the listeners and all connections. For a program that goes on without it. Resolves when middleware is disposed of. */
  async end(): Promise<void> {
    this.hasEnded = true;
    this.closeSockets();
    this.serving.close();
    await this.stores.close();
    await this.middleware?.close();
    await this.passwords.close();
  }

  private async configure(message: ConfigureMessage): Promise<void> {
    const { config, generation } = message;
    try {
      if (message.renewed !== undefined) return this.renew(message);
      const routes = message.routes ?? [];
      if (needsRegexes(routes)) await this.regexes.load();
      const naming = { middleware: config.middleware, routes };
      if (hasMiddleware(naming)) {
        const installed = await this.install(generation, naming);
        // The process began to end meanwhile.
        if (this.serving.isDraining || this.hasEnded) throw new Error("draining");
        this.serving.configure(message, installed);
      } else this.serving.configure(message);
    } catch (error) {
      this.middleware?.released(generation);
      return this.send({ type: "configured", generation, problem: messageOf(error) });
    }
    this.useStores(config.stores);
    this.writers = new AccessWriters(config.logging.format ?? "json");
    this.send({ type: "configured", generation });
  }

  /** Brings a configuration into use that differs in secrets alone. */
  private renew(message: ConfigureMessage): void {
    const { generation } = message;
    const before = this.serving.thread?.snapshot.generation ?? 0;
    this.serving.configure(message, this.middleware?.carryOver(before, generation));
    this.useStores(message.config.stores);
    this.send({ type: "configured", generation });
  }

  private useStores(stores: Config["stores"]): void {
    this.stores.use(storesOf(stores, "redis"));
    this.responses.use(stores);
  }

  private async prepare({ generation, ...naming }: PrepareMessage): Promise<void> {
    try {
      await this.install(generation, naming);
    } catch (error) {
      return this.send({ type: "prepared", generation, problem: messageOf(error) });
    }
    this.send({ type: "prepared", generation });
  }

  /** Sets up middleware. Heartbeats show meanwhile that the event loop runs; before the first configuration nothing else does. */
  private async install(generation: number, config: NamingMiddleware): Promise<(route: number) => readonly Middleware[]> {
    const { index } = this.init;
    this.workers.beat(index);
    const beating = setInterval(() => this.workers.beat(index), BEAT_MS);
    try {
      const middleware = (this.middleware ??= await this.makeMiddleware());
      return await middleware.install(generation, config);
    } finally {
      clearInterval(beating);
    }
  }

  /** Loaded when it is first needed, because most configurations have no middleware of their own. */
  private async makeMiddleware(): Promise<ThreadMiddleware> {
    const { ThreadMiddleware } = await import("../middleware/thread-middleware.ts");
    return new ThreadMiddleware({
      workerIndex: this.init.index,
      workers: this.workers,
      load: await this.loadMiddleware(),
      now: monotonicMs,
      send: (told) => this.send(told),
      fetch: (upstream, request, options) => this.serving.fetch(upstream, request, options),
    });
  }

  private async listen(orders: readonly ListenOrder[]): Promise<void> {
    // The process began to end during the reload that sent these orders: open nothing more.
    if (this.serving.isDraining) return this.send({ type: "listening" });
    for (const [position, { slot, target, settings }] of orders.entries()) {
      const context = this.serving.openListener(slot, settings);
      if (context === null || this.hasEnded) continue;
      const sockets: Listener[] = [];
      this.listeners.set(slot, sockets);
      for (const socket of socketsOf(target)) {
        const listener = new Listener(context);
        try {
          await listener.listen(socket);
        } catch (error) {
          listener.close();
          this.closeListeners(orders.slice(0, position + 1).map((order) => order.slot));
          return this.send({ type: "listen-failed", slot, code: codeOf(error), message: messageOf(error) });
        }
        // A drain may have closed this listener meanwhile.
        if (this.listeners.get(slot) === sockets) sockets.push(listener);
        else listener.close();
      }
    }
    this.send({ type: "listening" });
  }

  private close(slots: readonly number[], timeoutMs: number): void {
    this.closeListeners(slots, timeoutMs);
    this.send({ type: "closed" });
  }

  /** @param timeoutMs time for exchanges to end; none for the listeners of a reload that fails, which have just been opened */
  private closeListeners(slots: readonly number[], timeoutMs: number = 0): void {
    for (const slot of slots) {
      for (const listener of this.listeners.get(slot) ?? []) listener.close();
      this.listeners.delete(slot);
      this.serving.closeListener(slot, timeoutMs);
    }
  }

  private drain(timeoutMs: number): void {
    if (this.serving.thread === null) return this.send({ type: "drained", cut: 0 });
    this.closeSockets();
    this.serving.drain(timeoutMs);
  }

  private closeSockets(): void {
    for (const sockets of this.listeners.values()) for (const listener of sockets) listener.close();
    this.listeners.clear();
  }

  private reportPasswordThread(why: string): void {
    const message = `the thread that verifies passwords has ended (${why}); a new one starts with the next login`;
    this.send({ type: "event", level: "error", event: "password_thread_ended", message, fields: {} });
  }

  private output(): ThreadOutput {
    return {
      access: (record) => {
        const lines = this.writers.for(record);
        const length = lines.write(record);
        this.log.add(lines.bytes, length);
      },
      event: (level, event, message, fields) => this.send({ type: "event", level, event, message, fields }),
      released: (generation) => {
        this.middleware?.released(generation);
        this.send({ type: "released", generation });
      },
      certificateWanted: (slot, name) => this.send({ type: "certificate-wanted", slot, name }),
      session: (shared) => this.send({ type: "session", shared }),
      tick: (now) => this.tick(now),
    };
  }

  private tick(now: number): void {
    const { log, serving } = this;
    log.flush();
    if (log.dropped > this.droppedCounted) {
      serving.thread?.metrics.add(CounterId.access_log_dropped_lines, log.dropped - this.droppedCounted);
      this.droppedCounted = log.dropped;
    }
    this.middleware?.tick();
    this.stores.tick(now);
    for (const sockets of this.listeners.values()) for (const listener of sockets) listener.tick();
    const { host } = serving;
    host?.notices.tick(host.config);
    const cut = serving.drained(now);
    if (cut !== null) void this.drained(cut);
  }

  private async drained(cut: number): Promise<void> {
    await this.stores.close();
    if (this.middleware !== null) await this.middleware.close();
    await this.passwords.close();
    this.log.hand();
    this.send({ type: "drained", cut });
  }

  /** Reports dropped access log lines. Called when the log memory has room again. */
  private reportDropped(): void {
    const lines = this.log.dropped - this.droppedReported;
    const now = monotonicMs();
    if (lines === 0 || now < this.nextDroppedReportMs) return;
    this.droppedReported = this.log.dropped;
    this.nextDroppedReportMs = now + DROPPED_EVERY_MS;
    const message = `${lines} access log lines dropped: the output does not keep up`;
    this.send({ type: "event", level: "warn", event: "log_lines_dropped", message, fields: { lines } });
  }

  /** Makes the status page for the route of `status_path`. The returned function holds the upstreams, not the whole configuration. */
  private status({ upstreams }: StatusSource, slots: ConfigureMessage["endpointSlots"], endpoints: EndpointTable): () => string {
    const { version, startedAtMs } = this.init;
    return () => JSON.stringify(statusDocument({ upstreams }, slots, endpoints, { version, startedAtMs, nowMs: Date.now() }));
  }

  private reportWarmUp(problem: string | null): void {
    if (problem === null) return;
    this.send({ type: "event", level: "debug", event: "warm_up_skipped", message: `no warm-up: ${problem}`, fields: {} });
  }

  private send(message: FromWorker): void {
    this.port.postMessage(message);
  }
}

/** One target for each IP address of the listener: `localhost` has two. */
function socketsOf(target: ListenTarget): readonly ListenTarget[] {
  if (target.kind !== "tcp" || target.moreHosts === undefined) return [target];
  return [target.host, ...target.moreHosts].map((host) => ({ kind: "tcp", host, port: target.port, reusePort: target.reusePort }));
}
