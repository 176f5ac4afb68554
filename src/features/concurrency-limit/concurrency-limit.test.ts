import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput } from "../../config/input.ts";
import { testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

type Given = NonNullable<RouteInput["concurrency_limit"]>;

interface Stage {
  readonly proxy: TestProxy;
  /** The paths that the application is working on, in their order. */
  readonly atWork: string[];
  ask(path: string, from?: string, init?: RequestInit): Promise<Response>;
  /** Has the application answer that path. */
  finish(path: string): void;
}

/** @param limits by the path of their route */
async function started(t: TestContext, limits: Readonly<Record<string, Given>>, more: Partial<RouteInput> = {}): Promise<Stage> {
  const atWork: string[] = [];
  const waiting = new Map<string, () => void>();
  const proxy = await testProxy(
    {
      routes: Object.entries(limits).map(([path, concurrency_limit]) => ({ match: { path }, upstream: "app", concurrency_limit, ...more })),
      trusted_proxies: ["0.0.0.0/0", "::/0"],
    },
    {
      files: { "keys.yaml": KEYS },
      upstreams: {
        app: ({ url }) => {
          const path = new URL(url).pathname;
          atWork.push(path);
          return new Promise<Response>((resolve) => {
            waiting.set(path, () => {
              atWork.splice(atWork.indexOf(path), 1);
              resolve(new Response(path));
            });
          });
        },
      },
    },
  );
  t.after(() => {
    for (const then of waiting.values()) then();
    return proxy.close();
  });
  return {
    proxy,
    atWork,
    ask(path, from = "192.0.2.1", { headers, ...init } = {}) {
      const asked = proxy.fetch(`http://a.test${path}`, {
        ...init,
        headers: { ...(headers as Record<string, string>), "X-Forwarded-For": from },
      });
      // Some are still under way when the test ends.
      asked.catch(() => {});
      return asked;
    },
    finish(path) {
      waiting.get(path)?.();
      waiting.delete(path);
    },
  };
}

const KEY = "mr_one_oneoneoneoneoneoneoneoneoneoneone";
const KEYS = `keys:\n  - { id: one, prefix: ${KEY.slice(0, 8)}, hash: "sha256:${createHash("sha256").update(KEY).digest("hex")}" }\n`;

/** Lets everything happen that waits for no time. */
async function settled(proxy: TestProxy): Promise<void> {
  await proxy.advance("1ms");
}

test("a client has as many requests under way as it may, and more when one has ended", async (t) => {
  const { proxy, ask, finish, atWork } = await started(t, { "/*": { max: 2 } });
  const first = [ask("/1"), ask("/2")];
  await settled(proxy);
  assert.deepEqual(atWork, ["/1", "/2"]);
  const refused = await ask("/3");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "1");
  const other = ask("/other", "192.0.2.2");
  await settled(proxy);
  finish("/1");
  assert.equal((await first[0])?.status, 200);
  const fourth = ask("/4");
  await settled(proxy);
  assert.deepEqual(atWork, ["/2", "/other", "/4"]);
  for (const path of ["/2", "/other", "/4"]) finish(path);
  for (const answer of [first[1], other, fourth]) assert.equal((await answer)?.status, 200);
  assert.equal(proxy.metrics.value("millrace_concurrency_limited_total"), 1);
  assert.equal(proxy.log.find(({ status }) => status === 429)?.["outcome"], "concurrency_limited");
});

test("a client that leaves, and an origin that dies, give their places back", async (t) => {
  const { proxy, ask, atWork } = await started(t, { "/*": { max: 1 } });
  const abort = new AbortController();
  const gone = ask("/1", "192.0.2.1", { signal: abort.signal });
  await settled(proxy);
  assert.equal((await ask("/2")).status, 429);
  abort.abort();
  await assert.rejects(gone);
  await settled(proxy);
  void ask("/3");
  await settled(proxy);
  assert.ok(atWork.includes("/3"));
});

