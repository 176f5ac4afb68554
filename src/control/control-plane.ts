/**
 * The control plane of one process, on the main thread. It owns the shared tables, the workers, the probes and the admin address, and
 * takes them through start, reload and stop. It reads neither configuration files nor signals: cli/ does, and calls it.
 */
import { availableParallelism, hostname } from "node:os";
import { messageOf, stackOf } from "../base/errors.ts";
import { endpointNames } from "../config/addresses/endpoint-names.ts";
import type { Environment } from "../config/replacements.ts";
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import { MetricTotals } from "../observe/metric-totals.ts";
import { metricsText } from "../observe/metrics-text.ts";
import { statusDocument } from "../observe/status.ts";
import type { StatusDocument } from "../observe/status.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { EndpointTable, WORKERS_MAX } from "../shared/endpoint-table.ts";
import { ALL_SLOTS, WorkerTable } from "../shared/worker-table.ts";
import { AdminAddress } from "./admin/admin-address.ts";
import type { AdminChange } from "./admin/admin-address.ts";
import { afterMs } from "./after-ms.ts";
import { Generations } from "./workers/generations.ts";
import type { PreparedConfiguration } from "./workers/generations.ts";
import { HealthMonitor } from "./health/health.ts";
import type { TlsFor } from "./health/health.ts";
import { withHolder } from "./listening/held-address.ts";
import { Listeners } from "./listeners.ts";
import type { CheckedListeners, ListenProblem, OpenedListener } from "./listeners.ts";
import { Names } from "./names/names.ts";
import { socketsMax } from "./system/open-files.ts";
import type { OpenOutcome, ReloadOutcome, StartOutcome } from "./outcomes.ts";
import { probeWith } from "./health/probe.ts";
import type { Probe } from "./health/probe.ts";
import { RefusingEndpoints } from "./health/refusing-endpoints.ts";
import { restartNeeded, workersOf } from "./restart-needed.ts";
import { waitUntilHealthy } from "./startup.ts";
import { ThreadNeeds } from "./thread-needs.ts";
import { Supervisor } from "./workers/supervise.ts";
import type { StartProblem, SupervisedListener } from "./workers/supervise.ts";
import { SystemFile } from "./system/system-file.ts";
import type { ThreadLink, ThreadSource } from "./workers/thread-link.ts";
import type { WorkerConfiguration } from "./workers/worker-configuration.ts";

export interface ControlPlaneOptions {
  readonly config: Config;
  readonly log: AppLog;
  readonly version: string;
  /** Writes access log lines of a worker. Call `taken` once they are written or dropped: the worker then reuses their memory. */
  readonly takeLines: (data: Uint8Array, lines: number, taken: () => void) => void;
  /** Number of lines that the log output has dropped so far, for the metrics. */
  readonly logDroppedLines: () => number;
  /** Number of reloads that were refused so far, for the metrics. */
  readonly refusedReloads: () => number;
  /** The environment variables that the configuration may name. */
  readonly environment: Environment;
  /** Epoch milliseconds when the process started. */
  readonly startedAtMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly threads: ThreadSource;
  /** Makes the one data-plane thread beside the workers, which opens no listeners and has the last index. Absent: there is none. */
  readonly besideWorkers?: () => ThreadLink;
  /** Descriptors of the sockets that were handed over to the process (such as by systemd). Null: not known. */
  readonly inherited: ReadonlySet<number> | null;
}

type AdminMove = Pick<Extract<ReloadOutcome, { kind: "reloaded" }>, "adminUrl" | "adminClosed">;

/** `started`: the workers have a configuration, and no listener is open. `serving`: the listeners are open. */
type Phase = "starting" | "started" | "serving" | "draining";

