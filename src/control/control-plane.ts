/**
 * The control plane of one process: it owns the shared tables, the workers, the probes and the admin address, and takes them through
 * start, reload and stop. It reads no configuration and no signal; cli/ does.
 */
import { availableParallelism, hostname } from "node:os";
import { messageOf, stackOf } from "../base/errors.ts";
import { endpointNames } from "../config/endpoint-names.ts";
import type { Config } from "../config/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import { MetricTotals } from "../observe/metric-totals.ts";
import { metricsText } from "../observe/metrics-text.ts";
import { statusDocument } from "../observe/status.ts";
import type { StatusDocument } from "../observe/status.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { ENDPOINT_SLOTS, EndpointTable, WORKERS_MAX } from "../shared/endpoint-table.ts";
import { WorkerTable } from "../shared/worker-table.ts";
import { parseListenAddress } from "../base/listen-address.ts";
import type { ListenAddress } from "../base/listen-address.ts";
import type { AdminServer } from "./admin.ts";
import { afterMs } from "./after-ms.ts";
import { Generations } from "./generations.ts";
import { HealthMonitor } from "./health.ts";
import { checkListeners, reusePortSupported } from "./listen-check.ts";
import type { ListenPlan, PlannedListener } from "./listen-check.ts";
import { Names } from "./names.ts";
import { socketsMax } from "./open-files.ts";
import { probeWith } from "./probe.ts";
import type { Probe } from "./probe.ts";
import { Refusals } from "./refusals.ts";
import { restartNeeded } from "./restart-needed.ts";
import { waitUntilHealthy } from "./startup.ts";
import { Supervisor } from "./supervise.ts";
import type { StartProblem, WorkerConfiguration } from "./supervise.ts";
import { SystemFile } from "./system-file.ts";
import type { WorkerThreads } from "./worker-threads.ts";

export interface ControlPlaneOptions {
  readonly config: Config;
  readonly log: AppLog;
  readonly version: string;
  /** Access log lines of a worker; `taken` once they are written or dropped. */
  readonly takeLines: (data: Uint8Array, lines: number, taken: () => void) => void;
  /** Lines that the log output dropped so far. */
  readonly logDroppedLines: () => number;
  readonly refusedReloads: () => number;
  readonly readFile: (path: string) => string;
  /** Epoch milliseconds when the process started. */
  readonly startedAtMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly threads: WorkerThreads;
}

export type StartOutcome =
  /** Listeners with their real ports, in the configuration's order, and the admin address. */
  | { readonly kind: "started"; readonly listeners: readonly PlannedListener[]; readonly adminUrl: string | null }
  /** The stop signal came first. */
  | { readonly kind: "stopped" }
  /** Lines for the person who started it. */
  | { readonly kind: "failed"; readonly lines: readonly string[] };

type Phase = "starting" | "serving" | "draining";

const TOO_MANY_ENDPOINTS = `too many endpoints: all upstreams together may have ${ENDPOINT_SLOTS}`;

export class ControlPlane {
  private readonly options: ControlPlaneOptions;
  private readonly workers: number;
  private readonly endpoints: EndpointTable;
  private readonly buckets: BucketTable;
  private readonly workerTable: WorkerTable;
  private readonly generations: Generations;
  private readonly totals: MetricTotals;
  private readonly supervisor: Supervisor;
  private readonly names: Names;
  private readonly probe: Probe;
  private readonly monitor: HealthMonitor;
  private readonly refusals: Refusals;
  private config: Config;
  private current: WorkerConfiguration | null = null;
  private phase: Phase = "starting";
  private admin: AdminServer | null = null;
  /** The reload under way, or the last one: they run one after the other. */
  private reloading: Promise<unknown> = Promise.resolve();

