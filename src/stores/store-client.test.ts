import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../net/transport/memory/virtual-clock.ts";
import type { SharedLimit, StoreAnswer } from "../proxy/feature/shared-store.ts";
import { StoreClient } from "./store-client.ts";
import { StoreFault } from "./store-connection.ts";
import type { StoreCommand, StoreConnection } from "./store-connection.ts";

const LIMIT: SharedLimit = { rate: { requests: 1, windowSeconds: 1, burst: 1 }, debtMax: 0, isLeased: false };
const TIMEOUT_MS = 5;
const RIGHT = [1, 1000];

interface Sent {
  readonly command: StoreCommand;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A client, and the store's side of its connections. Names of keys begin with their machine, as in `a 1`. */
class Stage {
  readonly clock: VirtualClock = new VirtualClock();
  readonly told: string[] = [];
  readonly connections: { readonly sent: Sent[]; isOpen: boolean; readonly lose: (why: string) => void }[] = [];
  /** Set: connecting fails. */
  refuses: string | null = null;
  /** Called at the end of a turn. Null: at once. */
  turn: (() => void)[] | null = null;
  readonly client: StoreClient;

  constructor() {
    this.clock.step(1);
    this.client = new StoreClient({
      clock: {
        now: () => this.clock.nowMs,
        after: (ms, then) => this.clock.after(ms, then),
        atTurnEnd: (then) => (this.turn === null ? then() : void this.turn.push(then)),
      },
      connector: { connect: (lost) => this.connect(lost) },
      timeoutMs: TIMEOUT_MS,
      observer: { up: () => this.told.push("up"), down: (why) => this.told.push(why) },
    });
  }

  /** All that was sent over the connections, oldest first. */
  get sent(): readonly Sent[] {
    return this.connections.flatMap(({ sent }) => sent);
  }

  take(name: string = "a 1"): Promise<StoreAnswer | null> | null {
    return this.client.take(name, LIMIT, 1);
  }

  async pass(ms: number): Promise<void> {
    await settled();
    const until = this.clock.nowMs + ms;
    while (this.clock.step(until)) await settled();
  }

