/** Limits that several machines share, through whole proxies with a store in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput, StoreInput } from "../../config/input.ts";
import { TestStore, testProxy } from "../../testing/test-proxy.ts";
import type { TestConfig, TestProxy } from "../../testing/test-proxy.ts";

type Limits = NonNullable<RouteInput["rate_limit"]>;

function config(limits: Limits, store: Partial<StoreInput> = {}): TestConfig {
  return {
    stores: { shared: { type: "redis", url: "redis://store.test", ...store } },
    routes: [{ upstream: "app", rate_limit: limits }],
    trusted_proxies: ["0.0.0.0/0"],
  };
}

async function machine(t: TestContext, store: TestStore, limits: Limits, settings: Partial<StoreInput> = {}): Promise<TestProxy> {
  const proxy = await testProxy(config(limits, settings), { stores: { shared: store }, upstreams: { app: () => new Response("in") } });
  t.after(() => proxy.close());
  return proxy;
}

/** The statuses of so many requests, one after the other. Time passes as far as an answer needs it. */
async function statuses(proxy: TestProxy, count: number, waits: number = 0, from: string = "192.0.2.1"): Promise<string> {
  const all: number[] = [];
  for (let n = 0; n < count; n++) {
    const response = proxy.fetch("http://a.test/", { headers: { "X-Forwarded-For": from } });
    if (waits > 0) await proxy.advance(waits);
    all.push((await response).status);
  }
  return all.join(" ");
}

const BY_ADDRESS = { requests_per_minute: 60, burst: 3, store: "shared" } as const;

test("two machines have one limit, and the names of keys in the store say nothing of clients", async (t) => {
  const store = new TestStore();
  const [one, two] = [await machine(t, store, BY_ADDRESS), await machine(t, store, BY_ADDRESS)];
  assert.equal(await statuses(one, 2), "200 200");
  assert.equal(await statuses(two, 2), "200 429");
  assert.equal(await statuses(one, 1), "429");
  assert.equal(await statuses(one, 1, 0, "192.0.2.2"), "200");
  await one.advance("1s");
  await two.advance("1s");
  assert.equal(await statuses(two, 2), "200 429");
  assert.equal(store.names.length, 2);
  for (const name of store.names) assert.match(name, /^millrace:\{[\w-]{24}\}$/);
});

test("the answer to a refused request says when the next one passes", async (t) => {
  const proxy = await machine(t, new TestStore(), { requests_per_minute: 6, burst: 1, store: "shared" });
  assert.equal(await statuses(proxy, 1), "200");
  await proxy.advance("3s");
  const response = await proxy.fetch("http://a.test/", { headers: { "X-Forwarded-For": "192.0.2.1" } });
  assert.deepEqual(
    ["retry-after", "ratelimit", "ratelimit-policy"].map((name) => response.headers.get(name)),
    ["7", '"default";r=0;t=7', '"default";q=6;w=60'],
  );
});

test("a store that answers too late delays a request by its timeout and no longer; after three times it is not asked", async (t) => {
  const store = new TestStore();
  const proxy = await machine(t, store, BY_ADDRESS, { timeout: "20ms", on_failure: "open" });
  store.mood = "silent";
  for (let n = 0; n < 3; n++) {
    const response = proxy.fetch("http://a.test/");
    await proxy.advance(19);
    assert.equal(proxy.requests("app").length, n);
    await proxy.advance(1);
    assert.equal((await response).status, 200);
  }
  const { questions } = store;
  assert.equal(await statuses(proxy, 50), Array(50).fill(200).join(" "));
  assert.equal(store.questions, questions);
  await proxy.advance("1s");
  assert.equal(proxy.metrics.value("millrace_store_up", { store: "shared" }), 0);
  assert.equal(proxy.metrics.value("millrace_store_questions_total", { store: "shared", outcome: "late" }), 3);
  assert.equal(proxy.metrics.value("millrace_store_questions_total", { store: "shared", outcome: "spared" }), 50);
  assert.deepEqual(proxy.status.stores?.["shared"]?.problem, "it does not answer within 20 ms");
});

test("an answer that comes too late is dropped", async (t) => {
  const store = new TestStore();
  const proxy = await machine(t, store, { ...BY_ADDRESS, burst: 1 }, { on_failure: "open" });
  store.mood = 8;
  assert.equal(await statuses(proxy, 2, 5), "200 200");
  await proxy.advance(100);
  store.mood = "fine";
  assert.equal(await statuses(proxy, 1), "429");
});

test("local: a process goes on from where the store stood, and the store goes on from there", async (t) => {
  const store = new TestStore();
  const [one, two] = [await machine(t, store, BY_ADDRESS), await machine(t, store, BY_ADDRESS)];
  assert.equal(await statuses(one, 2), "200 200");
  store.mood = "gone";
  assert.equal(await statuses(one, 3), "200 429 429");
  assert.equal(await statuses(two, 4), "200 200 200 429");
  store.mood = "fine";
  await one.advance(150);
  assert.equal(await statuses(one, 2), "200 429");
});

