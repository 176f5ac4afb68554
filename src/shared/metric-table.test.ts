import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CounterId,
  COUNTERS,
  featureCounterIds,
  GAUGES,
  LATENCY_BOUNDS_MS,
  metricLayout,
  MetricTable,
  STATUS_CLASSES,
  WorkerMetrics,
} from "./metric-table.ts";
import type { FeatureFacts } from "../values/feature-facts.ts";
import type { MetricLayout, MetricSource } from "./metric-table.ts";

const urls = (count: number): { url: string }[] => Array.from({ length: count }, (_, i) => ({ url: `http://10.0.0.${i}:80` }));
const source: MetricSource = {
  routes: [{ name: "api", upstream: "app" }, { upstream: "app" }],
  upstreams: { app: { endpoints: urls(2) } },
};

test("ids leave no hole, fit their room, and gauges come first", () => {
  const ids = Object.values(CounterId).sort((a, b) => a - b);
  assert.deepEqual(ids, [...ids.keys()]);
  assert.ok(ids.length <= COUNTERS);
  assert.deepEqual(Object.keys(CounterId).slice(0, GAUGES), [
    "connections_open",
    "exchanges_in_flight",
    "upstream_connections_open",
    "tunnels_open",
  ]);
});

test("counters of features have cells of their own, the same in whatever order the features are listed", () => {
  const named = (...names: readonly string[]): FeatureFacts => ({
    guard: false,
    outcomes: {},
    counters: Object.fromEntries(names.map((name) => [name, { metric: "", help: "", outcomes: [] }])),
    events: {},
  });
  const ids = featureCounterIds([named("b", "d"), named(), named("a")]);
  assert.deepEqual([...ids].sort(), [...featureCounterIds([named("a"), named("d", "b")])].sort());
  const first = Object.keys(CounterId).length;
  assert.deepEqual([...ids.values()].sort(), [first, first + 1, first + 2]);
  const many = named(...Array.from({ length: COUNTERS }, (_, index) => `c${index}`));
  assert.throws(() => featureCounterIds([many]), /COUNTERS/);
});

/** The cells of an entry, found in a row whose cells hold their own positions. */
function cellsOf(layout: MetricLayout, entry: number): { readonly usual: number[]; readonly all: number[] } {
  const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 1));
  new Float64Array(buffer).forEach((_, cell, row) => (row[cell] = cell));
  const table = new MetricTable(layout, buffer, 1);
  const route = layout.routes[entry];
  assert.ok(route !== undefined);
  const sums = table.route(route);
  const totals = [sums.durationMs, sums.bytesReceived, sums.bytesSent];
  const requests = ["", ...route.endpoints].map((_, endpoint) =>
    STATUS_CLASSES.map((_, statusClass) => table.requests(route, endpoint, statusClass)),
  );
  const successes = requests[Math.min(1, route.endpoints.length)]?.[2] ?? 0;
  return { usual: [...totals, ...sums.buckets.slice(0, 4), successes], all: [...totals, ...sums.buckets, ...requests.flat()] };
}

test("the layout follows from the configuration alone and no two numbers share a cell", () => {
  const layout = metricLayout(source);
  assert.deepEqual(layout, metricLayout(structuredClone(source)));
  const used = layout.routes.flatMap((_, entry) => cellsOf(layout, entry).all);
  assert.equal(new Set(used).size, used.length);
  assert.ok(Math.min(...used) >= COUNTERS && Math.max(...used) < layout.rowCells);
  assert.equal((layout.rowCells * 8) % 128, 0);
  assert.deepEqual(
    layout.routes.map((route) => route.route),
    ["", "api", "#2"],
  );
});

test("the cells that most exchanges count in lie in one cache line", () => {
  for (const layout of [metricLayout({ ...source, upstreams: { app: { endpoints: urls(1) } } }), collapsed()]) {
    for (const entry of layout.routes.keys()) {
      assert.equal(new Set(cellsOf(layout, entry).usual.map((cell) => Math.floor((cell * 8) / 64))).size, 1);
    }
  }
});

/** The layout of so many routes and endpoints that endpoints are not told apart. */
function collapsed(): MetricLayout {
  return metricLayout({
    routes: Array.from({ length: 200 }, () => ({ upstream: "big" })),
    upstreams: { big: { endpoints: urls(200) } },
  });
}

