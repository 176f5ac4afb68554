/**
 * The sums of all metrics, which outlive configurations. A reload brings a new table with a new layout, while exchanges of the old snapshot
 * are still counted in the old table. When no worker holds the old generation any more, its table is added to a base, whose keys are the
 * texts of labels. A scrape gets the base plus every live table, so a total never falls.
 *
 * The base keeps gauges per worker. A connection that was opened under the old generation may be closed under the new one (+1 in the old
 * table, −1 in the new one), so single tables mean nothing; and when a worker dies, its part must be removed from the base and all tables.
 */
import {
  COUNTERS,
  COUNTER_NAMES,
  CounterId,
  GAUGES,
  MetricTable,
  STATUS_CLASSES,
  TOKEN_KINDS,
  featureCounterIds,
} from "../shared/metric-table.ts";
import type { CounterName } from "../shared/metric-table.ts";
import type { MetricLayout, RouteSums } from "../shared/metric-table.ts";
import type { MiddlewareCount } from "../shared/protocol.ts";
import { FEATURE_FACTS } from "./names.ts";

const FEATURE_COUNTERS = featureCounterIds(FEATURE_FACTS);

/** How many requests ended with these labels. */
export interface RequestTotal {
  readonly route: string;
  readonly upstream: string;
  readonly endpoint: string;
  readonly statusClass: string;
  count: number;
}

export interface RouteTotal extends RouteSums {
  readonly route: string;
}

/** What a counter of a middleware has counted. */
export interface MiddlewareTotal {
  readonly middleware: string;
  readonly counter: string;
  count: number;
}

/** All totals at one moment, gauges included. */
export interface MetricSnapshot {
  readonly middleware: readonly MiddlewareTotal[];
  readonly counters: Readonly<Record<CounterName, number>>;
  /** The counters of features, by name. */
  readonly featureCounters: ReadonlyMap<string, number>;
  readonly requests: readonly RequestTotal[];
  readonly routes: readonly RouteTotal[];
}

/** The most series of requests in the base, so that reloads which rename routes again and again do not fill the memory. */
export const BASE_SERIES_MAX = 131_072;

/** The most counters of middleware: their names come from code that may make them without end. */
const MIDDLEWARE_SERIES_MAX = 10_000;

interface LiveTable {
  readonly generation: number;
  readonly table: MetricTable;
  /** Workers that may still write into the table. */
  readonly holders: Set<number>;
}

class Sums {
  readonly counters: Float64Array = new Float64Array(COUNTERS);
  readonly requests: Map<string, RequestTotal> = new Map();
  readonly routes: Map<string, RouteTotal> = new Map();
}

export class MetricTotals {
  private readonly workers: number;
  private readonly base: Sums = new Sums();
  private readonly baseGauges: Float64Array;
  private live: LiveTable[] = [];
  private readonly middleware: Map<string, MiddlewareTotal> = new Map();

  constructor(workers: number) {
    this.workers = workers;
    this.baseGauges = new Float64Array(workers * GAUGES);
  }

  /** Adds what counters of middleware have counted. Counters beyond the limit are left out. */
  countMiddleware(counts: readonly MiddlewareCount[]): void {
    for (const [middleware, counter, by] of counts) {
      const key = `${middleware}\n${counter}`;
      const known = this.middleware.get(key);
      if (known !== undefined) known.count += by;
      else if (this.middleware.size < MIDDLEWARE_SERIES_MAX) this.middleware.set(key, { middleware, counter, count: by });
    }
  }

