/** What the admin address shows of the whole process. */
import type { Config } from "../config/schema/schema.ts";
import type { MetricTotals } from "../observe/metric-totals.ts";
import { metricsText } from "../observe/metrics-text.ts";
import { statusDocument } from "../observe/status.ts";
import type { StatusDocument } from "../observe/status.ts";
import type { BucketTable } from "../shared/bucket-table.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import type { WorkerTable } from "../shared/worker-table.ts";
import type { ThreadNeeds } from "./thread-needs.ts";
import type { Supervisor } from "./workers/supervise.ts";
import type { WorkerConfiguration } from "./workers/worker-configuration.ts";

/** `started`: the workers have a configuration, and no listener is open. `serving`: the listeners are open. */
export type Phase = "starting" | "started" | "serving" | "draining";

/** Where the process stands in its life. */
export interface PlaneState {
  /** The configuration in use. */
  config: Config;
  /** The same as the workers have it; null: they have none yet. */
  current: WorkerConfiguration | null;
  phase: Phase;
}

export interface ReadingOptions {
  readonly version: string;
  /** Epoch milliseconds when the process started. */
  readonly startedAtMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Number of lines that the log output has dropped so far. */
  readonly logDroppedLines: () => number;
  /** Number of reloads that were refused so far. */
  readonly refusedReloads: () => number;
}

/** Where the facts come from. */
export interface ReadingParts {
  readonly endpoints: EndpointTable;
  readonly workerTable: Pick<WorkerTable, "kept">;
  readonly buckets: Pick<BucketTable, "evictions">;
  readonly totals: Pick<MetricTotals, "snapshot">;
  readonly supervisor: Pick<Supervisor, "serving" | "restarts" | "lostListeners">;
  readonly needs: Pick<ThreadNeeds, "reading" | "stores" | "memories">;
}

export class PlaneReadings {
  private readonly options: ReadingOptions;
  private readonly state: PlaneState;
  private readonly parts: ReadingParts;

  constructor(options: ReadingOptions, state: PlaneState, parts: ReadingParts) {
    this.options = options;
    this.state = state;
    this.parts = parts;
  }

  status(): StatusDocument {
    const { version, startedAtMs, now } = this.options;
    const process = { version, startedAtMs, nowMs: now() };
    return statusDocument(
      this.state.config,
      this.state.current?.endpointSlots ?? {},
      this.parts.endpoints,
      process,
      this.parts.needs.reading,
      this.parts.needs.stores.readings(),
    );
  }

  metrics(): string {
    const status = this.status();
    const readings = Object.entries(status.upstreams).flatMap(([upstream, { endpoints }]) =>
      endpoints.map((endpoint) => ({ upstream, endpoint: endpoint.url, health: endpoint.health, inFlight: endpoint.in_flight })),
    );
    return metricsText(this.parts.totals.snapshot(), readings, {
      version: this.options.version,
      nodeVersion: process.version,
      uptimeSeconds: status.uptime,
      workers: this.parts.supervisor.serving,
      bufferedBytes: this.parts.workerTable.kept(),
      workerRestarts: this.parts.supervisor.restarts,
      configGeneration: this.state.current?.generation ?? 0,
      refusedReloads: this.options.refusedReloads(),
      limiterEvictions: this.parts.buckets.evictions,
      logDroppedLines: this.options.logDroppedLines(),
      stores: this.parts.needs.stores.readings(),
      responseStores: this.parts.needs.memories.readings(),
      ...this.parts.needs.reading,
    });
  }

  /** Reasons why the process should get no traffic now, for `/readyz`. Empty: it is ready. */
  notReady(): readonly string[] {
    if (this.state.phase === "draining") return ["draining"];
    // A proxy without listeners, to which a program hands requests, is ready once it has started.
    if (this.state.phase === "starting" || (this.state.phase === "started" && this.state.config.listeners.length > 0)) return ["starting"];
    const reasons: string[] = [];
    if (this.state.phase === "serving" && this.parts.supervisor.serving === 0) reasons.push("no worker is serving");
    for (const address of this.parts.supervisor.lostListeners) reasons.push(`listener ${address} is lost`);
    // While any upstream has a usable endpoint the process stays ready: one dead upstream must not stop traffic to the others.
    if (this.status().status === "down") reasons.push("no upstream has a usable endpoint");
    return reasons;
  }
}