test("with too many routes and endpoints, endpoints are not told apart and every request still counts", () => {
  const layout = collapsed();
  assert.deepEqual(layout.routes[1]?.endpoints, []);
  const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 1));
  new WorkerMetrics(layout, buffer, 0).exchangeFinished(7, 150, 200, 1, 0, 0);
  const route = layout.routes[8];
  assert.ok(route);
  assert.equal(new MetricTable(layout, buffer, 1).requests(route, 0, 2), 1);
});

test("rows of several workers add up exactly", () => {
  const exchange = fc.record({
    worker: fc.nat(2),
    route: fc.integer({ min: -1, max: 1 }),
    endpoint: fc.integer({ min: -1, max: 1 }),
    status: fc.constantFrom(0, 101, 200, 204, 302, 404, 429, 502, 599),
    // A duration equal to a bucket's bound counts in that bucket.
    durationMs: fc.oneof(fc.double({ min: 0, max: 100_000, noNaN: true }), fc.constantFrom(...LATENCY_BOUNDS_MS)),
    bytes: fc.nat(1_000_000),
  });
  fc.assert(
    fc.property(fc.array(exchange, { maxLength: 60 }), (exchanges) => {
      const layout = metricLayout(source);
      const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 3));
      const workers = [0, 1, 2].map((index) => new WorkerMetrics(layout, buffer, index));
      for (const e of exchanges) workers[e.worker]?.exchangeFinished(e.route, e.endpoint, e.status, e.durationMs, e.bytes, e.bytes * 2);
      const table = new MetricTable(layout, buffer, 3);
      layout.routes.forEach((cells, entry) => {
        const mine = exchanges.filter((e) => e.route + 1 === entry);
        STATUS_CLASSES.forEach((_, statusClass) => {
          for (let endpoint = 0; endpoint <= cells.endpoints.length; endpoint++) {
            const expected = mine.filter(
              (e) => Math.floor(e.status / 100) === statusClass && (entry === 0 ? 0 : e.endpoint + 1) === endpoint,
            );
            assert.equal(table.requests(cells, endpoint, statusClass), expected.length);
          }
        });
        const sums = table.route(cells);
        assert.equal(
          sums.bytesSent,
          mine.reduce((sum, e) => sum + e.bytes * 2, 0),
        );
        assert.equal(
          sums.bytesReceived,
          mine.reduce((sum, e) => sum + e.bytes, 0),
        );
        sums.buckets.forEach((count, bucket) => {
          const above = bucket === 0 ? -1 : (LATENCY_BOUNDS_MS[bucket - 1] ?? 0);
          const upTo = LATENCY_BOUNDS_MS[bucket] ?? Infinity;
          assert.equal(count, mine.filter((e) => e.durationMs > above && e.durationMs <= upTo).length);
        });
      });
    }),
    { numRuns: 50 },
  );
});

test("a dead worker's gauges are zeroed and its counters kept", () => {
  const layout = metricLayout(source);
  const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 2));
  const table = new MetricTable(layout, buffer, 2);
  for (const worker of [0, 1]) {
    const metrics = new WorkerMetrics(layout, buffer, worker);
    metrics.add(CounterId.connections_open, 3);
    metrics.add(CounterId.connections_accepted, 5);
  }
  table.clearGauges(1);
  assert.equal(table.counter(CounterId.connections_open), 3);
  assert.equal(table.counterOf(1, CounterId.connections_open), 0);
  assert.equal(table.counter(CounterId.connections_accepted), 10);
});

test("routes that count tokens have cells for them behind all others of theirs, and no other route has any", () => {
  const counting: MetricSource = { ...source, routes: [{ name: "api", upstream: "app", token_limit: [] }, { upstream: "app" }] };
  const [plain, layout] = [metricLayout(source), metricLayout(counting)];
  assert.ok(layout.rowCells - plain.rowCells <= 16);
  const buffer = new SharedArrayBuffer(MetricTable.bytes(layout, 2));
  const workers = [0, 1].map((index) => new WorkerMetrics(layout, buffer, index));
  for (const [index, worker] of workers.entries()) {
    worker.tokensCounted(0, 10, 20, true);
    worker.tokensCounted(0, 3, index, false);
    worker.tokensCounted(1, 1000, 1000, true);
    worker.tokensCounted(-1, 1000, 1000, true);
    worker.exchangeFinished(1, 1, 500, 1e6, 0, 0);
  }
  const table = new MetricTable(layout, buffer, 2);
  assert.deepEqual(
    layout.routes.map((route) => table.route(route).tokens),
    [[], [20, 40, 6, 1], []],
  );
  assert.equal(layout.routes.map((route) => table.requests(route, 2, 5)).join(), "0,0,2");
});