export class ControlPlane {
  private readonly options: ControlPlaneOptions;
  private readonly workers: number;
  /** How many data-plane threads there are: the workers, and the one beside them. */
  private readonly seats: number;
  private readonly endpoints: EndpointTable;
  private readonly buckets: BucketTable;
  private readonly workerTable: WorkerTable;
  private readonly generations: Generations;
  private readonly totals: MetricTotals;
  private readonly supervisor: Supervisor;
  private readonly listeners: Listeners;
  private readonly names: Names;
  private readonly needs: ThreadNeeds;
  private readonly probe: Probe;
  private readonly monitor: HealthMonitor;
  private readonly refusingEndpoints: RefusingEndpoints;
  private config: Config;
  private current: WorkerConfiguration | null = null;
  private phase: Phase = "starting";
  private readonly admin: AdminAddress;
  /** The addresses that {@link start} has checked, until {@link open} opens them. */
  private checked: CheckedListeners | null = null;
  /** The newest change: an opening or a reload. They run one after the other, so each waits for the one before. */
  private changing: Promise<unknown> = Promise.resolve();

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.config = options.config;
    const { besideWorkers } = options;
    const beside = besideWorkers === undefined ? 0 : 1;
    this.workers = Math.min(workersOf(options.config, availableParallelism()), WORKERS_MAX - beside);
    this.seats = this.workers + beside;
    const endpointTable = new SharedArrayBuffer(EndpointTable.bytes());
    const [seedLow = 0, seedHigh = 0] = crypto.getRandomValues(new Uint32Array(2));
    const bucketTable = BucketTable.create(seedLow, seedHigh);
    const workerTable = WorkerTable.create(this.seats, ALL_SLOTS, seedLow, seedHigh);
    this.workerTable = new WorkerTable(workerTable);
    this.endpoints = new EndpointTable(endpointTable);
    this.buckets = new BucketTable(bucketTable);
    this.totals = new MetricTotals(this.seats);
    this.generations = new Generations(this.endpoints, this.totals, this.workerTable);
    const { log, version, startedAtMs, takeLines, monotonic } = options;
    // A plain copy: `process.env` itself cannot be sent to another thread.
    const environment = { ...options.environment };
    this.supervisor = new Supervisor({
      workers: this.workers,
      seats: this.seats,
      init: { version, startedAtMs, environment, endpointTable, bucketTable, workerTable, socketsMax: socketsMax(this.seats) },
      beats: (worker) => this.beats(worker),
      middlewareIn: (worker) => this.workerTable.middleware(worker),
      onCounted: (counts) => this.totals.countMiddleware(counts),
      onCertificateWanted: (slot, name) => void this.needs.certificateWanted(slot, name),
      news: () => [{ type: "names", news: this.names.current() }, ...this.needs.news()],
      threadFor: (index) => (index >= this.workers && besideWorkers !== undefined ? besideWorkers() : options.threads.take(index)),
      log,
      now: monotonic,
      takeLines,
      onReleased: (generation, worker) => this.totals.released(generation, worker),
      onWorkerEnded: (worker) => {
        this.endpoints.clearWorker(worker);
        this.totals.workerEnded(worker);
        this.workerTable.clearWorker(worker);
        this.buckets.releaseLockOf(worker);
      },
      onWorkerReplaced: (worker, generation) => this.totals.workerReplaced(worker, generation),
    });
    this.listeners = new Listeners({ supervisor: this.supervisor, log, workers: this.workers, inherited: options.inherited });
    this.names = new Names({
      log,
      now: monotonic,
      random: Math.random,
      hosts: new SystemFile("/etc/hosts"),
      resolvConf: new SystemFile("/etc/resolv.conf"),
      hostname: hostname(),
      environment: process.env,
      tell: (news) => this.supervisor.tell({ type: "names", news }),
    });
    this.needs = new ThreadNeeds(
      log,
      () => this.supervisor,
      options,
      () => this.probeAnew(),
    );
    const tls: TlsFor = (config) => this.needs.upstreams.tlsOf(config);
    const pages = {
      notReady: () => this.notReady(),
      status: () => this.status(),
      metrics: () => this.metrics(),
      onFault: (error: unknown) => log.error("admin_fault", stackOf(error)),
    };
    this.admin = new AdminAddress({ log, watch: this.needs.watch, epochMs: options.now, pages });
    this.probe = probeWith(this.names.table.lookup);
    this.monitor = new HealthMonitor({
      table: this.endpoints,
      log,
      now: monotonic,
      random: Math.random,
      after: afterMs,
      tls,
      probe: this.probe,
    });
    this.refusingEndpoints = new RefusingEndpoints({
      table: this.endpoints,
      probe: this.probe,
      tls,
      allDown: () => this.status().status === "down",
    });
  }

  /**
   * Gives the workers the configuration, begins to probe, and waits for healthy endpoints if the configuration says so. No listener is open
   * then: {@link open} follows. After any other outcome than `started`, call {@link stop}.
   * @param stop aborted: the start is given up, with the outcome `stopped`
   * @param checksListeners whether to look at once if the listeners' addresses are free, and to keep them for `open`
   */
  async start(stop: AbortSignal, { checksListeners }: { readonly checksListeners: boolean }): Promise<StartOutcome> {
    const prepared = this.generations.prepare(this.config);
    if ("problem" in prepared) return { kind: "failed", lines: [prepared.problem] };
    const { listenerSlots } = prepared.configuration;
    const problems = await this.needs.prepare(this.config, listenerSlots);
    if (problems.length > 0) return { kind: "failed", lines: problems };
    if (stop.aborted) return { kind: "stopped" };
    prepared.commit();
    this.current = prepared.configuration;
    this.names.use(endpointNames(this.config));
    this.needs.keep(this.config, listenerSlots);
    // The worker threads take longest, so they start first; the addresses are checked meanwhile.
    const started = this.supervisor.start(prepared.configuration);
    this.options.threads.endUnused();
    if (checksListeners) {
      const checked = await this.listeners.check(prepared.listeners.opened, []);
      if ("problem" in checked) return { kind: "failed", lines: [checked.problem] };
      this.checked = checked;
    }
    return this.startWith(prepared.configuration, started, stop);
  }

  /** Opens all listeners. After `failed` none of them is open, and it may be tried again, or {@link stop} called. */
  open(stop: AbortSignal): Promise<OpenOutcome> {
    return this.inTurn(() => this.openNow(stop));
  }

  /** Brings a new configuration into use, or refuses it and leaves everything as it was. */
  reload(config: Config): Promise<ReloadOutcome> {
    return this.inTurn(() => this.reloadNow(config));
  }

  /**
   * Ends the process's work: serves normally for `shutdown.delay`, then takes nothing new and gives exchanges in flight
   * `shutdown.timeout` to end. Resolves with the number of exchanges that were cut.
   */
  async drain(): Promise<number> {
    this.phase = "draining";
    const delayMs = this.config.shutdown.delay;
    if (delayMs > 0) {
      this.options.log.info("shutdown_delayed", "/readyz answers 503; connections are still accepted", { delay_ms: delayMs });
      await new Promise((over) => setTimeout(over, delayMs));
    }
    this.options.log.info("draining", "no new connections; finishing what is in flight", { limit_ms: this.config.shutdown.timeout });
    const cut = await this.supervisor.drain(this.config.shutdown.timeout);
    this.options.log.info("drained", cut === 0 ? "all exchanges have ended" : "what had not ended in time was cut", { cut });
    await this.stop();
    return cut;
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    this.phase = "draining";
    this.monitor.stop();
    this.refusingEndpoints.stop();
    this.names.stop();
    const needsStopped = this.needs.stop();
    await this.checked?.release();
    await Promise.all([this.supervisor.close(), needsStopped, this.admin.stop()]);
  }

  /** For tests: kills one worker as a fault would. It is then replaced. */
  terminateWorker(index: number): Promise<void> {
    return this.supervisor.terminateWorker(index);
  }

  /** The worker's heartbeat: a number that changes as long as its event loop runs. */
  beats(worker: number): number {
    return this.workerTable.beats(worker);
  }

  /** Which part of the data plane makes no progress, in words. Null: all of it does, or the process is ending. */
  get standstill(): string | null {
    return this.supervisor.standstill;
  }

  /** URL of the admin address; null when there is none. */
  get adminUrl(): string | null {
    return this.admin.url;
  }

  status(): StatusDocument {
    const { version, startedAtMs, now } = this.options;
    const process = { version, startedAtMs, nowMs: now() };
    return statusDocument(this.config, this.current?.endpointSlots ?? {}, this.endpoints, process, this.needs.reading);
  }

  metrics(): string {
    const status = this.status();
    const readings = Object.entries(status.upstreams).flatMap(([upstream, { endpoints }]) =>
      endpoints.map((endpoint) => ({ upstream, endpoint: endpoint.url, health: endpoint.health, inFlight: endpoint.in_flight })),
    );
    return metricsText(this.totals.snapshot(), readings, {
      version: this.options.version,
      nodeVersion: process.version,
      uptimeSeconds: status.uptime,
      workers: this.supervisor.serving,
      bufferedBytes: this.workerTable.kept(),
      workerRestarts: this.supervisor.restarts,
      configGeneration: this.current?.generation ?? 0,
      refusedReloads: this.options.refusedReloads(),
      limiterEvictions: this.buckets.evictions,
      logDroppedLines: this.options.logDroppedLines(),
      ...this.needs.reading,
    });
  }

  /** Reasons why the process should get no traffic now, for `/readyz`. Empty: it is ready. */
  notReady(): readonly string[] {
    if (this.phase === "draining") return ["draining"];
    // A proxy without listeners, to which a program hands requests, is ready once it has started.
    if (this.phase === "starting" || (this.phase === "started" && this.config.listeners.length > 0)) return ["starting"];
    const reasons: string[] = [];
    if (this.phase === "serving" && this.supervisor.serving === 0) reasons.push("no worker is serving");
    for (const address of this.supervisor.lostListeners) reasons.push(`listener ${address} is lost`);
    // While any upstream has a usable endpoint the process stays ready: one dead upstream must not stop traffic to the others.
    if (this.status().status === "down") reasons.push("no upstream has a usable endpoint");
    return reasons;
  }

  private async startWith(
    { endpointSlots }: WorkerConfiguration,
    started: Promise<StartProblem | null>,
    stop: AbortSignal,
  ): Promise<StartOutcome> {
    try {
      (await this.admin.change(this.config.admin)).commit();
    } catch (error) {
      return { kind: "failed", lines: [messageOf(error)] };
    }
    this.monitor.apply(this.config, endpointSlots);
    this.refusingEndpoints.apply(this.config, endpointSlots);
    const notStarted = await started;
    if (notStarted !== null) return { kind: "failed", lines: [notStarted.message] };
    if (this.config.startup.require_healthy) {
      this.options.log.info("startup_waiting", "waiting for healthy endpoints", { limit_ms: this.config.startup.wait });
      const tls: TlsFor = (each) => this.needs.upstreams.tlsOf(each);
      const parts = { table: this.endpoints, monitor: this.monitor, tls, probe: this.probe };
      const outcome = await waitUntilHealthy(this.config, endpointSlots, parts, stop);
      if (outcome.kind !== "ready") return outcome;
    }
    if (stop.aborted) return { kind: "stopped" };
    this.phase = "started";
    return { kind: "started" };
  }

  private async openNow(stop: AbortSignal): Promise<OpenOutcome> {
    if (this.phase !== "started") return { kind: "stopped" };
    const slots = this.current?.listenerSlots ?? [];
    const all = this.config.listeners.map((settings, position) => ({
      slot: slots[position] ?? 0,
      address: settings.address,
      position,
      settings,
    }));
    const checked = this.checked ?? (await this.listeners.check(all, []));
    this.checked = null;
    if ("problem" in checked) return { kind: "failed", lines: [checked.problem] };
    try {
      if (this.isEnding(stop)) return { kind: "stopped" };
      const failed = await this.listeners.open(checked.listeners, all);
      if (failed !== null) return { kind: "failed", lines: [failed.problem] };
      if (this.isEnding(stop)) return { kind: "stopped" };
      this.phase = "serving";
      this.needs.acme.listening();
      this.listeners.logServedByOneWorker(checked.listeners);
      return { kind: "open", listeners: checked.listeners.map(openedOf), adminUrl: this.adminUrl };
    } finally {
      await checked.release();
    }
  }

  /** A file of TLS towards endpoints has changed: what probes have found with the old one counts until the next of them. */
  private probeAnew(): void {
    if (this.current !== null && this.phase !== "draining") this.monitor.apply(this.config, this.current.endpointSlots);
  }

  private isEnding(stop: AbortSignal): boolean {
    return stop.aborted || this.phase === "draining";
  }

  private inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.changing.then(change);
    this.changing = turn.catch(() => undefined);
    return turn;
  }

  private async reloadNow(config: Config): Promise<ReloadOutcome> {
    const notServing = this.whyNotServing();
    if (notServing !== null) return refused(...notServing);
    const unchangeable = restartNeeded(this.config, config, this.workers, availableParallelism());
    if (unchangeable.length > 0) return refused(...unchangeable);
    const prepared = this.generations.prepare(config);
    if ("problem" in prepared) return refused(prepared.problem);
    // Workers get the lists, and what TLS needs, before the configuration that names them.
    const problems = await this.needs.prepare(config, prepared.configuration.listenerSlots);
    const outcome = problems.length > 0 ? refused(...problems) : await this.reloadPrepared(config, prepared);
    this.needs.keep(this.config, this.current?.listenerSlots ?? []);
    if (outcome.kind === "reloaded") return outcome;
    for (let worker = 0; worker < this.seats; worker++) this.totals.released(prepared.configuration.generation, worker);
    return outcome;
  }

  /** The order makes a refusal harmless: open what is new (this can fail), then switch the workers over, then close what is gone. */
  private async reloadPrepared(config: Config, prepared: PreparedConfiguration): Promise<ReloadOutcome> {
    const { opened, closed } = prepared.listeners;
    if (this.phase === "started") return this.reloadUnopened(config, prepared);
    const checked = await this.listeners.check(opened, closed);
    if ("problem" in checked) return this.refusedListener(checked, config);
    try {
      const failed = await this.listeners.open(checked.listeners, opened);
      if (failed !== null) return this.refusedListener(failed, config);
    } finally {
      await checked.release();
    }
    const changed = await this.switchOver(config, prepared);
    if ("lines" in changed) {
      await this.listeners.close(opened, 0);
      return refused(...changed.lines);
    }
    this.listeners.logServedByOneWorker(checked.listeners);
    await this.listeners.close(closed, config.shutdown.timeout);
    const addresses = closed.map(({ address }) => address);
    return { kind: "reloaded", opened: checked.listeners.map(openedOf), closed: addresses, ...changed };
  }

  /** A reload before the listeners are opened. */
  private async reloadUnopened(config: Config, prepared: PreparedConfiguration): Promise<ReloadOutcome> {
    const changed = await this.switchOver(config, prepared);
    if ("lines" in changed) return refused(...changed.lines);
    // The workers forget the listeners that they know by their configuration only.
    await this.listeners.close(prepared.listeners.closed, 0);
    return { kind: "reloaded", opened: [], closed: [], ...changed };
  }

  /** Moves the admin address and the workers to the new configuration. Old and new listeners are all open at this time. */
  private async switchOver(
    config: Config,
    { configuration, commit }: PreparedConfiguration,
  ): Promise<AdminMove | { readonly lines: readonly string[] }> {
    let admin: AdminChange;
    try {
      admin = await this.admin.change(config.admin);
    } catch (error) {
      return { lines: [withHolder(messageOf(error), config.admin?.address ?? "", this.config)] };
    }
    const unused = await this.configureWorkers(config, configuration);
    // A drain ends the workers in the middle of it: then the drain is the reason.
    const problems = this.whyNotServing() ?? unused;
    if (problems !== null) {
      await admin.abandon();
      return { lines: problems };
    }
    commit();
    this.config = config;
    this.current = configuration;
    this.monitor.apply(config, configuration.endpointSlots);
    this.refusingEndpoints.apply(config, configuration.endpointSlots);
    return admin.commit();
  }

  private refusedListener({ problem, position }: ListenProblem, { listeners }: Config): ReloadOutcome {
    if (position === null) return refused(problem);
    return refused(`listeners.#${position + 1}.address: ${withHolder(problem, listeners[position]?.address ?? "", this.config)}`);
  }

  /** A reason to refuse a reload, or null. A reload during a drain would start again what the drain stopped. */
  private whyNotServing(): readonly string[] | null {
    return this.phase === "serving" || this.phase === "started" ? null : [`not now: ${this.phase}`];
  }

  /** Null: the workers use the new configuration. Otherwise they keep the old one, and the lines say why. */
  private async configureWorkers(config: Config, configuration: WorkerConfiguration): Promise<readonly string[] | null> {
    const [before, after] = [endpointNames(this.config), endpointNames(config)];
    // Until the last worker has switched over, the names of both configurations are in use.
    this.names.use(new Set([...before, ...after]));
    const refusals = await this.supervisor.reload(configuration);
    for (const { worker, problem, hasEnded } of refusals) {
      if (hasEnded) continue;
      this.options.log.error("worker_refused_config", problem, { worker, generation: configuration.generation });
      this.totals.released(configuration.generation, worker);
    }
    const isUsed = this.supervisor.generation === configuration.generation;
    this.names.use(isUsed ? after : before);
    // All workers run the same program and have set up the middleware, so they normally all accept. Only lack of memory can make them differ.
    return isUsed ? null : [...new Set(refusals.map(({ problem }) => problem))];
  }
}

function refused(...lines: readonly string[]): ReloadOutcome {
  return { kind: "refused", lines };
}

function openedOf({ planned, address, settings }: SupervisedListener): OpenedListener {
  return { target: planned.target, address, scheme: settings.tls === undefined ? "http" : "https" };
}