test("closed: 503 with Retry-After while the store does not answer, and the application is not asked", async (t) => {
  const store = new TestStore();
  const proxy = await machine(t, store, BY_ADDRESS, { on_failure: "closed" });
  store.mood = "gone";
  const response = await proxy.fetch("http://a.test/");
  assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "1"]);
  assert.equal(proxy.requests("app").length, 0);
  assert.equal(proxy.log.at(-1)?.["outcome"], "rate_limit_unknown");
});

for (const mood of ["full", "wrong"] as const)
  test(`a store that is ${mood === "full" ? "full" : "answering wrongly"} decides nothing`, async (t) => {
    const store = new TestStore();
    const proxy = await machine(t, store, { ...BY_ADDRESS, burst: 2 });
    store.mood = mood;
    assert.equal(await statuses(proxy, 5), "200 200 429 429 429");
    assert.equal(store.questions, 3);
  });

test("one line when the store goes, one when it is back", async (t) => {
  const store = new TestStore();
  const proxy = await machine(t, store, BY_ADDRESS);
  const told = (): readonly unknown[] =>
    proxy.log.flatMap(({ event, message }) => (String(event).startsWith("store_") ? [[event, message]] : []));
  store.mood = "gone";
  await statuses(proxy, 20);
  await proxy.advance("30s");
  assert.deepEqual(told(), [["store_down", "the store shared cannot be used: the connection was lost"]]);
  store.mood = "fine";
  await proxy.advance("3s");
  assert.deepEqual(told().slice(1), [["store_up", "the store shared can be used again"]]);
});

test("of a list, a request that one limit refuses uses up nothing of the others, in the store or here", async (t) => {
  const store = new TestStore();
  const limits: Limits = [
    { requests_per_minute: 60, burst: 5, key: "route", store: "shared" },
    { requests_per_minute: 60, burst: 4, key: "header:A" },
    { requests_per_minute: 60, burst: 2, key: "client_ip", store: "shared" },
  ];
  const proxy = await machine(t, store, limits);
  assert.equal(await statuses(proxy, 6, 0, "192.0.2.1"), "200 200 429 429 429 429");
  assert.equal(await statuses(proxy, 6, 0, "192.0.2.2"), "200 200 429 429 429 429");
  assert.equal(await statuses(proxy, 3, 0, "192.0.2.3"), "200 429 429");
});

test("requests weigh in the store what they weigh, and what a response says afterwards", async (t) => {
  const store = new TestStore();
  const limit = {
    requests_per_minute: 60,
    burst: 10,
    cost: 4,
    cost_header: "X-Cost",
    key: "route",
    store: "shared",
    announce: true,
  } as const;
  let cost = "4";
  const proxies = await Promise.all(
    [1, 2].map(async () => {
      const options = { stores: { shared: store }, upstreams: { app: () => new Response("in", { headers: { "X-Cost": cost } }) } };
      const proxy = await testProxy(config(limit), options);
      t.after(() => proxy.close());
      return proxy;
    }),
  );
  const left = async (at: number): Promise<string | null> => (await proxies[at]?.fetch("http://a.test/"))?.headers.get("ratelimit") ?? null;
  assert.equal(await left(0), '"default";r=6;t=1');
  assert.equal(await left(1), '"default";r=2;t=1');
  for (const proxy of proxies) await proxy.advance("4s");
  cost = "1";
  assert.equal(await left(0), '"default";r=5;t=1');
  assert.equal(await left(1), '"default";r=4;t=1');
});

test("a reload keeps the connection of a store that it does not change, and closes that of one that goes", async (t) => {
  const store = new TestStore();
  const proxy = await machine(t, store, BY_ADDRESS);
  assert.equal(await statuses(proxy, 2), "200 200");
  const { questions } = store;
  await proxy.reload(config({ ...BY_ADDRESS, burst: 4 }, { on_failure: "open" }));
  assert.equal(await statuses(proxy, 3), "200 200 429");
  assert.deepEqual([store.connections, store.questions], [1, questions + 3]);
  await proxy.reload({ routes: [{ upstream: "app" }] });
  assert.equal(store.connections, 0);
  assert.equal(proxy.status.stores, undefined);
  await proxy.reload(config(BY_ADDRESS));
  assert.equal(await statuses(proxy, 1), "429");
});

test("with leases most requests do not ask; machines together pass what the limit says, and what is not used goes back", async (t) => {
  const store = new TestStore();
  const limit = { requests_per_minute: 600, burst: 200, key: "route", store: "shared", lease: 20 } as const;
  const machines = [await machine(t, store, limit), await machine(t, store, limit)];
  let passed = 0;
  for (let n = 0; n < 150; n++) for (const proxy of machines) if ((await proxy.fetch("http://a.test/")).status === 200) passed++;
  assert.ok(passed > 195 && passed <= 200, `${passed}`);
  assert.ok(store.questions < 80, `${store.questions}`);
  for (const proxy of machines) await proxy.advance("30s");
  const questions = store.questions;
  assert.equal((await machines[0]?.fetch("http://a.test/"))?.status, 200);
  await machines[0]?.advance("5s");
  assert.equal(store.questions, questions + 1);
});