  /** Makes the table of a new generation and gives its memory, into which every worker may write from now on. */
  install(generation: number, layout: MetricLayout): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, this.workers));
    const holders = new Set(Array.from({ length: this.workers }, (_, worker) => worker));
    this.live.push({ generation, table: new MetricTable(layout, buffer, this.workers), holders });
    return buffer;
  }

  /** To be called when `worker` will not write into the table of `generation` any more. */
  released(generation: number, worker: number): void {
    for (const live of this.live) {
      if (live.generation === generation) live.holders.delete(worker);
    }
    this.foldReleased();
  }

  /** To be called when a worker has died: removes its gauges, and keeps its counters. */
  workerEnded(worker: number): void {
    this.baseGauges.fill(0, worker * GAUGES, (worker + 1) * GAUGES);
    for (const live of this.live) live.table.clearGauges(worker);
  }

  /** To be called when a replacement of the worker serves. It writes into no table before that of `generation`. */
  workerReplaced(worker: number, generation: number): void {
    for (const live of this.live) {
      if (live.generation < generation) live.holders.delete(worker);
    }
    this.foldReleased();
  }

  /** The oldest generation under which a worker still runs exchanges; Infinity when there is none. */
  oldestGeneration(): number {
    return this.live.reduce((oldest, live) => Math.min(oldest, live.generation), Infinity);
  }

  /** The totals of now. */
  snapshot(): MetricSnapshot {
    const sums = new Sums();
    sums.counters.set(this.base.counters);
    for (const [key, total] of this.base.requests) sums.requests.set(key, { ...total });
    for (const [key, total] of this.base.routes) sums.routes.set(key, total);
    for (const live of this.live) addTable(sums, live.table);
    for (let cell = 0; cell < this.baseGauges.length; cell++) {
      const gauge = cell % GAUGES;
      sums.counters[gauge] = (sums.counters[gauge] ?? 0) + (this.baseGauges[cell] ?? 0);
    }
    return {
      counters: namedCounters(sums.counters),
      middleware: [...this.middleware.values()].map((total) => ({ ...total })),
      featureCounters: new Map([...FEATURE_COUNTERS].map(([name, id]) => [name, sums.counters[id] ?? 0])),
      requests: [...sums.requests.values()],
      routes: [...sums.routes.values()],
    };
  }

  private foldReleased(): void {
    const free = this.live.filter((live) => live.holders.size === 0);
    if (free.length === 0) return;
    this.live = this.live.filter((live) => live.holders.size > 0);
    for (const { table } of free) {
      addTable(this.base, table);
      // The base keeps gauges per worker, so the sums of gauges that addTable has added are removed.
      this.base.counters.fill(0, 0, GAUGES);
      for (let worker = 0; worker < this.workers; worker++) {
        for (let gauge = 0; gauge < GAUGES; gauge++) {
          const cell = worker * GAUGES + gauge;
          this.baseGauges[cell] = (this.baseGauges[cell] ?? 0) + table.counterOf(worker, gauge);
        }
      }
    }
    if (this.base.requests.size > BASE_SERIES_MAX) mergeSeries(this.base);
  }
}

function addTable(sums: Sums, table: MetricTable): void {
  for (let id = 0; id < COUNTERS; id++) sums.counters[id] = (sums.counters[id] ?? 0) + table.counter(id);
  for (const cells of table.layout.routes) {
    for (let endpoint = 0; endpoint <= cells.endpoints.length; endpoint++) {
      for (const [index, statusClass] of STATUS_CLASSES.entries()) {
        const count = table.requests(cells, endpoint, index);
        if (count === 0) continue;
        addRequests(sums.requests, {
          route: cells.route,
          upstream: cells.upstream,
          endpoint: cells.endpoints[endpoint - 1] ?? "",
          statusClass,
          count,
        });
      }
    }
    const measured = table.route(cells);
    if (measured.buckets.every((count) => count === 0)) continue;
    const before = sums.routes.get(cells.route);
    sums.routes.set(cells.route, before === undefined ? { route: cells.route, ...measured } : addRoute(before, measured));
  }
}

function addRequests(requests: Map<string, RequestTotal>, more: RequestTotal): void {
  const key = JSON.stringify([more.route, more.upstream, more.endpoint, more.statusClass]);
  const total = requests.get(key);
  if (total === undefined) requests.set(key, more);
  else total.count += more.count;
}

function addRoute(before: RouteTotal, more: RouteSums): RouteTotal {
  return {
    route: before.route,
    buckets: before.buckets.map((count, bucket) => count + (more.buckets[bucket] ?? 0)),
    durationMs: before.durationMs + more.durationMs,
    bytesReceived: before.bytesReceived + more.bytesReceived,
    bytesSent: before.bytesSent + more.bytesSent,
    tokens: TOKEN_KINDS.flatMap((_, kind) =>
      before.tokens.length + more.tokens.length === 0 ? [] : [(before.tokens[kind] ?? 0) + (more.tokens[kind] ?? 0)],
    ),
  };
}

/** Merges all series of the base into one per status class, without labels. So at least the sums over all series never fall. */
function mergeSeries(base: Sums): void {
  const requests = new Map<string, RequestTotal>();
  for (const total of base.requests.values()) addRequests(requests, { ...total, route: "", upstream: "", endpoint: "" });
  base.requests.clear();
  for (const [key, total] of requests) base.requests.set(key, total);
  let all: RouteTotal | undefined;
  for (const total of base.routes.values()) all = all === undefined ? { ...total, route: "" } : addRoute(all, total);
  base.routes.clear();
  if (all !== undefined) base.routes.set("", all);
}

function namedCounters(counters: Float64Array): Record<CounterName, number> {
  const named: Record<CounterName, number> = { ...CounterId };
  for (const name of COUNTER_NAMES) named[name] = counters[CounterId[name]] ?? 0;
  return named;
}
