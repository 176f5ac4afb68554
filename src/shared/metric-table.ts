/**
 * The cells of all metrics, in shared memory. Each worker owns one row of Float64 cells and is the only one that writes it; the control
 * plane sums the rows when `/metrics` is asked for.
 *
 *     row = [ gauges and counters ][ per route: what nearly every exchange counts ]... [ per route: the rest ]...
 *
 * Plain reads and writes are enough. With a single writer no increment can be lost. An aligned 8-byte access is one machine instruction on
 * every 64-bit platform, so a reader never sees half a number. And a reader that sees a cell some microseconds late is no different from one
 * that asked earlier. Float64 counts exactly up to 2^53 and, unlike BigInt64, costs no allocation. Rows are padded to 128 bytes, so that two
 * workers never write the same cache line.
 *
 * The layout of a row follows from the configuration alone, so the main thread and the workers compute it separately and get the same.
 */
import { routeLabel } from "../config/checks/route-label.ts";
import type { FeatureFacts } from "../values/feature-facts.ts";

/** The cell of each gauge and counter. Gauges come first: their ids are below GAUGES. Names, types and help are in observe/names.ts. */
export const CounterId: {
  readonly connections_open: 0;
  readonly exchanges_in_flight: 1;
  readonly upstream_connections_open: 2;
  readonly tunnels_open: 3;
  readonly connections_accepted: 4;
  readonly connections_refused: 5;
  readonly upstream_connections_opened: 6;
  readonly upstream_connections_reused: 7;
  readonly upstream_connect_failures: 8;
  readonly retries: 9;
  readonly malformed_requests: 10;
  readonly request_timeouts: 11;
  readonly upstream_timeouts: 12;
  readonly origin_failures: 13;
  readonly client_aborts: 14;
  readonly tunnels_opened: 15;
  readonly access_log_dropped_lines: 16;
  readonly buffers_refused: 17;
  readonly retries_over_budget: 18;
  readonly requests_held: 19;
  readonly requests_mirrored: 20;
  readonly mirrors_dropped: 21;
  readonly proxy_headers_refused: 22;
  readonly tls_handshakes: 23;
  readonly tls_handshakes_resumed: 24;
  readonly tls_failed_client_left: 25;
  readonly tls_failed_timed_out: 26;
  readonly tls_failed_turned_away: 27;
  readonly tls_failed_not_tls: 28;
  readonly tls_failed_unknown_name: 29;
  readonly tls_failed_no_common_parameters: 30;
  readonly tls_failed_refused_certificate: 31;
  readonly tls_failed_refused_by_client: 32;
  readonly tls_failed_unusable_certificate: 33;
  readonly tls_failed_other: 34;
  readonly cache_hits: 35;
  readonly cache_stale_hits: 36;
  readonly cache_revalidated: 37;
  readonly cache_misses: 38;
  readonly cache_bypassed: 39;
} = {
  connections_open: 0,
  exchanges_in_flight: 1,
  upstream_connections_open: 2,
  tunnels_open: 3,
  connections_accepted: 4,
  connections_refused: 5,
  upstream_connections_opened: 6,
  upstream_connections_reused: 7,
  upstream_connect_failures: 8,
  retries: 9,
  malformed_requests: 10,
  request_timeouts: 11,
  upstream_timeouts: 12,
  origin_failures: 13,
  client_aborts: 14,
  tunnels_opened: 15,
  access_log_dropped_lines: 16,
  buffers_refused: 17,
  retries_over_budget: 18,
  requests_held: 19,
  requests_mirrored: 20,
  mirrors_dropped: 21,
  proxy_headers_refused: 22,
  tls_handshakes: 23,
  tls_handshakes_resumed: 24,
  tls_failed_client_left: 25,
  tls_failed_timed_out: 26,
  tls_failed_turned_away: 27,
  tls_failed_not_tls: 28,
  tls_failed_unknown_name: 29,
  tls_failed_no_common_parameters: 30,
  tls_failed_refused_certificate: 31,
  tls_failed_refused_by_client: 32,
  tls_failed_unusable_certificate: 33,
  tls_failed_other: 34,
  cache_hits: 35,
  cache_stale_hits: 36,
  cache_revalidated: 37,
  cache_misses: 38,
  cache_bypassed: 39,
};
export type CounterId = (typeof CounterId)[keyof typeof CounterId];
export type CounterName = keyof typeof CounterId;

