/** Limits of tokens that several machines share, through whole proxies with a store in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { RouteInput, StoreInput } from "../../config/input.ts";
import { TestStore, testProxy } from "../../testing/test-proxy.ts";
import type { TestProxy } from "../../testing/test-proxy.ts";

type Limits = NonNullable<RouteInput["token_limit"]>;

/** A machine whose model says that each answer has cost so many tokens. */
async function machine(
  t: TestContext,
  store: TestStore,
  limits: Limits,
  { cost = 1000, ...settings }: Partial<StoreInput> & { readonly cost?: number } = {},
): Promise<TestProxy> {
  const proxy = await testProxy(
    {
      stores: { shared: { type: "redis", url: "redis://store.test", ...settings } },
      routes: [{ name: "llm", upstream: "app", token_limit: limits }],
      trusted_proxies: ["0.0.0.0/0"],
    },
    {
      stores: { shared: store },
      startsAt: Date.parse("2026-11-30T23:58:00Z"),
      upstreams: { app: () => Response.json({ usage: { prompt_tokens: 1, completion_tokens: cost - 1 } }) },
    },
  );
  t.after(() => proxy.close());
  return proxy;
}

async function ask(proxy: TestProxy, from: string = "192.0.2.1", waits: string = ""): Promise<Response> {
  const pending = proxy.fetch("http://a.test/", { method: "POST", headers: { "X-Forwarded-For": from } });
  if (waits !== "") await proxy.advance(waits);
  const response = await pending;
  if (response.ok) await response.text();
  return response;
}

const LIMIT = { tokens_per_minute: 3000, estimate: 500, store: "shared" } as const;

test("machines have one limit, and what an answer has cost counts for all of them", async (t) => {
  const store = new TestStore();
  const [one, two] = [await machine(t, store, LIMIT), await machine(t, store, LIMIT)];
  for (const proxy of [one, two]) assert.equal((await ask(proxy)).status, 200);
  assert.equal((await ask(one)).status, 200);
  const refused = await ask(two);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("ratelimit"), '"tokens";r=0;t=10');
  assert.match(await refused.text(), /0 of 3000 tokens per minute are left, and a request takes 500; it is welcome in 10 seconds/);
  assert.equal((await ask(two, "192.0.2.2")).status, 200);
  await one.advance("10s");
  await two.advance("10s");
  assert.equal((await ask(two)).status, 200);
  assert.equal((await ask(one)).headers.get("retry-after"), "20", "500 tokens had come back, of 1000 that were spent");
});

test("what was not spent goes back to the store", async (t) => {
  const store = new TestStore();
  const limit = { ...LIMIT, estimate: 3000 };
  const proxies = [await machine(t, store, limit, { cost: 10 }), await machine(t, store, limit, { cost: 10 })];
  for (const [index, proxy] of proxies.entries()) assert.equal((await ask(proxy)).status, index === 0 ? 200 : 429);
  await proxies[1]?.advance("1s");
  await proxies[0]?.advance("1s");
  for (const proxy of proxies.slice(1)) assert.equal((await ask(proxy)).status, 200);
});

test("a limit of the process and one in a store: whom either refuses takes nothing of the other", async (t) => {
  const store = new TestStore();
  const limits = [
    { key: "client_ip" as const, tokens_per_minute: 2000, estimate: 500 },
    { key: "route" as const, tokens_per_minute: 3000, estimate: 500, store: "shared" },
  ];
  const proxy = await machine(t, store, limits);
  for (const status of [200, 200, 429, 429]) assert.equal((await ask(proxy)).status, status);
  assert.equal(store.questions, 4, "two requests, each asked for and settled");
  for (const status of [200, 429, 429]) assert.equal((await ask(proxy, "192.0.2.2")).status, status);
  await proxy.advance("20s");
  for (const status of [200, 429]) assert.equal((await ask(proxy, "192.0.2.2")).status, status);
});

