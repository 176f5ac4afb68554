import { test } from "node:test";
import assert from "node:assert/strict";
import { MetricTotals } from "./metric-totals.ts";
import type { MetricSnapshot } from "./metric-totals.ts";
import { CounterId, metricLayout, WorkerMetrics } from "../shared/metric-table.ts";
import type { MetricLayout, MetricSource } from "../shared/metric-table.ts";

const config = (names: readonly string[], urls: readonly string[]): MetricSource => ({
  routes: names.map((name) => ({ name, upstream: "app" })),
  upstreams: { app: { endpoints: urls.map((url) => ({ url })) } },
});
const first = metricLayout(config(["api", "web"], ["http://a", "http://b"]));
const second = metricLayout(config(["web"], ["http://b", "http://c"]));

const requests = (snapshot: MetricSnapshot, route: string, endpoint: string): number =>
  snapshot.requests.filter((total) => total.route === route && total.endpoint === endpoint).reduce((sum, total) => sum + total.count, 0);

const workersOf = (layout: MetricLayout, buffer: SharedArrayBuffer): [WorkerMetrics, WorkerMetrics] => [
  new WorkerMetrics(layout, buffer, 0),
  new WorkerMetrics(layout, buffer, 1),
];

test("totals never fall over a reload, and old exchanges still count until every worker has released the old generation", () => {
  const totals = new MetricTotals(2);
  const old = workersOf(first, totals.install(1, first));
  old[0].exchangeFinished(0, 0, 200, 3, 10, 20); // api, http://a
  old[1].exchangeFinished(1, 1, 404, 3, 10, 20); // web, http://b
  const fresh = workersOf(second, totals.install(2, second));
  fresh[0].exchangeFinished(0, 0, 200, 3, 1, 2); // web, http://b
  totals.released(1, 0);
  assert.equal(totals.oldestGeneration(), 1);
  old[1].exchangeFinished(0, 0, 200, 3, 10, 20);
  const before = totals.snapshot();
  assert.equal(requests(before, "api", "http://a"), 2);
  assert.equal(requests(before, "web", "http://b"), 2);
  totals.released(1, 1);
  assert.equal(totals.oldestGeneration(), 2);
  const sorted = (snapshot: MetricSnapshot): readonly string[] => snapshot.requests.map((total) => JSON.stringify(total)).sort();
  const after = totals.snapshot();
  assert.deepEqual(sorted(after), sorted(before), "folding changes nothing that is visible");
  assert.deepEqual(after.counters, before.counters);
  const web = after.routes.find((route) => route.route === "web");
  assert.deepEqual([web?.bytesReceived, web?.bytesSent, web?.durationMs, web?.buckets[2]], [11, 22, 6, 2]);
});

test("taking a snapshot does not change the totals", () => {
  const totals = new MetricTotals(1);
  const writer = new WorkerMetrics(first, totals.install(1, first), 0);
  writer.exchangeFinished(0, 0, 200, 1, 0, 0);
  totals.install(2, second);
  totals.released(1, 0);
  totals.snapshot();
  assert.equal(requests(totals.snapshot(), "api", "http://a"), 1);
});

test("gauges opened under one generation and closed under the next end at zero, also after folding", () => {
  const totals = new MetricTotals(2);
  const old = workersOf(first, totals.install(1, first));
  old[0].add(CounterId.connections_open, 2);
  old[1].add(CounterId.connections_open, 5);
  const fresh = workersOf(second, totals.install(2, second));
  totals.released(1, 0);
  totals.released(1, 1);
  fresh[0].add(CounterId.connections_open, -2);
  assert.equal(totals.snapshot().counters.connections_open, 5);
});

test("when a worker dies, its gauges are removed from every table and from the base, and its counters stay", () => {
  const totals = new MetricTotals(2);
  const old = workersOf(first, totals.install(1, first));
  old[1].add(CounterId.connections_open, 5);
  old[1].add(CounterId.connections_accepted, 5);
  totals.install(2, second);
  totals.released(1, 0);
  totals.released(1, 1);
  const third = workersOf(second, totals.install(3, second));
  third[1].add(CounterId.connections_open, 1);
  third[0].add(CounterId.connections_open, 1);
  totals.released(2, 0);
  totals.workerEnded(1);
  assert.equal(totals.oldestGeneration(), 2, "until its replacement serves, nothing is known of it");
  totals.workerReplaced(1, 3);
  const { counters } = totals.snapshot();
  assert.equal(counters.connections_open, 1);
  assert.equal(counters.connections_accepted, 5);
  assert.equal(totals.oldestGeneration(), 3, "a replacement holds no old generation");
});

test("the same label text from two routes is one series", () => {
  const layout = metricLayout(config(["same", "same"], ["http://a"]));
  const totals = new MetricTotals(1);
  const writer = new WorkerMetrics(layout, totals.install(1, layout), 0);
  writer.exchangeFinished(0, 0, 200, 1, 1, 1);
  writer.exchangeFinished(1, 0, 200, 1, 1, 1);
  const snapshot = totals.snapshot();
  assert.equal(snapshot.requests.length, 1);
  assert.equal(snapshot.routes.length, 1);
  assert.equal(requests(snapshot, "same", "http://a"), 2);
});

test("reloads that rename routes again and again leave the base bounded and the sum over all series right", () => {
  const totals = new MetricTotals(1);
  const urls = Array.from({ length: 999 }, (_, i) => `http://e${i}`);
  let finished = 0;
  for (let generation = 1; generation <= 30; generation++) {
    const layout = metricLayout(
      config(
        Array.from({ length: 10 }, (_, i) => `g${generation}r${i}`),
        urls,
      ),
    );
    const writer = new WorkerMetrics(layout, totals.install(generation, layout), 0);
    for (let route = 0; route < 10; route++) {
      for (let endpoint = 0; endpoint < 999; endpoint++, finished++) writer.exchangeFinished(route, endpoint, 200, 1, 0, 0);
    }
    totals.released(generation - 1, 0);
  }
  const { requests: series } = totals.snapshot();
  assert.ok(series.length < 150_000);
  assert.equal(
    series.reduce((sum, total) => sum + total.count, 0),
    finished,
  );
});
