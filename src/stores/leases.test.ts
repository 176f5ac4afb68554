import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { emissionIntervalUs } from "../policy/rate-limit/gcra.ts";
import { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import type { SharedLimit, StoreAnswer } from "../proxy/feature/shared-store.ts";
import { ScriptedCount } from "./count-like-the-script.ts";
import { Leases, leaseMs } from "./leases.ts";
import type { LeaseSource } from "./leases.ts";

/** A store that counts as its script does, with the calls that have come. */
class Counted implements LeaseSource {
  readonly calls: string[] = [];
  /** What was taken and not given back. */
  given: number = 0;
  /** Null: answers come at once. */
  held: (() => void)[] | null = null;
  private readonly clock: VirtualClock;
  private readonly counts: ScriptedCount = new ScriptedCount();

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  take(name: string, limit: SharedLimit, cost: number, least: number): Promise<StoreAnswer | null> | null {
    this.calls.push(`take ${least}-${cost}`);
    const [taken, resetUs] = this.counts.run({ name, limit, cost, least }, this.clock.nowMs);
    this.given += taken;
    const answer = { taken, resetMs: resetUs / 1000 };
    if (this.held === null) return Promise.resolve(answer);
    return new Promise((resolve) => this.held?.push(() => resolve(answer)));
  }

  settle(name: string, limit: SharedLimit, count: number): void {
    this.calls.push(`settle ${count}`);
    this.given += count;
    this.counts.run({ name, limit, cost: count, least: null }, this.clock.nowMs);
  }
}

function interval({ rate }: SharedLimit): number {
  return emissionIntervalUs(rate) / 1000;
}

function limitOf(requests: number, burst: number): SharedLimit {
  return { rate: { requests, windowSeconds: 60, burst }, debtMax: 0, isLeased: true };
}

interface Stage {
  readonly clock: VirtualClock;
  readonly store: Counted;
  readonly leases: Leases;
}

function stage(): Stage {
  const clock = new VirtualClock();
  clock.step(1000);
  const store = new Counted(clock);
  return { clock, store, leases: leasesOn(clock, store) };
}

function leasesOn(clock: VirtualClock, store: Counted): Leases {
  return new Leases(store, { now: () => clock.nowMs, after: (ms, then) => clock.after(ms, then), atTurnEnd: (then) => then() });
}

function pass(clock: VirtualClock, ms: number): void {
  const until = clock.nowMs + ms;
  while (clock.step(until));
}

/** Sixteen requests, after which the thread has a block of several. */
async function warmUp(leases: Leases, limit: SharedLimit): Promise<void> {
  for (let n = 0; n < 16; n++) await leases.take("a", limit, 1, 10);
}

test("one of many requests asks, and the next block comes before the first one is used up", async () => {
  const { store, leases } = stage();
  const limit = limitOf(1000, 1000);
  let waited = 0;
  for (let n = 0; n < 100; n++) {
    const taken = leases.take("a", limit, 1, 10);
    if (taken instanceof Promise) waited++;
    assert.equal((await taken)?.taken, 1);
  }
  assert.equal(waited, 4);
  assert.ok(store.calls.length <= 20, store.calls.join());
});

test("a client that seldom comes is asked for each time, and leaves all to other threads", async () => {
  const { clock, store, leases } = stage();
  const limit = limitOf(1000, 1000);
  for (let n = 0; n < 5; n++) {
    await leases.take("a", limit, 1, 10);
    pass(clock, 5000);
  }
  assert.deepEqual(store.calls, Array(5).fill("take 1-1"));
});

test("what nobody uses goes back when its time is over", async () => {
  const { clock, store, leases } = stage();
  const limit = limitOf(1000, 1000);
  await warmUp(leases, limit);
  assert.ok(store.given > 16);
  pass(clock, leaseMs(limit) + 100);
  assert.equal(store.given, 16);
  const { length } = store.calls;
  pass(clock, 60_000);
  assert.equal(store.calls.length, length);
});

test("at the end all goes back", async () => {
  const { store, leases } = stage();
  const limit = limitOf(1000, 1000);
  await warmUp(leases, limit);
  await leases.take("b", limit, 4, 10);
  leases.end();
  assert.equal(store.given, 20);
});

test("when less is left than a block, what is left is taken; after it nobody asks until something has come back", async () => {
  const { clock, store, leases } = stage();
  const limit = limitOf(60, 13);
  let passed = 0;
  for (let n = 0; n < 50; n++) passed += (await leases.take("a", limit, 1, 5))?.taken ?? 0;
  assert.equal(passed, 13);
  assert.ok(store.calls.length < 10, store.calls.join());
  const { length } = store.calls;
  const refused = await leases.take("a", limit, 1, 5);
  assert.deepEqual(refused, { taken: 0, resetMs: 13_000 });
  assert.equal(store.calls.length, length);
  pass(clock, 1000);
  assert.equal((await leases.take("a", limit, 1, 5))?.taken, 1);
});

test("whoever comes while a block is on its way asks for itself", async () => {
  const { clock, store, leases } = stage();
  const limit = limitOf(100, 100);
  for (let n = 0; n < 4; n++) await leases.take("a", limit, 1, 10);
  pass(clock, leaseMs(limit));
  store.calls.length = 0;
  store.held = [];
  const asked = [1, 2, 3].map(() => leases.take("a", limit, 1, 10));
  assert.deepEqual(store.calls, ["take 1-2", "take 1-1", "take 1-1"]);
  for (const answer of store.held.splice(0)) answer();
  assert.deepEqual(await Promise.all(asked.map(async (each) => (await each)?.taken)), [1, 1, 1]);
  assert.deepEqual(await leases.take("a", limit, 1, 10), { taken: 1, resetMs: null });
});

test("whoever is refused because the thread itself has taken the last ones gets one of them", async () => {
  for (let burst = 8; burst < 40; burst++) {
    const { store, leases } = stage();
    store.held = [];
    const passed: number[] = [];
    for (let n = 0; n < burst; n++) {
      // Blocks that were asked for before come with the answer to this request, ahead of it.
      const asked = leases.take("a", limitOf(60, burst), 1, 4);
      if (asked instanceof Promise) for (const answer of store.held.splice(0)) answer();
      passed.push((await asked)?.taken ?? 0);
    }
    assert.deepEqual(passed, Array(burst).fill(1));
  }
});

test("a block that comes when its time is over goes back", async () => {
  const { clock, store, leases } = stage();
  const limit = limitOf(1000, 100);
  for (let n = 0; n < 4; n++) await leases.take("a", limit, 1, 10);
  pass(clock, leaseMs(limit));
  store.calls.length = 0;
  store.held = [];
  const asked = leases.take("a", limit, 1, 10);
  pass(clock, leaseMs(limit));
  for (const answer of store.held.splice(0)) answer();
  assert.equal((await asked)?.taken, 1);
  assert.deepEqual(store.calls, ["take 1-2", "settle -1"]);
});

test("however many threads have blocks, no span of time sees more than 5 % of the burst above the limit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 400 }),
      fc.integer({ min: 60, max: 60_000 }),
      fc.array(fc.record({ thread: fc.nat(7), waitMs: fc.oneof(fc.nat(40), fc.constant(3000)), count: fc.integer({ min: 1, max: 80 }) }), {
        minLength: 10,
        maxLength: 80,
      }),
      async (burst, perMinute, visits) => {
        const { clock, store } = stage();
        const threads = Array.from({ length: 8 }, () => leasesOn(clock, store));
        const limit = limitOf(perMinute, burst);
        let [passed, least] = [0, Infinity];
        for (const { thread, waitMs, count } of visits) {
          pass(clock, waitMs);
          const cameBack = clock.nowMs / interval(limit);
          for (let n = 0; n < count; n++) {
            if ((await threads[thread]?.take("a", limit, 1, Math.floor(burst / 2)))?.taken !== 1) continue;
            // From the request that begins the worst span until this one.
            least = Math.min(least, passed - cameBack);
            passed++;
            const above = passed - cameBack - least;
            assert.ok(above <= burst * 1.05 + 1, `${above} passed above what came back, of ${burst}`);
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

test("under load from all threads nearly all of the limit is used", async () => {
  const { clock, store } = stage();
  const threads = Array.from({ length: 8 }, () => leasesOn(clock, store));
  const limit = limitOf(60_000, 1000);
  const began = clock.nowMs;
  let passed = 0;
  for (let round = 0; round < 1000; round++) {
    pass(clock, 5);
    for (const thread of threads) passed += (await thread.take("a", limit, 1, 20))?.taken ?? 0;
  }
  const exact = 1000 + (clock.nowMs - began);
  assert.ok(passed > 0.99 * exact && passed <= 1.05 * exact, `${passed} of ${exact}`);
});