export const COUNTER_NAMES: readonly CounterName[] = Object.keys(CounterId) as CounterName[];

/** How many of {@link CounterId} are gauges. */
export const GAUGES = 4;
/** Cells for gauges and counters, those of features included. There are more cells than counters, so that a new counter moves nothing. */
export const COUNTERS = 64;

/**
 * The cells of the features' counters, by the counter's name; they follow those of {@link CounterId}. They are in the order of the names, so
 * the order of the features does not matter. Throws when there are more counters than cells.
 */
export function featureCounterIds(features: readonly FeatureFacts[]): ReadonlyMap<string, number> {
  const names = features.flatMap(({ counters }) => Object.keys(counters)).sort();
  if (COUNTER_NAMES.length + names.length > COUNTERS) throw new Error("there are more counters than cells: raise COUNTERS");
  return new Map(names.map((name, position) => [name, COUNTER_NAMES.length + position]));
}

/** `none` means that the client got no answer, because its connection was cut before. */
export const STATUS_CLASSES: readonly string[] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/** Upper bounds, in milliseconds, of the latency buckets. One more bucket without a bound follows. */
export const LATENCY_BOUNDS_MS: readonly number[] = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];

/** The most request cells of a row: 512 KiB per worker, and a scrape of bearable length. With more, endpoints are not told apart. */
export const REQUEST_CELLS_MAX = 65_536;

/** What the tokens of an exchange are counted by: of the request or of the answer, as reported or as estimated. A cell for each, in this order. */
export const TOKEN_KINDS: readonly (readonly [kind: string, source: string])[] = [
  ["input", "usage"],
  ["output", "usage"],
  ["input", "estimate"],
  ["output", "estimate"],
];

/** The parts of a configuration that the layout follows from. */
export interface MetricSource {
  readonly routes: readonly {
    readonly name?: string | undefined;
    readonly upstream?: string | undefined;
    readonly split?: readonly { readonly upstream: string }[] | undefined;
    readonly token_limit?: unknown;
  }[];
  readonly upstreams: Readonly<Record<string, { readonly endpoints: readonly { readonly url: string }[] }>>;
}

export interface RouteCells {
  /** The route's name, or `#1` for an unnamed first route; "" for exchanges without a route. */
  readonly route: string;
  readonly upstream: string;
  /** URLs in file order; empty when endpoints are not told apart. */
  readonly endpoints: readonly string[];
  /** The first of the cells that nearly every exchange counts in. */
  readonly often: number;
  /** The first of the route's other cells. */
  readonly rest: number;
  /** The first of the cells for tokens; -1: the route counts none. */
  readonly tokens: number;
  /** The endpoint whose successes are counted in a cell at `often`; numbered as in {@link MetricTable.requests}. */
  readonly usualEndpoint: number;
}

export interface MetricLayout {
  /** Entry 0 is "no route". The others follow the routes of the configuration; a route with several upstreams has an entry for each. */
  readonly routes: readonly RouteCells[];
  /** Cells from one worker's row to the next one's. */
  readonly rowCells: number;
}

const CLASSES = 6;
const SUCCESS = 2;
const BUCKETS = LATENCY_BOUNDS_MS.length + 1;
/**
 * How many cells of a route an exchange counts in when it is short and succeeds at the route's first endpoint. They fill one cache line. With
 * ten thousand routes no cell is in the cache, and each further line costs a percent of the whole exchange.
 */
const OFTEN = 8;
const SUM = 0;
const BYTES_RECEIVED = 1;
const BYTES_SENT = 2;
const SUCCESSES = 3;
const FIRST_BUCKET = 4;
const OFTEN_BUCKETS = OFTEN - FIRST_BUCKET;
/** Two cache lines, which the processor fetches together. Rows of different workers must share none. */
const ALIGNMENT = 16;

function oftenCell(entry: number): number {
  return COUNTERS + entry * OFTEN;
}

function oftenBucket(often: number, bucket: number): number {
  return often + FIRST_BUCKET + bucket;
}

