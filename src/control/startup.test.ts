import { test } from "node:test";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import net from "node:net";
import { once } from "node:events";
import { HealthMonitor } from "./health/health.ts";
import type { TlsFor } from "./health/health.ts";
import { upstreamTls } from "../shared/upstream-tls.ts";
import { afterMs } from "./after-ms.ts";
import { NameTable } from "../shared/name-table.ts";
import { probeWith } from "./health/probe.ts";
import { waitUntilHealthy } from "./startup.ts";
import type { StartupOutcome } from "./startup.ts";
import { testConfig, testHealthCheck, testUpstream } from "./config.fixture.ts";
import { EndpointTable } from "../shared/endpoint-table.ts";
import { createAppLog } from "../observe/app-log.ts";
import type { Config } from "../config/schema/schema.ts";

async function outcome(t: TestContext, config: Config, signal: AbortSignal = new AbortController().signal): Promise<StartupOutcome> {
  const table = new EndpointTable(new SharedArrayBuffer(EndpointTable.bytes(16)));
  const log = createAppLog({ level: "error", format: "text", write: () => {}, now: () => 0 });
  const tls: TlsFor = (each) => upstreamTls(each, new Map());
  const probe = probeWith(new NameTable().lookup);
  const monitor = new HealthMonitor({ table, log, now: () => performance.now(), random: Math.random, after: afterMs, tls, probe });
  t.after(() => monitor.stop());
  let next = 0;
  const slots = Object.fromEntries(Object.entries(config.upstreams).map(([name, { endpoints }]) => [name, endpoints.map(() => next++)]));
  monitor.apply(config, slots);
  return waitUntilHealthy(config, slots, { table, monitor, tls, probe }, signal);
}

async function origin(t: TestContext, answer: string): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end(answer));
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return `http://127.0.0.1:${address.port}`;
}

const OK = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BUSY = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
const REFUSED = "http://127.0.0.1:1";
const startup = (wait: number): Config["startup"] => ({ require_healthy: true, wait });

test("ready when every upstream has a healthy endpoint, with or without a health check", async (t) => {
  const upstreams = {
    checked: testUpstream([REFUSED, await origin(t, OK)], { health_check: testHealthCheck({ interval: 60_000 }) }),
    unchecked: testUpstream([REFUSED, await origin(t, "")]),
  };
  assert.deepEqual(await outcome(t, testConfig({ upstreams, startup: startup(10_000) })), { kind: "ready" });
});

test("failed after the wait, naming every endpoint of the upstreams that lack one, and why", async (t) => {
  const busy = await origin(t, BUSY);
  const upstreams = {
    fine: testUpstream([await origin(t, OK)], { health_check: testHealthCheck() }),
    checked: testUpstream([REFUSED, busy], { health_check: testHealthCheck() }),
    unchecked: testUpstream([REFUSED]),
  };
  // Long enough for a first probe of each endpoint on a busy machine.
  assert.deepEqual(await outcome(t, testConfig({ upstreams, startup: startup(1500) })), {
    kind: "failed",
    lines: [
      `upstream checked: ${REFUSED} is not healthy: connection refused`,
      `upstream checked: ${busy} is not healthy: status 503, expected 200-399`,
      `upstream unchecked: ${REFUSED} is not healthy: connection refused`,
    ],
  });
});

test("a stop during the wait ends it", async (t) => {
  const stop = new AbortController();
  const waiting = outcome(t, testConfig({ upstreams: { app: testUpstream([REFUSED]) }, startup: startup(60_000) }), stop.signal);
  stop.abort();
  assert.deepEqual(await waiting, { kind: "stopped" });
});
