/** What the control plane of a process consists of: the shared tables, the workers, the probes, the admin address, and what threads are told. */
import { availableParallelism, hostname } from "node:os";
import { stackOf } from "../base/errors.ts";
import type { Environment } from "../config/replacements.ts";
import type { SecretPlaces } from "../config/placed-secrets.ts";
import type { Config } from "../config/schema/schema.ts";
import type { AppLog } from "../observe/app-log.ts";
import { MetricTotals } from "../observe/metric-totals.ts";
import { BucketTable } from "../shared/bucket-table.ts";
import { InFlightTable } from "../shared/in-flight-table.ts";
import { EndpointTable, WORKERS_MAX } from "../shared/endpoint-table.ts";
import { ALL_SLOTS, WorkerTable } from "../shared/worker-table.ts";
import { AdminAddress } from "./admin/admin-address.ts";
import { afterMs } from "./after-ms.ts";
import { HealthMonitor } from "./health/health.ts";
import type { TlsFor } from "./health/health.ts";
import { probeWith } from "./health/probe.ts";
import type { Probe } from "./health/probe.ts";
import { RefusingEndpoints } from "./health/refusing-endpoints.ts";
import { Listeners } from "./listeners.ts";
import { Names } from "./names/names.ts";
import { PlaneReadings } from "./plane-readings.ts";
import type { PlaneState } from "./plane-readings.ts";
import { workersOf } from "./restart-needed.ts";
import type { SecretCommands } from "./secrets/secret-commands.ts";
import { socketsMax } from "./system/open-files.ts";
import { SystemFile } from "./system/system-file.ts";
import { ThreadNeeds } from "./thread-needs.ts";
import { Generations } from "./workers/generations.ts";
import { Supervisor } from "./workers/supervise.ts";
import type { ThreadLink, ThreadSource } from "./workers/thread-link.ts";

export interface ControlPlaneOptions {
  readonly config: Config;
  /** The secrets of the configuration that were read from elsewhere, their files by absolute paths. Absent: none. */
  readonly secrets?: SecretPlaces;
  /** The programs that print secrets. Absent: no configuration names any. */
  readonly commands?: SecretCommands;
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

/**
 * What is remembered of sessions: a refresh leaves an entry until the session ends, a logout one for thirty days. A full table gives way by
 * what ends first. The entries take 6.4 MB of address space, of which only touched pages cost memory.
 */
const LOGIN_ENTRIES = 500_000;

export class PlaneParts {
  readonly workers: number;
  /** How many data-plane threads there are: the workers, and the one beside them. */
  readonly seats: number;
  readonly endpoints: EndpointTable;
  readonly workerTable: WorkerTable;
  readonly generations: Generations;
  readonly totals: MetricTotals;
  readonly supervisor: Supervisor;
  readonly listeners: Listeners;
  readonly names: Names;
  readonly needs: ThreadNeeds;
  readonly probe: Probe;
  readonly monitor: HealthMonitor;
  readonly refusingEndpoints: RefusingEndpoints;
  readonly admin: AdminAddress;
  readonly readings: PlaneReadings;
  /** How connections to endpoints of a configuration are secured whose files were read. */
  readonly tls: TlsFor = (config) => this.needs.upstreams.tlsOf(config);
  private readonly state: PlaneState;

  constructor(options: ControlPlaneOptions, state: PlaneState) {
    this.state = state;
    const { besideWorkers } = options;
    const beside = besideWorkers === undefined ? 0 : 1;
    this.workers = Math.min(workersOf(options.config, availableParallelism()), WORKERS_MAX - beside);
    this.seats = this.workers + beside;
    const endpointTable = new SharedArrayBuffer(EndpointTable.bytes());
    const [seedLow = 0, seedHigh = 0, loginSeedLow = 0, loginSeedHigh = 0] = crypto.getRandomValues(new Uint32Array(4));
    const bucketTable = BucketTable.create(seedLow, seedHigh);
    const loginTable = BucketTable.create(loginSeedLow, loginSeedHigh, LOGIN_ENTRIES);
    const inFlightTable = InFlightTable.create(this.seats, seedHigh, seedLow);
    const workerTable = WorkerTable.create(this.seats, ALL_SLOTS, seedLow, seedHigh);
    this.workerTable = new WorkerTable(workerTable);
    this.endpoints = new EndpointTable(endpointTable);
    const buckets = new BucketTable(bucketTable);
    const logins = new BucketTable(loginTable);
    const inFlight = new InFlightTable(inFlightTable);
    this.totals = new MetricTotals(this.seats);
    this.generations = new Generations(this.endpoints, this.totals, this.workerTable);
    const { log, version, startedAtMs, takeLines, monotonic } = options;
    // A plain copy: `process.env` itself cannot be sent to another thread.
    const environment = { ...options.environment };
    this.supervisor = new Supervisor({
      workers: this.workers,
      seats: this.seats,
      init: {
        version,
        startedAtMs,
        environment,
        endpointTable,
        bucketTable,
        inFlightTable,
        loginTable,
        workerTable,
        socketsMax: socketsMax(this.seats),
      },
      beats: (worker) => this.workerTable.beats(worker),
      middlewareIn: (worker) => this.workerTable.middleware(worker),
      onCounted: (counts) => this.totals.countMiddleware(counts),
      onCertificateWanted: (slot, name) => void this.needs.certificateWanted(slot, name),
      onKeysWanted: (url) => this.needs.keyServers.want(url),
      onAskOutside: (request) => this.needs.outside.send(request),
      onStore: (worker, news) => this.needs.stores.take(worker, news),
      news: () => [{ type: "names", news: this.names.current() }, ...this.needs.news()],
      threadFor: (index) => (index >= this.workers && besideWorkers !== undefined ? besideWorkers() : options.threads.take(index)),
      log,
      now: monotonic,
      takeLines,
      onReleased: (generation, worker) => this.totals.released(generation, worker),
      onWorkerEnded: (worker) => {
        this.endpoints.clearWorker(worker);
        this.totals.workerEnded(worker);
        this.needs.stores.workerEnded(worker);
        this.needs.memories.clearWorker(worker);
        this.workerTable.clearWorker(worker);
        buckets.releaseLockOf(worker);
        logins.releaseLockOf(worker);
        inFlight.clearWorker(worker);
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
      { ...options, seats: this.seats },
      () => this.probeAnew(),
    );
    const { totals, supervisor, needs, tls } = this;
    this.readings = new PlaneReadings(options, state, {
      endpoints: this.endpoints,
      workerTable: this.workerTable,
      buckets,
      totals,
      supervisor,
      needs,
    });
    const { readings } = this;
    const pages = {
      notReady: () => readings.notReady(),
      status: () => readings.status(),
      metrics: () => readings.metrics(),
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
      allDown: () => readings.status().status === "down",
    });
  }

  /** A file of TLS towards endpoints has changed: what probes have found with the old one counts until the next of them. */
  private probeAnew(): void {
    const { config, current, phase } = this.state;
    if (current !== null && phase !== "draining") this.monitor.apply(config, current.endpointSlots);
  }
}