  constructor(options: ControlPlaneOptions) {
    this.options = options;
    this.config = options.config;
    this.workers = Math.min(options.config.workers === "auto" ? availableParallelism() : options.config.workers, WORKERS_MAX);
    const endpointTable = new SharedArrayBuffer(EndpointTable.bytes());
    const [seedLow = 0, seedHigh = 0] = crypto.getRandomValues(new Uint32Array(2));
    const bucketTable = BucketTable.create(seedLow, seedHigh);
    const workerTable = WorkerTable.create(this.workers, options.config.listeners.length, seedLow, seedHigh);
    this.workerTable = new WorkerTable(workerTable);
    this.endpoints = new EndpointTable(endpointTable);
    this.buckets = new BucketTable(bucketTable);
    this.totals = new MetricTotals(this.workers);
    this.generations = new Generations(this.endpoints, this.totals);
    const { log, version, startedAtMs, takeLines, monotonic, readFile } = options;
    this.supervisor = new Supervisor({
      workers: this.workers,
      init: { version, startedAtMs, endpointTable, bucketTable, workerTable, socketsMax: socketsMax(this.workers) },
      beats: (worker) => this.beats(worker),
      names: () => this.names.current(),
      threadFor: (index) => options.threads.take(index),
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
    this.names = new Names({
      log,
      now: monotonic,
      random: Math.random,
      hosts: new SystemFile("/etc/hosts"),
      resolvConf: new SystemFile("/etc/resolv.conf"),
      hostname: hostname(),
      environment: process.env,
      tell: (news) => this.supervisor.tellNames(news),
    });
    this.probe = probeWith(this.names.table.lookup);
    this.monitor = new HealthMonitor({
      table: this.endpoints,
      log,
      now: monotonic,
      random: Math.random,
      after: afterMs,
      readFile,
      probe: this.probe,
    });
    this.refusals = new Refusals({
      table: this.endpoints,
      probe: this.probe,
      readFile,
      allDown: () => this.status().status === "down",
    });
  }

  /** Resolves when all listeners accept connections. After anything but `started`, call {@link stop}. An abort of `stop` ends the wait. */
  async start(stop: AbortSignal): Promise<StartOutcome> {
    const addresses = listenAddresses(this.config);
    if (typeof addresses === "string") return { kind: "failed", lines: [addresses] };
    const prepared = this.generations.prepare(this.config);
    if (prepared === null) return { kind: "failed", lines: [TOO_MANY_ENDPOINTS] };
    prepared.commit();
    this.current = prepared.message;
    this.names.use(endpointNames(this.config));
    // The threads take longest: they begin first, on other processors, while this one looks at the addresses.
    const started = this.supervisor.start(prepared.message);
    this.options.threads.endUnused();
    const checked = await checkListeners(addresses, reusePortSupported(process.platform));
    if (checked.problem !== undefined) return { kind: "failed", lines: [checked.problem] };
    try {
      return await this.startOn(checked.plan, prepared.message, started, stop);
    } finally {
      await checked.plan.release();
    }
  }

  /** Brings a new configuration into use, or changes nothing and says why not. */
  reload(config: Config): Promise<readonly string[]> {
    const turn = this.reloading.then(() => this.reloadNow(config));
    this.reloading = turn;
    return turn;
  }

  /** Serves on for `shutdown.delay`, then ends the workers, exchanges in flight within `shutdown.timeout`; resolves with how many were cut. */
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
    this.refusals.stop();
    this.names.stop();
    await Promise.all([this.supervisor.close(), this.admin?.close()]);
  }

  /** Kills one worker as a fault would, for tests; it is replaced. */
  terminateWorker(index: number): Promise<void> {
    return this.supervisor.terminateWorker(index);
  }

  /** A number that changes as long as that worker's event loop turns. */
  beats(worker: number): number {
    return this.workerTable.beats(worker);
  }

  /** What stands still in the data plane, in words; null: it makes progress, or is ending. */
  get standstill(): string | null {
    return this.supervisor.standstill;
  }

  status(): StatusDocument {
    const { version, startedAtMs, now } = this.options;
    return statusDocument(this.config, this.current?.endpointSlots ?? {}, this.endpoints, { version, startedAtMs, nowMs: now() });
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
      workerRestarts: this.supervisor.restarts,
      configGeneration: this.current?.generation ?? 0,
      refusedReloads: this.options.refusedReloads(),
      limiterEvictions: this.buckets.evictions,
      logDroppedLines: this.options.logDroppedLines(),
    });
  }

  /** Why the process should get no traffic now; empty: it should. */
  notReady(): readonly string[] {
    if (this.phase === "draining") return ["draining"];
    if (this.phase === "starting") return ["starting"];
    const reasons: string[] = [];
    if (this.supervisor.serving === 0) reasons.push("no worker is serving");
    for (const listener of this.supervisor.lostListeners)
      reasons.push(`listener ${this.config.listeners[listener]?.address ?? listener} is lost`);
    // One dead upstream of several must not take the others' traffic away: only a process that could serve nothing is not ready.
    if (this.status().status === "down") reasons.push("no upstream has a usable endpoint");
    return reasons;
  }

  private async startOn(
    plan: ListenPlan,
    { endpointSlots }: WorkerConfiguration,
    started: Promise<StartProblem | null>,
    stop: AbortSignal,
  ): Promise<StartOutcome> {
    try {
      await this.startAdmin();
    } catch (error) {
      return { kind: "failed", lines: [messageOf(error)] };
    }
    this.monitor.apply(this.config, endpointSlots);
    this.refusals.apply(this.config, endpointSlots);
    const notStarted = await started;
    if (notStarted !== null) return { kind: "failed", lines: [notStarted.message] };
    if (this.config.startup.require_healthy) {
      this.options.log.info("startup_waiting", "waiting for healthy endpoints", { limit_ms: this.config.startup.wait });
      const parts = { table: this.endpoints, monitor: this.monitor, readFile: this.options.readFile, probe: this.probe };
      const outcome = await waitUntilHealthy(this.config, endpointSlots, parts, stop);
      if (outcome.kind !== "ready") return outcome;
    }
    if (stop.aborted) return { kind: "stopped" };
    const problem = await this.supervisor.listen(plan.listeners);
    if (problem !== null) return { kind: "failed", lines: [startProblemInWords(problem, this.config)] };
    if (stop.aborted) return { kind: "stopped" };
    this.phase = "serving";
    this.logListeners(plan.listeners);
    return { kind: "started", listeners: plan.listeners, adminUrl: this.admin?.url ?? null };
  }

  private async startAdmin(): Promise<void> {
    const address = this.config.admin?.address;
    if (address === undefined) return;
    const { startAdmin } = await import("./admin.ts");
    this.admin = await startAdmin(address, {
      access: () => ({ token: this.config.admin?.token, hosts: this.config.admin?.hosts ?? [] }),
      notReady: () => this.notReady(),
      status: () => this.status(),
      metrics: () => this.metrics(),
      onFault: (error) => this.options.log.error("admin_fault", stackOf(error)),
    });
  }

  private async reloadNow(config: Config): Promise<readonly string[]> {
    if (this.phase !== "serving") return [`not now: ${this.phase}`];
    const needed = restartNeeded(this.config, config);
    if (needed.length > 0) return needed;
    const prepared = this.generations.prepare(config);
    if (prepared === null) return [TOO_MANY_ENDPOINTS];
    const { message: configuration, commit } = prepared;
    const [before, after] = [endpointNames(this.config), endpointNames(config)];
    // Until the last worker has changed over, both are in use.
    this.names.use(new Set([...before, ...after]));
    const refusals = await this.supervisor.reload(configuration);
    for (const { worker, problem } of refusals) {
      this.options.log.error("worker_refused_config", problem, { worker, generation: configuration.generation });
      this.totals.released(configuration.generation, worker);
    }
    // One program in all workers: they accept or refuse alike, unless a machine out of memory tells them apart.
    const problems = [...new Set(refusals.map(({ problem }) => problem))];
    if (this.supervisor.generation !== configuration.generation) {
      this.names.use(before);
      for (let worker = 0; worker < this.workers; worker++) this.totals.released(configuration.generation, worker);
      return problems;
    }
    commit();
    this.names.use(after);
    this.config = config;
    this.current = configuration;
    this.monitor.apply(config, configuration.endpointSlots);
    this.refusals.apply(config, configuration.endpointSlots);
    return [];
  }

  private logListeners(listeners: readonly PlannedListener[]): void {
    if (this.workers === 1) return;
    for (const [position, { shared }] of listeners.entries()) {
      if (shared) continue;
      const address = this.config.listeners[position]?.address ?? "";
      this.options.log.info("listen_by_one_worker", `${address} cannot be shared: one of ${this.workers} workers serves it alone`, {
        address,
      });
    }
  }
}

/** The addresses, or what is wrong with one. */
function listenAddresses(config: Config): readonly ListenAddress[] | string {
  const addresses: ListenAddress[] = [];
  for (const listener of config.listeners) {
    const parsed = parseListenAddress(listener.address);
    if (parsed.problem !== undefined) return parsed.problem;
    addresses.push(parsed.address);
  }
  return addresses;
}

function startProblemInWords(problem: StartProblem, config: Config): string {
  if (problem.listener === null) return problem.message;
  return `cannot listen on ${config.listeners[problem.listener]?.address ?? ""}: ${problem.message}`;
}
