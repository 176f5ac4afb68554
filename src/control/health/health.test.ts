import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { HealthMonitor } from "./health.ts";
import { afterMs } from "../after-ms.ts";
import { testConfig, testHealthCheck, testUpstream } from "../config.fixture.ts";
import { ENDPOINT_HEALTH, EndpointTable } from "../../shared/endpoint-table.ts";
import type { ProbeResult } from "./probe-answer.ts";
import type { ProbeTarget } from "./probe.ts";
import { filesOf, upstreamTls } from "../../shared/upstream-tls.ts";
import type { UpstreamMaterial } from "../../shared/upstream-tls.ts";
import { createAppLog } from "../../observe/app-log.ts";
import type { Config } from "../../config/schema/schema.ts";

/** A monitor under a mocked clock, with probes that the test answers. */
async function watched(
  t: TestContext,
  capacity: number = 16,
): Promise<{
  monitor: HealthMonitor;
  table: EndpointTable;
  /** What the files of upstreams hold. */
  files: Map<string, UpstreamMaterial>;
  lines: string[];
  asked: ProbeTarget[];
  signals: AbortSignal[];
  answer: (result: ProbeResult) => Promise<void>;
  advance: (ms: number) => Promise<void>;
}> {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let now = 0;
  const lines: string[] = [];
  const asked: ProbeTarget[] = [];
  const signals: AbortSignal[] = [];
  const files = new Map<string, UpstreamMaterial>();
  const waiting: ((result: ProbeResult) => void)[] = [];
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(capacity)));
  const settled = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const monitor = new HealthMonitor({
    table,
    log: createAppLog({ level: "debug", format: "text", write: (line) => lines.push(line.slice(25, -1)), now: () => 0 }),
    now: () => now,
    random: () => 0.5,
    after: afterMs,
    tls: (config) => upstreamTls(config, files),
    probe: (target, signal) => {
      asked.push(target);
      signals.push(signal);
      return new Promise((resolve) => waiting.push(resolve));
    },
  });
  t.after(() => monitor.stop());
  return {
    monitor,
    table,
    files,
    lines,
    asked,
    signals,
    answer: async (result) => {
      waiting.shift()?.(result);
      await settled();
    },
    advance: async (ms) => {
      for (let i = 0; i < ms; i++) {
        now++;
        t.mock.timers.tick(1);
        await settled();
      }
    },
  };
}

const oneEndpoint = (changes = {}): Config =>
  testConfig({ upstreams: { app: testUpstream(["http://a:1"], { health_check: testHealthCheck(changes) }) } });
const slots = { app: [3] };

test("the first success decides at once, later only several equal results in a row; each change is logged once, with the reason", async (t) => {
  const { monitor, table, lines, answer, advance } = await watched(t);
  monitor.apply(oneEndpoint(), slots);
  assert.equal(table.health(3), ENDPOINT_HEALTH.unknown);
  const results: ProbeResult[] = [null, "refused", null, "refused", "status 503", "status 503", null, null];
  const seen: number[] = [];
  for (const result of results) {
    await advance(100);
    await answer(result);
    seen.push(table.health(3));
  }
  assert.deepEqual(seen, [1, 1, 1, 1, 2, 2, 2, 1]);
  assert.deepEqual(lines, [
    "INFO  endpoint_healthy http://a:1 is healthy upstream=app endpoint=http://a:1",
    'WARN  endpoint_unhealthy http://a:1 is unhealthy: status 503 upstream=app endpoint=http://a:1 reason="status 503"',
    "INFO  endpoint_healthy http://a:1 is healthy upstream=app endpoint=http://a:1",
  ]);
});

test("probes of one endpoint never overlap, however long they take", async (t) => {
  const { monitor, asked, answer, advance } = await watched(t);
  monitor.apply(oneEndpoint(), slots);
  await advance(1);
  assert.equal(asked.length, 1, "the first probe of one is due at once");
  await advance(1000);
  assert.equal(asked.length, 1);
  await answer(null);
  await advance(1);
  assert.equal(asked.length, 2, "an overdue one follows at once");
  await answer(null);
  await advance(98);
  assert.equal(asked.length, 2);
  await advance(2);
  assert.equal(asked.length, 3);
});

test("no endpoint waits for another one's probe", async (t) => {
  const { monitor, asked, advance } = await watched(t);
  const urls = ["http://a:1", "http://b:1", "http://c:1"];
  monitor.apply(testConfig({ upstreams: { app: testUpstream(urls, { health_check: testHealthCheck() }) } }), { app: [0, 1, 2] });
  await advance(4);
  assert.deepEqual(
    asked.map((target) => target.url),
    urls,
  );
});

test("without health check nothing is probed and the endpoint stays unknown", async (t) => {
  const { monitor, table, asked, advance } = await watched(t);
  monitor.apply(testConfig(), slots);
  await advance(1000);
  assert.equal(asked.length, 0);
  assert.equal(table.health(3), ENDPOINT_HEALTH.unknown);
});