  private connect(lose: (why: string) => void): Promise<StoreConnection> {
    if (this.refuses !== null) return Promise.reject(new StoreFault(this.refuses));
    const side = { sent: [] as Sent[], isOpen: true, lose };
    this.connections.push(side);
    const connection: StoreConnection = {
      send: (command) => new Promise((resolve, reject) => side.sent.push({ command, resolve, reject })),
      append: () => Promise.resolve("1-0"),
      readNotices: () => Promise.resolve([]),
      machineOf: (name) => (name.startsWith("only") ? "" : (name.split(" ")[0] ?? "")),
      close: () => {
        side.isOpen = false;
        for (const { reject } of side.sent) reject(new StoreFault("closed"));
      },
      end: async () => void (side.isOpen = false),
    };
    return Promise.resolve(connection);
  }
}

async function settled(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await Promise.resolve();
}

async function stage(): Promise<Stage> {
  const made = new Stage();
  await settled();
  assert.deepEqual(made.told, ["up"]);
  return made;
}

/** Asks and lets the time pass until the question is late; so often. */
async function late(on: Stage, times: number, name?: string): Promise<void> {
  for (let n = 0; n < times; n++) {
    const answer = on.take(name);
    await on.pass(TIMEOUT_MS);
    assert.equal(await answer, null);
  }
}

test("questions of one time share a timer, and each is late for itself", async () => {
  const on = await stage();
  const first = on.take();
  await on.pass(3);
  const second = on.take();
  await on.pass(2);
  assert.equal(await first, null);
  on.sent[1]?.resolve(RIGHT);
  assert.deepEqual(await second, { taken: 1, resetMs: 1 });
  on.sent[0]?.resolve(RIGHT);
  await on.pass(100);
  assert.deepEqual(on.client.takeCounts(), { answered: 1, answerMs: 2, late: 1, failed: 0, spared: 0 });
  assert.deepEqual(on.told, ["up"]);
});

test("an answer that arrived while the thread stood still is in time", async () => {
  const on = await stage();
  on.turn = [];
  const answer = on.take();
  await on.pass(50);
  on.sent[0]?.resolve(RIGHT);
  await settled();
  for (const then of on.turn.splice(0)) then();
  assert.deepEqual(await answer, { taken: 1, resetMs: 1 });
  assert.equal(on.client.takeCounts().late, 0);
});

for (const [what, reply] of [
  ["a text", "OK"],
  ["nothing", null],
  ["one number", [1]],
  ["three numbers", [1, 2, 3]],
  ["numbers as texts", ["1", "1000"]],
  ["more than was asked for", [2, 1000]],
  ["less than nothing", [-1, 1000]],
  ["a time before now", [1, -1]],
  ["no whole number", [0.5, 1000]],
  ["no number", [Number.NaN, Infinity]],
] as const)
  test(`an answer with ${what} is none`, async () => {
    const on = await stage();
    const answer = on.take();
    on.sent[0]?.resolve(reply);
    assert.equal(await answer, null);
    assert.equal(on.client.takeCounts().failed, 1);
  });

test("three failures in a row spare the store, and one answer between them does not", async () => {
  const on = await stage();
  await late(on, 2);
  const answer = on.take();
  on.sent.at(-1)?.resolve(RIGHT);
  assert.notEqual(await answer, null);
  await late(on, 2);
  assert.deepEqual(on.told, ["up"]);
  await late(on, 1);
  assert.deepEqual(on.told, ["up", "it does not answer within 5 ms"]);
  assert.equal(on.take(), null);
});

test("a thousand questions of one moment are one failure", async () => {
  const on = await stage();
  const answers = Array.from({ length: 1000 }, () => on.take());
  await on.pass(TIMEOUT_MS);
  assert.ok((await Promise.all(answers.map(async (each) => each))).every((answer) => answer === null));
  assert.deepEqual(on.told, ["up"]);
});

test("a spared store gets probes that write, at times that double, and is asked again after one in time", async () => {
  const on = await stage();
  await late(on, 3);
  const before = on.sent.length;
  const at: number[] = [];
  for (let ms = 0; ms < 800; ms++) {
    const count = on.sent.length;
    await on.pass(1);
    if (on.sent.length > count) {
      at.push(ms);
      // Late, so that the connection is not given up.
      const probe = on.sent.at(-1);
      on.clock.after(6, () => probe?.resolve([0, 0]));
    }
  }
  assert.deepEqual(at, [99, 304, 709]);
  assert.ok(on.sent.slice(before).every(({ command }) => command.cost === 0 && command.least === null && command.name === "a 1"));
  const count = on.sent.length;
  while (on.sent.length === count) await on.pass(1);
  on.sent.at(-1)?.resolve([0, 0]);
  await on.pass(TIMEOUT_MS);
  assert.equal(on.told.at(-1), "up");
  assert.notEqual(on.take(), null);
});

test("a connection that brings nothing for a second is given up for another one, over which a probe decides", async () => {
  const on = await stage();
  await late(on, 3, "only 1");
  await on.pass(1600);
  assert.deepEqual(
    on.connections.map(({ isOpen }) => isOpen),
    [false, true],
  );
  assert.equal(on.take("only 1"), null);
  assert.deepEqual(on.told, ["up", "it does not answer within 5 ms"]);
  on.connections[1]?.sent.at(-1)?.resolve([0, 0]);
  await on.pass(TIMEOUT_MS);
  for (let ms = 0; ms < 5000 && on.told.length < 3; ms++) {
    await on.pass(1);
    on.sent.at(-1)?.resolve([0, 0]);
  }
  assert.equal(on.told.at(-1), "up");
});

test("a store that says that it needs time keeps its connection, and nothing is told until it can", async () => {
  const on = await stage();
  const refuse = (): void => {
    for (const { reject } of on.sent) reject(new StoreFault("it is full (OOM)", { isPassing: true }));
  };
  for (let n = 0; n < 3; n++) {
    const answer = on.take();
    refuse();
    assert.equal(await answer, null);
  }
  for (let ms = 0; ms < 10_000; ms += 4) {
    await on.pass(4);
    refuse();
  }
  assert.deepEqual([on.told, on.connections.length], [["up", "it is full (OOM)"], 1]);
});

test("of several machines only the one that fails is spared; silent, it is looked for over another connection", async () => {
  const on = await stage();
  await late(on, 3, "a 1");
  assert.equal(on.take("a 2"), null);
  const other = on.take("b 1");
  on.sent.at(-1)?.resolve(RIGHT);
  assert.notEqual(await other, null);
  await on.pass(1600);
  assert.equal(on.connections.length, 2);
  assert.equal(on.connections[0]?.isOpen, false);
  // The new connection has the same machine, which is still silent.
  assert.equal(on.take("a 2"), null);
  assert.notEqual(on.take("b 1"), null);
});

test("a machine that hangs gets a probe over each new connection, and is used again when it answers one", async () => {
  const on = await stage();
  await late(on, 3, "a 1");
  await on.pass(20_000);
  const probesOf = (sent: readonly Sent[]): number => sent.filter(({ command }) => command.cost === 0).length;
  assert.ok(on.connections.length > 3 && on.connections.length < 14, `${on.connections.length}`);
  assert.ok(on.connections.every(({ sent }) => probesOf(sent) > 0));
  const probes = probesOf(on.sent);
  for (let ms = 0; ms < 5000 && probesOf(on.sent) === probes; ms++) await on.pass(1);
  on.sent.at(-1)?.resolve([0, 0]);
  await on.pass(TIMEOUT_MS);
  assert.equal(on.told.at(-1), "up");
});

test("a lost connection answers everybody, and is opened again at times that double", async () => {
  const on = await stage();
  const answer = on.take();
  on.refuses = "it cannot be reached (ECONNREFUSED)";
  on.connections[0]?.lose("it cannot be reached (ECONNRESET)");
  assert.equal(await answer, null);
  assert.equal(on.take(), null);
  await on.pass(10_000);
  assert.deepEqual(on.told, ["up", "it cannot be reached (ECONNRESET)"]);
  on.refuses = null;
  await on.pass(2000);
  assert.deepEqual(on.told.slice(2), ["up"]);
  assert.equal(on.connections.length, 2);
});

test("what the store owes is bounded", async () => {
  const on = await stage();
  for (let n = 0; n < 4096; n++) assert.notEqual(on.take(), null);
  assert.equal(on.take(), null);
  on.client.settle("a 1", LIMIT, -1);
  assert.equal(on.sent.length, 4096);
  // Late answers are still owed.
  await on.pass(TIMEOUT_MS);
  assert.equal(on.take(), null);
  on.sent[0]?.resolve(RIGHT);
  await settled();
  assert.notEqual(on.take(), null);
});

test("a fault of one key says nothing of the store", async () => {
  const on = await stage();
  for (let n = 0; n < 10; n++) {
    const answer = on.take();
    on.sent.at(-1)?.reject(new StoreFault("a key holds something else (WRONGTYPE)", { isOfKey: true }));
    assert.equal(await answer, null);
  }
  assert.deepEqual(on.told, ["up"]);
});

test("closed: everybody is answered, nothing is opened any more", async () => {
  const on = await stage();
  const answer = on.take();
  await on.client.close();
  assert.equal(await answer, null);
  await on.pass(60_000);
  assert.deepEqual([on.connections.length, on.connections[0]?.isOpen, on.take()], [1, false, null]);
});