function restBucket(rest: number, bucket: number): number {
  return rest + bucket - OFTEN_BUCKETS;
}

/** Cells are ordered by class and then by endpoint, so that the successes of many endpoints share cache lines. */
function requestCell(rest: number, endpoints: number, endpoint: number, statusClass: number): number {
  return rest + BUCKETS - OFTEN_BUCKETS + statusClass * (endpoints + 1) + endpoint;
}

/** The layout of a row for a configuration. */
export function metricLayout(config: MetricSource): MetricLayout {
  // All routes of an upstream share one list of URLs, because a list for each of ten thousand routes would cost time and memory.
  const urls = new Map(Object.entries(config.upstreams).map(([name, { endpoints }]) => [name, endpoints.map(({ url }) => url)]));
  const sources = [
    { route: "", upstream: "", endpoints: [] as readonly string[], countsTokens: false },
    ...config.routes.flatMap((route, index) =>
      (route.split ?? [route]).map(({ upstream = "" }) => ({
        route: routeLabel(route, index),
        upstream,
        endpoints: urls.get(upstream) ?? [],
        countsTokens: route.token_limit !== undefined,
      })),
    ),
  ];
  const requestCells = sources.reduce((sum, source) => sum + (source.endpoints.length + 1) * CLASSES, 0);
  const collapse = requestCells > REQUEST_CELLS_MAX;
  let rest = COUNTERS + sources.length * OFTEN;
  const routes = sources.map(({ route, upstream, endpoints: all, countsTokens }, entry): RouteCells => {
    const endpoints = collapse ? [] : all;
    const end = requestCell(rest, endpoints.length, 0, CLASSES);
    const tokens = countsTokens ? end : -1;
    const cells = { route, upstream, endpoints, often: oftenCell(entry), rest, tokens, usualEndpoint: collapse || entry === 0 ? 0 : 1 };
    rest = countsTokens ? end + TOKEN_KINDS.length : end;
    return cells;
  });
  return { routes, rowCells: Math.ceil(rest / ALIGNMENT) * ALIGNMENT };
}

/** A worker's side of the table, which writes its row. The methods run several times per exchange and do nothing but array stores. */
export class WorkerMetrics {
  private readonly cells: Float64Array;
  /** `rest` of each entry of the layout; the next array has the number of its endpoints. */
  private readonly rests: Int32Array;
  private readonly endpointCounts: Int32Array;
  private readonly tokenCells: Int32Array;
  private readonly collapsed: boolean;

  constructor(layout: MetricLayout, buffer: SharedArrayBuffer, workerIndex: number) {
    this.cells = new Float64Array(buffer, workerIndex * layout.rowCells * 8, layout.rowCells);
    this.rests = Int32Array.from(layout.routes, (route) => route.rest);
    this.endpointCounts = Int32Array.from(layout.routes, (route) => route.endpoints.length);
    this.tokenCells = Int32Array.from(layout.routes, (route) => route.tokens);
    this.collapsed = layout.routes.every((route) => route.usualEndpoint === 0);
  }

  /**
   * Counts one exchange that has ended.
   * @param routeIndex position of the route's entry in the layout, minus 1; -1 when no route took the request
   * @param endpointIndex position within the route's upstream; -1 when none was tried
   * @param status that was sent to the client; 0 when none was
   */
  exchangeFinished(
    routeIndex: number,
    endpointIndex: number,
    status: number,
    durationMs: number,
    bytesReceived: number,
    bytesSent: number,
  ): void {
    const { cells } = this;
    const entry = routeIndex + 1;
    const often = oftenCell(entry);
    cells[often + SUM] = (cells[often + SUM] ?? 0) + durationMs;
    cells[often + BYTES_RECEIVED] = (cells[often + BYTES_RECEIVED] ?? 0) + bytesReceived;
    cells[often + BYTES_SENT] = (cells[often + BYTES_SENT] ?? 0) + bytesSent;

    const usualEndpoint = this.collapsed || entry === 0 ? 0 : 1;
    const endpoint = usualEndpoint === 0 ? 0 : endpointIndex + 1;
    const statusClass = status >= 100 && status < 600 ? (status / 100) | 0 : 0;
    let bucket = 0;
    while (bucket < BUCKETS - 1 && durationMs > (LATENCY_BOUNDS_MS[bucket] ?? 0)) bucket++;
    const request =
      statusClass === SUCCESS && endpoint === usualEndpoint
        ? often + SUCCESSES
        : requestCell(this.rests[entry] ?? 0, this.endpointCounts[entry] ?? 0, endpoint, statusClass);
    cells[request] = (cells[request] ?? 0) + 1;
    const latency = bucket < OFTEN_BUCKETS ? oftenBucket(often, bucket) : restBucket(this.rests[entry] ?? 0, bucket);
    cells[latency] = (cells[latency] ?? 0) + 1;
  }