test("machines have one budget, which outlives them, and is whole again with the next window", async (t) => {
  const store = new TestStore();
  const limit = { budget: { tokens: 3500, per: "day" as const }, estimate: 500, store: "shared" };
  const one = await machine(t, store, limit);
  for (const status of [200, 200]) assert.equal((await ask(one)).status, status);
  one.close();
  const two = await machine(t, store, limit);
  assert.equal((await ask(two)).status, 200);
  assert.equal((await ask(two)).status, 200, "500 were left, and it cost 1000");
  const refused = await ask(two);
  assert.equal(refused.headers.get("ratelimit"), '"tokens-budget";r=0;t=120');
  assert.match(await refused.text(), /^429 .*: 0 of 3500 tokens per day are left, and a request takes 500/);
  assert.equal((await ask(two, "192.0.2.2")).status, 200);
  await two.advance("2m");
  assert.equal((await ask(two)).status, 200);
  for (const name of store.names) assert.match(name, /^millrace:\{[\w-]{24}\}:w$/);
});

test("a rate and a budget in a store: what one refuses takes nothing of the other", async (t) => {
  const limit = { tokens_per_minute: 6000, budget: { tokens: 2500, per: "hour" as const }, estimate: 1000, store: "shared" };
  const proxy = await machine(t, new TestStore(), limit);
  for (const status of [200, 200, 429, 429, 429, 429, 429, 429]) assert.equal((await ask(proxy)).status, status);
  assert.equal(proxy.log.filter(({ outcome }) => outcome === "token_budget_spent").length, 6, "and not the limit by the minute");
  const other = await machine(t, new TestStore(), { ...limit, tokens_per_minute: 2000, budget: { tokens: 10_000, per: "hour" } });
  for (const status of [200, 200, 429, 429, 429, 429, 429, 429, 429, 429]) assert.equal((await ask(other)).status, status);
  await other.advance("60s");
  for (const status of [200, 200, 429]) assert.equal((await ask(other)).status, status);
  assert.ok(!other.log.some(({ outcome }) => outcome === "token_budget_spent"));
});

test("while the store does not answer, on_failure decides about a budget too", async (t) => {
  const limit = { budget: { tokens: 3500, per: "day" as const }, estimate: 500, store: "shared" };
  for (const [on_failure, statuses, outcome] of [
    ["local", [200, 200, 429], "token_budget_spent"],
    ["open", [200, 200, 200], "completed"],
    ["closed", [503], "token_limit_unknown"],
  ] as const) {
    const store = new TestStore();
    const proxy = await machine(t, store, limit, { on_failure });
    for (let n = 0; n < 2; n++) assert.equal((await ask(proxy)).status, 200);
    store.mood = "silent";
    for (const status of statuses) assert.equal((await ask(proxy, "192.0.2.1", "6ms")).status, status, on_failure);
    assert.equal(proxy.log.at(-1)?.["outcome"], outcome);
  }
});

test("while the store does not answer, on_failure decides", async (t) => {
  for (const [on_failure, statuses, outcome] of [
    ["local", [200, 200, 200, 429], "tokens_limited"],
    ["open", [200, 200, 200, 200], "completed"],
    ["closed", [503], "token_limit_unknown"],
  ] as const) {
    const store = new TestStore();
    store.mood = "silent";
    const proxy = await machine(t, store, LIMIT, { on_failure });
    for (const status of statuses) assert.equal((await ask(proxy, "192.0.2.1", "6ms")).status, status, on_failure);
    assert.equal(proxy.log.at(-1)?.["outcome"], outcome);
  }
});

test("a client that leaves while the store is asked takes nothing", async (t) => {
  const store = new TestStore();
  const limit = { ...LIMIT, estimate: 3000 };
  const proxy = await machine(t, store, limit, { timeout: "100ms" });
  store.mood = 50;
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 0\r\n\r\n");
  await proxy.advance("10ms");
  client.reset();
  await proxy.advance("200ms");
  assert.equal(proxy.requests("app").length, 0);
  store.mood = "fine";
  assert.equal((await ask(proxy)).status, 200);
});

test("a client that leaves while a store is asked gets nothing back twice", async (t) => {
  const store = new TestStore();
  const limits = [
    { key: "client_ip" as const, budget: { tokens: 3000, per: "day" as const }, estimate: 1000 },
    { key: "route" as const, tokens_per_minute: 100_000, store: "shared" },
  ];
  const proxy = await machine(t, store, limits, { timeout: "100ms" });
  for (let n = 0; n < 2; n++) assert.equal((await ask(proxy)).status, 200);
  store.mood = 50;
  const client = proxy.connect();
  client.send("POST / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.1\r\nContent-Length: 0\r\n\r\n");
  await proxy.advance("10ms");
  client.reset();
  await proxy.advance("200ms");
  store.mood = "fine";
  for (const status of [200, 429]) assert.equal((await ask(proxy)).status, status);
});