test("over a reload an endpoint keeps its health; only changed settings disturb its schedule", async (t) => {
  const { monitor, table, asked, signals, answer, advance } = await watched(t);
  monitor.apply(oneEndpoint({ unhealthy_threshold: 1 }), slots);
  await advance(1);
  await answer("refused");
  monitor.apply(oneEndpoint({ unhealthy_threshold: 1 }), slots);
  await advance(50);
  assert.equal(asked.length, 1, "same settings: the next probe is where it was");
  monitor.apply(oneEndpoint({ unhealthy_threshold: 1, path: "/other" }), slots);
  assert.equal(table.health(3), ENDPOINT_HEALTH.unhealthy);
  await advance(1);
  assert.equal(asked[1]?.path, "/other");
  monitor.apply(testConfig({ upstreams: { app: testUpstream(["http://a:1"]) } }), slots);
  assert.equal(table.health(3), ENDPOINT_HEALTH.unknown, "no health check any more");
  assert.ok(signals[1]?.aborted);
  await answer(null);
  assert.equal(table.health(3), ENDPOINT_HEALTH.unknown, "the late result of a cancelled probe counts nowhere");
});

test("a reload that changes other endpoints, weights or limits leaves a probe under way, the failures so far and the schedule", async (t) => {
  const { monitor, table, asked, signals, answer, advance } = await watched(t);
  const health_check = testHealthCheck({ unhealthy_threshold: 2, interval: 1000 });
  const use = (urls: readonly string[], changes: Partial<Config["upstreams"][string]>, all: readonly number[]): void =>
    monitor.apply(testConfig({ upstreams: { app: testUpstream(urls, { health_check, ...changes }) } }), { app: all });
  const probes = (url: string): number => asked.filter((target) => target.url === url).length;
  use(["http://a:1"], {}, [3]);
  await advance(1);
  use(["http://b:1", "http://a:1"], { retries: 7 }, [4, 3]);
  assert.equal(signals[0]?.aborted, false);
  await answer("refused");
  assert.equal(monitor.reason(3), "refused");
  use(["http://a:1", "http://c:1"], { via: false }, [3, 5]);
  assert.equal(monitor.reason(3), "refused");
  assert.equal(probes("http://a:1"), 1);
  const due = 300;
  for (let passed = 0; passed < due && probes("http://a:1") === 1; passed += 10) {
    await advance(10);
    use(["http://a:1", "http://c:1"], {}, [3, 5]);
  }
  assert.equal(probes("http://a:1"), 2, "reloads every 10 ms do not put it off");
  assert.equal(table.health(3), ENDPOINT_HEALTH.unknown);
});

test("the target that a probe gets, and another one when a file has changed", async (t) => {
  const { monitor, asked, files, table, advance } = await watched(t);
  const check = testHealthCheck({ path: "/up", host: "h", expected_statuses: ["204"], timeout: 77 });
  const tls = { verify: true, min_version: "1.3", server_name: "n", ca_file: "/ca.pem" } as const;
  const config = testConfig({ upstreams: { app: testUpstream(["https://a:1"], { health_check: check, tls }) } });
  const use = (ca: string): void => {
    files.set(filesOf(tls), { id: ca, ca, crl: null, certificate: null });
    monitor.apply(config, slots);
  };
  use("one");
  await advance(1);
  const { tls: sent, ...rest } = asked[0] ?? assert.fail();
  assert.deepEqual(rest, {
    url: "https://a:1",
    proxyProtocol: undefined,
    path: "/up",
    host: "h",
    expectedStatuses: ["204"],
    timeoutMs: 77,
  });
  assert.deepEqual([sent.verify, sent.serverName, sent.ca, sent.minVersion], [true, "n", "one", "TLSv1.3"]);
  table.setHealth(3, ENDPOINT_HEALTH.healthy);
  use("one");
  assert.equal(asked.length, 1);
  use("two");
  await advance(1);
  assert.equal(asked[1]?.tls.ca, "two");
  assert.equal(table.health(3), ENDPOINT_HEALTH.healthy, "until the next probe says otherwise");
});

test("until its first success an endpoint is probed more often; it is unhealthy after the threshold, and healthy at the first success", async (t) => {
  const { monitor, table, asked, lines, answer, advance } = await watched(t);
  monitor.apply(oneEndpoint({ interval: 60_000, healthy_threshold: 5, unhealthy_threshold: 3 }), slots);
  const seen: [number, boolean][] = [];
  for (const result of ["refused", "refused", "refused", null, null]) {
    await advance(250);
    await answer(result);
    seen.push([table.health(3), table.refusing(3)]);
  }
  assert.deepEqual(
    seen.map(([health]) => health),
    [0, 0, 2, 1, 1],
  );
  assert.deepEqual(seen[0], [ENDPOINT_HEALTH.unknown, true], "what is known of it is that it refuses");
  assert.equal(asked.length, 4, "from then on as configured");
  assert.equal(lines.length, 2);
});

test("the first round of probes of a thousand endpoints is spread over two seconds", async (t) => {
  const { monitor, asked, advance } = await watched(t, 1000);
  const urls = Array.from({ length: 1000 }, (_, index) => `http://host-${index}:1`);
  const check = testHealthCheck({ interval: 60_000 });
  monitor.apply(testConfig({ upstreams: { app: testUpstream(urls, { health_check: check }) } }), { app: urls.map((_, slot) => slot) });
  for (const due of [250, 500, 750, 1000]) {
    await advance(500);
    assert.ok(Math.abs(asked.length - due) <= 2, `${asked.length}`);
  }
});