  /**
   * Counts the tokens of an exchange of a route that counts them.
   * @param routeIndex as in `exchangeFinished`
   */
  tokensCounted(routeIndex: number, input: number, output: number, isReported: boolean): void {
    const first = this.tokenCells[routeIndex + 1] ?? -1;
    if (first < 0) return;
    const cell = first + (isReported ? 0 : 2);
    this.add(cell, input);
    this.add(cell + 1, output);
  }

  /** @param counter a {@link CounterId}, or one of {@link featureCounterIds} */
  add(counter: number, delta: number): void {
    this.cells[counter] = (this.cells[counter] ?? 0) + delta;
  }
}

/** The sums of one route. */
export interface RouteSums {
  /** Exchanges in each latency bucket, not cumulated. */
  readonly buckets: readonly number[];
  readonly durationMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** In the order of {@link TOKEN_KINDS}; empty for a route that counts none. */
  readonly tokens: readonly number[];
}

/** The control plane's side of the table, which sums the rows of all workers. */
export class MetricTable {
  readonly layout: MetricLayout;
  private readonly workers: number;
  private readonly cells: Float64Array;

  /** Size in bytes of the buffer for `workers` workers. */
  static bytes(layout: MetricLayout, workers: number): number {
    return layout.rowCells * workers * 8;
  }

  constructor(layout: MetricLayout, buffer: SharedArrayBuffer, workers: number) {
    this.layout = layout;
    this.workers = workers;
    this.cells = new Float64Array(buffer, 0, layout.rowCells * workers);
  }

  /** The sum of a gauge or counter over all workers. */
  counter(id: number): number {
    return this.sum(id);
  }

  /** The value of a gauge or counter in one worker's row. */
  counterOf(worker: number, id: number): number {
    return this.cells[worker * this.layout.rowCells + id] ?? 0;
  }

  /** Zeroes the gauges of a dead worker, which has no open connections any more. Its counters stay. */
  clearGauges(worker: number): void {
    this.cells.fill(0, worker * this.layout.rowCells, worker * this.layout.rowCells + GAUGES);
  }

  /**
   * How many requests of a route ended at an endpoint with a class of status.
   * @param endpoint position + 1 in the route's upstream; 0 for no endpoint
   * @param statusClass position in STATUS_CLASSES
   */
  requests(route: RouteCells, endpoint: number, statusClass: number): number {
    const { often, rest, endpoints, usualEndpoint } = route;
    const isUsual = statusClass === SUCCESS && endpoint === usualEndpoint;
    return this.sum(isUsual ? often + SUCCESSES : requestCell(rest, endpoints.length, endpoint, statusClass));
  }

  /** The other sums of a route. */
  route(route: RouteCells): RouteSums {
    return {
      buckets: Array.from({ length: BUCKETS }, (_, bucket) =>
        this.sum(bucket < OFTEN_BUCKETS ? oftenBucket(route.often, bucket) : restBucket(route.rest, bucket)),
      ),
      durationMs: this.sum(route.often + SUM),
      bytesReceived: this.sum(route.often + BYTES_RECEIVED),
      bytesSent: this.sum(route.often + BYTES_SENT),
      tokens: route.tokens < 0 ? [] : TOKEN_KINDS.map((_, kind) => this.sum(route.tokens + kind)),
    };
  }

  private sum(cell: number): number {
    let sum = 0;
    for (let worker = 0, at = cell; worker < this.workers; worker++, at += this.layout.rowCells) sum += this.cells[at] ?? 0;
    return sum;
  }
}
