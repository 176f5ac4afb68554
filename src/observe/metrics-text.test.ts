import { test } from "node:test";
import assert from "node:assert/strict";
import { metricsText } from "./metrics-text.ts";
import type { ProcessReading } from "./metrics-text.ts";
import { MetricTotals } from "./metric-totals.ts";
import { COUNTER_METRICS, FEATURE_METRICS, METRICS } from "./names.ts";
import { CounterId, metricLayout, WorkerMetrics } from "../shared/metric-table.ts";

const reading: ProcessReading = {
  version: "1.2.3",
  nodeVersion: "v26.0.0",
  uptimeSeconds: 12,
  bufferedBytes: 4096,
  workers: 2,
  workerRestarts: 1,
  configGeneration: 3,
  refusedReloads: 6,
  limiterEvictions: 4,
  logDroppedLines: 5,
  stores: [
    {
      name: "shared",
      type: "redis",
      up: true,
      problem: null,
      sinceMs: 1_700_000_000_000,
      counts: { answered: 20, answerMs: 21_000, late: 22, failed: 23, spared: 24 },
    },
  ],
  responseStores: [{ name: "pages", maxSize: 31, usedBytes: 32, records: 33, evictedSegments: 34, crowdedOut: 35 }],
  certificates: [
    { use: "listener", of: ":443", names: ["a.test", "b.test"], key: "ecdsa", notAfterMs: 1_800_000_000_999, readAtMs: 1_700_000_000_000 },
    { use: "listener", of: ":443", names: ["a.test"], key: "rsa", notAfterMs: 1_900_000_000_000, readAtMs: 1_700_000_000_000 },
    { use: "listener", of: ":443", names: ["a.test"], key: "rsa", notAfterMs: 1_600_000_000_000, readAtMs: 1_700_000_000_000 },
    { use: "upstream", of: "app", names: [], key: "other", notAfterMs: 1_850_000_000_000, readAtMs: 1_750_000_000_000 },
  ],
  certificateFiles: { read: 12, refused: 13 },
  acme: {
    certificates: [
      { names: ["example.com", "www.example.com"], untilMs: 1_800_000_000_000, nextMs: 1_790_000_000_500, problem: null, onDemand: false },
      { names: ["example.org"], untilMs: null, nextMs: null, problem: "busy", onDemand: true },
    ],
    orders: { obtained: 8, failed: 9 },
  },
};

function page(routeName: string): string {
  const layout = metricLayout({
    routes: [{ name: routeName, upstream: "app" }],
    upstreams: { app: { endpoints: [{ url: "http://a:1" }] } },
  });
  const totals = new MetricTotals(1);
  const writer = new WorkerMetrics(layout, totals.install(1, layout), 0);
  writer.exchangeFinished(0, 0, 200, 3, 100, 2000);
  writer.exchangeFinished(0, 0, 200, 70_000, 100, 2000);
  writer.exchangeFinished(-1, -1, 404, 0.5, 10, 20);
  writer.add(CounterId.connections_open, 1);
  totals.countMiddleware([["stamp", "stamped", 3]]);
  const endpoint = { upstream: "app", inFlight: 7 };
  return metricsText(
    totals.snapshot(),
    [
      { ...endpoint, endpoint: "http://a:1", health: "healthy" },
      { ...endpoint, endpoint: "http://b:1", health: "unhealthy" },
      { ...endpoint, endpoint: "http://c:1", health: "unknown" },
    ],
    reading,
  );
}

