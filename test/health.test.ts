/** Health checks end to end: a failing endpoint leaves the rotation of every thread, one that recovers returns by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startMillrace } from "./support/millrace.ts";
import { ask, get, getAdmin } from "./support/raw-client.ts";
import { answerOk, startRawOrigin } from "./support/raw-origin.ts";
import type { OriginRequest, RawOrigin } from "./support/raw-origin.ts";

interface Switchable {
  readonly origin: RawOrigin;
  healthy: boolean;
  readonly probes: OriginRequest[];
}

async function switchable(): Promise<Switchable> {
  const probes: OriginRequest[] = [];
  const made: Switchable = {
    probes,
    healthy: true,
    origin: await startRawOrigin({
      onRequest: (request) => {
        if (!request.head.startsWith("GET /health ")) return answerOk(request);
        probes.push(request);
        request.socket.end(`HTTP/1.1 ${made.healthy ? "200 OK" : "503 Unwell"}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
      },
    }),
  };
  return made;
}

test("endpoints leave and return; the last one leaving means 503 at once", { timeout: 60_000 }, async () => {
  const [a, b] = [await switchable(), await switchable()];
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 3
upstreams:
  app:
    endpoints: ["${a.origin.url}", "${b.origin.url}"]
    health_check: { path: /health, interval: 100ms, timeout: 1s, healthy_threshold: 2, unhealthy_threshold: 2, host: probe.test }
routes: [{ upstream: app }]
logging: { access: false }
`);
  const events = (word: string, url: string): number =>
    proxy
      .output()
      .split("\n")
      .filter((line) => line.includes(`"event":"endpoint_${word}"`) && line.includes(url)).length;
  const spread = async (): Promise<readonly number[]> => {
    const before = [a, b].map(({ origin }) => origin.requests.length - 0);
    const probed = [a, b].map(({ probes }) => probes.length);
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(proxy.port, get("/"))));
    assert.ok(answers.every(({ status }) => status === 200));
    return [a, b].map(
      ({ origin, probes }, index) => origin.requests.length - (before[index] ?? 0) - (probes.length - (probed[index] ?? 0)),
    );
  };
  await proxy.until(() => events("healthy", a.origin.url) === 1 && events("healthy", b.origin.url) === 1, "both to be healthy");
  const [first = 0, second = 0] = await spread();
  assert.ok(first > 0 && second > 0);

  a.healthy = false;
  await proxy.until(() => events("unhealthy", a.origin.url) === 1, "a to be unhealthy");
  assert.deepEqual(await spread(), [0, 30], "no thread sends anything to it any more");

  b.healthy = false;
  await proxy.until(() => events("unhealthy", b.origin.url) === 1, "b to be unhealthy");
  const started = performance.now();
  assert.equal((await ask(proxy.port, get("/"))).status, 503);
  assert.ok(performance.now() - started < 1000, "at once");

  a.healthy = true;
  await proxy.until(() => events("healthy", a.origin.url) === 2, "a to be healthy again");
  assert.deepEqual(await spread(), [30, 0]);
  assert.match(a.probes[0]?.head ?? "", /^GET \/health HTTP\/1\.1\r\nhost: probe\.test\r\n/i);
  assert.equal(events("unhealthy", b.origin.url), 1, "a change is logged once");
  assert.equal(await proxy.stop(), 0);
  await Promise.all([a.origin.close(), b.origin.close()]);
});

/** Between two looks at what the proxy says of itself. */
const PAUSE_MS = 10;

/** An address of this machine at which nobody else listens or connects: a port of it that was free stays so. */
const QUIET = "127.0.0.77";

async function freePort(): Promise<number> {
  const origin = await startRawOrigin({ host: QUIET });
  await origin.close();
  return origin.port;
}

test(
  "an application that starts after the proxy is served from its first moment, whatever the health check's patience",
  { timeout: 30_000 },
  async (t) => {
    const port = await freePort();
    const check = "health_check: { path: /health, interval: 1h, healthy_threshold: 5, unhealthy_threshold: 100 }";
    const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["http://${QUIET}:${port}"], ${check} } }
