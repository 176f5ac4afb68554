/** Health checks: a failing endpoint leaves the rotation, one that recovers returns by itself. Several threads: e2e/health.command.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { script, testProxy } from "../src/testing/test-proxy.ts";
import type { OriginFunction, TestOrigin, TestProxy } from "../src/testing/test-proxy.ts";

/** An endpoint that serves everything, and says of itself at /health what `isWell` says. */
const endpoint =
  (isWell: () => boolean): OriginFunction =>
  (request) =>
    new Response("ok", { status: request.url.endsWith("/health") && !isWell() ? 503 : 200 });

/** A proxy in front of one upstream, with endpoints `http://app-1.test` and so on. */
async function started(
  t: TestContext,
  app: readonly TestOrigin[],
  healthCheck: string,
  weights: readonly number[] = [],
): Promise<TestProxy> {
  const endpoints = app.map((_, index) => `{ url: "http://app-${index + 1}.test", weight: ${weights[index] ?? 1} }`);
  const proxy = await testProxy(
    `
listeners: [{ address: "127.0.0.1:0" }]
upstreams: { app: { endpoints: [${endpoints.join(", ")}], health_check: { path: /health, ${healthCheck} } } }
routes: [{ upstream: app }]
`,
    { upstreams: { app } },
  );
  t.after(() => proxy.close());
  return proxy;
}

const events = (proxy: TestProxy, word: string, url: string): number =>
  proxy.log.filter(({ event, endpoint: of }) => event === `endpoint_${word}` && of === url).length;

/** Asks so often; how many requests each endpoint got. */
async function spread(proxy: TestProxy, count: number): Promise<number[]> {
  const before = proxy.requests("app").length;
  const answers = await Promise.all(Array.from({ length: count }, () => proxy.fetch("http://a.test/")));
  assert.ok(answers.every(({ status }) => status === 200));
  const urls = proxy.status.upstreams["app"]?.endpoints.map(({ url }) => url) ?? [];
  const asked = proxy.requests("app").slice(before);
  return urls.map((url) => asked.filter((request) => request.endpoint === url).length);
}

test("endpoints leave and return; the last one leaving means 503 at once", async (t) => {
  const [a, b] = ["http://app-1.test", "http://app-2.test"] as const;
  const well = { [a]: true, [b]: true };
  const check = "interval: 100ms, timeout: 1s, healthy_threshold: 2, unhealthy_threshold: 2, host: probe.test";
  const proxy = await started(t, [endpoint(() => well[a]), endpoint(() => well[b])], check);
  await proxy.advance("1s");
  assert.deepEqual([events(proxy, "healthy", a), events(proxy, "healthy", b)], [1, 1]);
  assert.deepEqual(await spread(proxy, 30), [15, 15]);

  well[a] = false;
  await proxy.advance("1s");
  assert.equal(events(proxy, "unhealthy", a), 1);
  assert.deepEqual(await spread(proxy, 30), [0, 30]);

  well[b] = false;
  await proxy.advance("1s");
  assert.equal(events(proxy, "unhealthy", b), 1);
  assert.equal((await proxy.fetch("http://a.test/")).status, 503, "without any time passing");

  well[a] = true;
  await proxy.advance("1s");
  assert.equal(events(proxy, "healthy", a), 2);
  assert.deepEqual(await spread(proxy, 30), [30, 0]);
  assert.equal(events(proxy, "unhealthy", b), 1, "a change is logged once");
});

test("an application that starts after the proxy is served from its first moment, whatever the health check's patience", async (t) => {
  const proxy = await started(t, [script.refuse()], "interval: 1h, healthy_threshold: 5, unhealthy_threshold: 100");
  const early = await proxy.fetch("http://a.test/");
  assert.deepEqual([early.status, early.headers.get("proxy-status")], [502, "millrace; error=connection_refused"]);
  proxy.serve("app", () => new Response("ok"));
  assert.equal((await proxy.fetch("http://a.test/")).status, 200, "unknown, and nothing better is there");
  assert.equal(events(proxy, "healthy", "http://app-1.test"), 0);
  await proxy.advance("1m");
  assert.equal(events(proxy, "healthy", "http://app-1.test"), 1, "with the first success, long before the interval is over");
});

test("while a healthy endpoint is there, one that has not passed a probe gets nothing", async (t) => {
  const origins = [endpoint(() => false), endpoint(() => true)];
  const proxy = await started(t, origins, "interval: 1h, unhealthy_threshold: 100", [1, 2]);
  await proxy.advance("1s");
  assert.equal(events(proxy, "healthy", "http://app-2.test"), 1);
  assert.deepEqual(await spread(proxy, 20), [0, 20]);
});

test("an endpoint that went out before it ever was up comes in with its first success", async (t) => {
  const proxy = await started(t, [script.refuse()], "interval: 1h, healthy_threshold: 5, unhealthy_threshold: 2");
  await proxy.advance("1m");
  assert.equal(events(proxy, "unhealthy", "http://app-1.test"), 1);
  assert.equal((await proxy.fetch("http://a.test/")).status, 503);
  assert.equal(proxy.status.status, "down");
  proxy.serve("app", () => new Response("ok"));
  await proxy.advance("1m");
  assert.equal(events(proxy, "healthy", "http://app-1.test"), 1);
  assert.equal((await proxy.fetch("http://a.test/")).status, 200);
  assert.equal(proxy.status.status, "ok");
});