test("every line is a comment or a sample of the exposition format, each family once, HELP and TYPE before its samples", () => {
  const text = page("api");
  assert.ok(text.endsWith("\n"));
  const declared = new Map<string, string>();
  const series = new Set<string>();
  for (const line of text.slice(0, -1).split("\n")) {
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    if (type?.[1] !== undefined) {
      assert.ok(!declared.has(type[1]), `${type[1]} is declared twice`);
      declared.set(type[1], type[2] ?? "");
      continue;
    }
    if (line.startsWith("# HELP ")) continue;
    const sample = /^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? (\S+)$/.exec(line);
    assert.ok(sample?.[1] !== undefined, `not a sample: ${line}`);
    assert.ok(Number.isFinite(Number(sample[3])), line);
    const family = declared.has(sample[1]) ? sample[1] : sample[1].replace(/_(bucket|sum|count)$/, "");
    assert.ok(declared.has(family), `${sample[1]} was not declared`);
    const identity = `${sample[1]}${sample[2] ?? ""}`;
    assert.ok(!series.has(identity), `${identity} twice`);
    series.add(identity);
  }
  const names = [...Object.values(COUNTER_METRICS), ...FEATURE_METRICS.values(), ...Object.values(METRICS)];
  for (const metric of names) assert.equal(declared.get(metric.name), metric.type);
  assert.equal(declared.size, new Set(names.map(({ name }) => name)).size);
});

test("values, cumulated buckets and health", () => {
  const lines = page("api").split("\n");
  for (const expected of [
    'millrace_build_info{version="1.2.3",node="v26.0.0"} 1',
    "millrace_uptime_seconds 12",
    'millrace_middleware_total{middleware="stamp",counter="stamped"} 3',
    'millrace_requests_total{route="api",upstream="app",endpoint="http://a:1",class="2xx"} 2',
    'millrace_requests_total{route="",upstream="",endpoint="",class="4xx"} 1',
    'millrace_request_duration_seconds_bucket{route="api",le="0.0025"} 0',
    'millrace_request_duration_seconds_bucket{route="api",le="0.005"} 1',
    'millrace_request_duration_seconds_bucket{route="api",le="60"} 1',
    'millrace_request_duration_seconds_bucket{route="api",le="+Inf"} 2',
    'millrace_request_duration_seconds_sum{route="api"} 70.003',
    'millrace_request_duration_seconds_count{route="api"} 2',
    'millrace_sent_bytes_total{route="api"} 4000',
    'millrace_endpoint_healthy{upstream="app",endpoint="http://a:1"} 1',
    'millrace_endpoint_healthy{upstream="app",endpoint="http://b:1"} 0',
    'millrace_endpoint_in_flight{upstream="app",endpoint="http://c:1"} 7',
    "millrace_connections_open 1",
    "millrace_rate_limiter_evictions_total 4",
    "millrace_log_dropped_lines_total 5",
    'millrace_acme_orders_total{outcome="obtained"} 8',
    'millrace_acme_orders_total{outcome="failed"} 9',
    'millrace_acme_next_order_timestamp_seconds{name="example.com"} 1790000000.5',
  ]) {
    assert.ok(lines.includes(expected), `missing: ${expected}`);
  }
  assert.ok(!lines.some((line) => line.startsWith("millrace_endpoint_healthy") && line.includes("http://c:1")));
});

test("label values are escaped", () => {
  assert.ok(page('a"b\\c\nd').includes('route="a\\"b\\\\c\\nd"'));
});

test("certificates by listener, first name and kind of key; of two with the same labels the first, which is served", () => {
  const lines = page("r")
    .split("\n")
    .filter((line) => /^millrace_certificate_(?:expiry|read)_timestamp|^millrace_certificate_files/.test(line));
  assert.deepEqual(lines, [
    'millrace_certificate_expiry_timestamp_seconds{listener=":443",name="a.test",key="ecdsa"} 1800000000',
    'millrace_certificate_expiry_timestamp_seconds{listener=":443",name="a.test",key="rsa"} 1900000000',
    'millrace_certificate_expiry_timestamp_seconds{upstream="app",name="",key="other"} 1850000000',
    'millrace_certificate_read_timestamp_seconds{listener=":443",name="a.test",key="ecdsa"} 1700000000',
    'millrace_certificate_read_timestamp_seconds{listener=":443",name="a.test",key="rsa"} 1700000000',
    'millrace_certificate_read_timestamp_seconds{upstream="app",name="",key="other"} 1750000000',
    "millrace_certificate_files_read_total 12",
    "millrace_certificate_files_refused_total 13",
  ]);
});