test("with a queue requests wait for their turn, in their order; the queue has an end", async (t) => {
  const { proxy, ask, finish, atWork } = await started(t, { "/*": { key: "route", max: 1, queue: { size: 2, timeout: "5s" } } });
  const answers = ["/1", "/2", "/3"].map((path) => ask(path));
  await settled(proxy);
  assert.deepEqual(atWork, ["/1"]);
  const refused = await ask("/4");
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("proxy-status"), "millrace; error=connection_limit_reached");
  finish("/1");
  await settled(proxy);
  assert.deepEqual(atWork, ["/2"]);
  answers.push(ask("/5"));
  await settled(proxy);
  finish("/2");
  await settled(proxy);
  assert.deepEqual(atWork, ["/3"]);
  finish("/3");
  await settled(proxy);
  finish("/5");
  assert.deepEqual(await Promise.all(answers.map(async (each) => (await each).status)), [200, 200, 200, 200]);
});

test("whoever waits too long is refused, and whoever leaves makes room in the queue", async (t) => {
  const { proxy, ask, finish, atWork } = await started(t, { "/*": { max: 1, queue: { size: 1, timeout: "2s" } } });
  void ask("/1");
  await settled(proxy);
  const late = ask("/2");
  await proxy.advance("1900ms");
  assert.equal((await ask("/3")).status, 429, "the queue is full");
  await proxy.advance("200ms");
  assert.equal((await late).status, 429);
  const abort = new AbortController();
  const gone = ask("/4", "192.0.2.1", { signal: abort.signal });
  await settled(proxy);
  abort.abort();
  await assert.rejects(gone);
  await settled(proxy);
  const next = ask("/5");
  await settled(proxy);
  finish("/1");
  await settled(proxy);
  assert.deepEqual(atWork, ["/5"]);
  finish("/5");
  assert.equal((await next).status, 200);
});

test("routes with one upstream share a limit by upstream, each with its own maximum; others do not", async (t) => {
  const { proxy, ask, finish } = await started(t, {
    "/a/*": { key: "upstream", max: 2 },
    "/b/*": { key: "upstream", max: 3 },
    "/c/*": { key: "route", max: 1 },
  });
  for (const path of ["/a/1", "/a/2", "/c/1"]) void ask(path, "192.0.2.7");
  await settled(proxy);
  assert.equal((await ask("/a/3")).status, 503);
  void ask("/b/1");
  await settled(proxy);
  assert.equal((await ask("/b/2")).status, 503);
  assert.equal((await ask("/c/2")).status, 503);
  finish("/a/1");
  await settled(proxy);
  void ask("/b/3");
  await settled(proxy);
  assert.equal((await ask("/a/4")).status, 503);
});

test("of a list all hold: what the second refuses gives back its place in the first", async (t) => {
  const { proxy, ask, finish } = await started(t, {
    "/*": [
      { key: "route", max: 2 },
      { key: "client_ip", max: 1 },
    ],
  });
  void ask("/1", "192.0.2.1");
  await settled(proxy);
  for (let time = 0; time < 5; time++) assert.equal((await ask("/no", "192.0.2.1")).status, 429);
  void ask("/2", "192.0.2.2");
  await settled(proxy);
  assert.equal((await ask("/3", "192.0.2.3")).status, 503);
  finish("/1");
  await settled(proxy);
  void ask("/4", "192.0.2.3");
  await settled(proxy);
  assert.equal((await ask("/5", "192.0.2.4")).status, 503);
});

test("by user: only who is known takes a place, and only its own", async (t) => {
  const { proxy, ask } = await started(t, { "/*": { key: "user", max: 1 } }, { authentication: { api_keys: { file: "keys.yaml" } } });
  const headers = { "X-API-Key": KEY };
  for (let time = 0; time < 3; time++) assert.equal((await ask("/no")).status, 401);
  void ask("/1", "192.0.2.1", { headers });
  await settled(proxy);
  assert.equal((await ask("/2", "192.0.2.2", { headers })).status, 429);
});

test("a reload keeps the counts, and serves those that wait under the configuration of before", async (t) => {
  const { proxy, ask, finish, atWork } = await started(t, { "/*": { key: "route", max: 1, queue: { size: 5, timeout: "5s" } } });
  const first = ask("/1");
  const second = ask("/2");
  await settled(proxy);
  await proxy.reload({
    routes: [{ match: { path: "/*" }, upstream: "app", concurrency_limit: { key: "route", max: 1, queue: { size: 1 } } }],
    trusted_proxies: ["0.0.0.0/0", "::/0"],
  });
  assert.equal((await ask("/3")).status, 503, "one waits already, in the queue of before");
  finish("/1");
  await settled(proxy);
  assert.deepEqual(atWork, ["/2"]);
  finish("/2");
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});
