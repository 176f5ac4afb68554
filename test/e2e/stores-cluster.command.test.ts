/** Limits that count in a cluster of three Redis: keys on all of them, one that hangs or dies, and keys that move. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { keySlot } from "../../src/stores/redis/key-slot.ts";
import { startMillrace } from "../support/millrace.ts";
import type { Millrace } from "../support/millrace.ts";
import { ask, get, getAdmin } from "../support/raw-client.ts";
import { WITHOUT_REDIS, startCluster } from "../support/redis.ts";
import type { TestRedis } from "../support/redis.ts";

const LONG = { timeout: 90_000, skip: WITHOUT_REDIS };

async function started(t: TestContext, machines: readonly TestRedis[], more: string): Promise<Millrace> {
  const proxy = await startMillrace(`
listeners: [{ address: "127.0.0.1:0" }]
admin: { address: "127.0.0.1:0" }
workers: 1
logging: { access: false }
stores: { shared: { type: redis, cluster: [${machines.map(({ url }) => JSON.stringify(url)).join()}], ${more} } }
routes:
  - respond: { status: 200, body: in }
    rate_limit: { requests_per_minute: 1, burst: 3, key: "header:X-Key", store: shared }
`);
  t.after(() => proxy.stop());
  await untilUp(proxy, true);
  return proxy;
}

async function untilUp(proxy: Millrace, isUp: boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const { body } = await ask(proxy.adminPort, getAdmin("/status"));
    if ((JSON.parse(body) as { stores: { shared: { up: boolean } } }).stores.shared.up === isUp) return;
    assert.ok(Date.now() < deadline, `the store is never ${isUp ? "up" : "down"}: ${body}\n${proxy.output()}`);
  }
}

const visit = async (proxy: Millrace, key: string): Promise<number> => (await ask(proxy.port, get("/", [`X-Key: ${key}`]))).status;

/** The name of the key in the store of a client that no other one has visited before. */
async function nameAfter(machines: readonly TestRedis[], visited: () => Promise<unknown>): Promise<{ name: string; at: TestRedis }> {
  const before = new Set((await Promise.all(machines.map((machine) => machine.cli("keys", "*")))).flatMap((text) => text.split("\n")));
  await visited();
  for (const at of machines)
    for (const name of (await at.cli("keys", "*")).split("\n")) if (name !== "" && !before.has(name)) return { name, at };
  throw new Error("there is no new key");
}

describe("a cluster", LONG, () => {
  test("two processes count together, and keys lie on all machines", LONG, async (t) => {
    const machines = await startCluster(t);
    const [one, two] = [await started(t, machines, "timeout: 1s"), await started(t, machines, "timeout: 1s")];
    for (let key = 0; key < 12; key++) {
      const statuses = [await visit(one, `${key}`), await visit(two, `${key}`), await visit(one, `${key}`), await visit(two, `${key}`)];
      assert.deepEqual(statuses, [200, 200, 200, 429]);
    }
    const sizes = await Promise.all(machines.map(async (machine) => Number(await machine.cli("dbsize"))));
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      12,
    );
    assert.ok(
      sizes.every((size) => size > 0),
      sizes.join(),
    );
  });

  test("one machine that hangs costs its own keys three timeouts, and the others nothing", LONG, async (t) => {
    const machines = await startCluster(t);
    const proxy = await started(t, machines, "timeout: 400ms, on_failure: closed");
    const places = new Map<string, TestRedis>();
    for (let key = 0; key < 12; key++) places.set(`${key}`, (await nameAfter(machines, () => visit(proxy, `${key}`))).at);
    const [, hung] = [...places][0] ?? assert.fail();
    hung.pause();
    const times: number[] = [];
    for (let round = 0; round < 3; round++)
      for (const [key, at] of places) {
        const began = performance.now();
        const status = await visit(proxy, key);
        if (at === hung) times.push(performance.now() - began);
        assert.equal(status, at === hung ? 503 : round < 2 ? 200 : 429, `${key} in round ${round}`);
      }
    t.diagnostic(`${times.map((time) => time.toFixed(1)).join(", ")} ms`);
    assert.ok(times.slice(0, 3).every((time) => time >= 399 && time < 900) && times.slice(3).every((time) => time < 399), times.join());
    hung.resume();
    await untilUp(proxy, true);
    for (const [key, at] of places) if (at === hung) assert.equal(await visit(proxy, key), 200);
  });

  test("one machine that dies: the keys of the others count on; it comes back under its address", LONG, async (t) => {
    const machines = await startCluster(t);
    const proxy = await started(t, machines, "timeout: 200ms");
    const { at } = await nameAfter(machines, () => visit(proxy, "a"));
    await at.kill();
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push(await visit(proxy, "a"));
    // From where the store stood.
    assert.deepEqual(statuses, [200, 200, 429, 429]);
    await untilUp(proxy, false);
    await at.start();
    await untilUp(proxy, true);
    assert.equal(await visit(proxy, "new"), 200);
  });

  test("a slot that moves to another machine takes its keys along, without a failure", LONG, async (t) => {
    const machines = await startCluster(t);
    const proxy = await started(t, machines, "timeout: 1s, on_failure: closed");
    const { name, at: from } = await nameAfter(machines, () => visit(proxy, "a"));
    const to = machines.find((machine) => machine !== from) ?? assert.fail();
    const [slot, fromId, toId] = [`${keySlot(name)}`, await from.cli("cluster", "myid"), await to.cli("cluster", "myid")];
    await to.cli("cluster", "setslot", slot, "importing", fromId);
    await from.cli("cluster", "setslot", slot, "migrating", toId);
    await from.cli("migrate", "127.0.0.1", `${to.port}`, name, "0", "1000");
    // The owner is still `from`, which sends whoever asks for the key on (ASK).
    assert.equal(await visit(proxy, "a"), 200);
    for (const machine of [to, from]) await machine.cli("cluster", "setslot", slot, "node", toId);
    assert.deepEqual([await visit(proxy, "a"), await visit(proxy, "a")], [200, 429]);
    assert.equal(proxy.count("store_down"), 0);
    assert.equal(await to.cli("exists", name), "1");
  });
});