routes: [{ upstream: app }]
`);
    t.after(() => proxy.stop());
    const early = await ask(proxy.port, get("/"));
    assert.deepEqual([early.status, /error=(\w+)/.exec(String(early.fields.get("proxy-status")))?.[1]], [502, "connection_refused"]);
    const origin = await startRawOrigin({ host: QUIET, port });
    t.after(() => origin.close());
    assert.equal((await ask(proxy.port, get("/"))).status, 200, "unknown, and nothing better is there");
    await proxy.until((output) => output.includes('"event":"endpoint_healthy"'), "the first success");
  },
);

test("an endpoint that went out before it ever was up comes in with its first success", { timeout: 30_000 }, async (t) => {
  const port = await freePort();
  const check = "health_check: { path: /health, interval: 1h, healthy_threshold: 5, unhealthy_threshold: 2 }";
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 1
upstreams: { app: { endpoints: ["http://${QUIET}:${port}"], ${check} } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`);
  t.after(() => proxy.stop());
  await proxy.until((output) => output.includes('"event":"endpoint_unhealthy"'), "the threshold");
  assert.equal((await ask(proxy.port, get("/"))).status, 503);
  assert.equal((await ask(proxy.adminPort, getAdmin("/readyz"))).status, 503);
  const origin = await startRawOrigin({ host: QUIET, port });
  t.after(() => origin.close());
  await proxy.until((output) => output.includes('"event":"endpoint_healthy"'), "the first success");
  assert.equal((await ask(proxy.port, get("/"))).status, 200);
  assert.equal((await ask(proxy.adminPort, getAdmin("/readyz"))).status, 200);
});

test("while a healthy endpoint is there, one that has not passed a probe gets nothing", { timeout: 30_000 }, async (t) => {
  const [up, mute] = [await switchable(), await switchable()];
  t.after(() => Promise.all([up.origin.close(), mute.origin.close()]));
  mute.healthy = false;
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams:
  app:
    endpoints: ["${mute.origin.url}", { url: "${up.origin.url}", weight: 2 }]
    health_check: { path: /health, interval: 1h, unhealthy_threshold: 100 }
routes: [{ upstream: app }]
`);
  t.after(() => proxy.stop());
  await proxy.until((output) => output.includes('"event":"endpoint_healthy"'), "one to be healthy");
  await Promise.all(Array.from({ length: 20 }, () => ask(proxy.port, get("/"))));
  const others = mute.origin.requests.filter(({ head }) => !head.startsWith("GET /health "));
  assert.equal(others.length, 0);
});

test(
  "/readyz and /status agree where nothing is probed: both say when no connection succeeds, and when one does again",
  { timeout: 30_000 },
  async (t) => {
    const port = await freePort();
    const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
workers: 2
upstreams: { app: { endpoints: ["http://${QUIET}:${port}"] } }
routes: [{ upstream: app }]
admin: { address: "127.0.0.1:0" }
`);
    t.after(() => proxy.stop());
    const seen = async (): Promise<unknown[]> => {
      const ready = await ask(proxy.adminPort, getAdmin("/readyz"));
      const { status, upstreams } = JSON.parse((await ask(proxy.adminPort, getAdmin("/status"))).body);
      return [ready.status, status, upstreams.app.endpoints[0].health];
    };
    assert.deepEqual(await seen(), [200, "ok", "unknown"], "nothing is known against it");
    assert.equal((await ask(proxy.port, get("/"))).status, 502);
    assert.deepEqual(await seen(), [503, "down", "unhealthy"]);
    const origin = await startRawOrigin({ host: QUIET, port });
    t.after(() => origin.close());
    // No request tells: a balancer in front sends none. To ask again and again without a pause would take the processor from the probe.
    while ((await ask(proxy.adminPort, getAdmin("/readyz"))).status !== 200) await wait(PAUSE_MS);
    assert.deepEqual(await seen(), [200, "ok", "unknown"]);
    assert.equal(origin.requests.length, 0, "it was connected to, not asked");
  },
);
