import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { RecordWriter, StoredRecord } from "../proxy/feature/response-store.ts";
import { ResponseMemoryKeeper, createResponseMemory } from "../shared/response-memory.ts";
import type { ResponseMemory, ResponseMemoryOptions } from "../shared/response-memory.ts";
import { NO_WORKER, SegmentTable } from "../shared/segment-table.ts";
import { MemoryStore } from "./memory-store.ts";

function memoryOf(options: Partial<ResponseMemoryOptions> = {}): ResponseMemory {
  return createResponseMemory({ bytes: 1_000_000, seats: 2, seedLow: 1, seedHigh: 2, segmentBytes: 4096, ...options });
}

/** Bytes of which no two records have the same, and no two parts of one. */
function bodyOf(id: number, bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) body[at] = (id * 31 + at * 7 + (at >>> 8) * 13) & 255;
  return body;
}

function put(store: MemoryStore, key: string, head: string, body: Buffer, bodyBytes: number = body.length): boolean {
  const writer = store.begin(key, head, bodyBytes);
  if (writer === null || !writer.write(body, 0, body.length)) return false;
  writer.complete();
  return true;
}

function bodyIn(record: StoredRecord): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < record.bodyBytes; at += pieces.at(-1)?.length ?? 0) pieces.push(record.piece(at));
  return Buffer.concat(pieces);
}

/** What is stored under a key, and released; null: nothing. */
function got(store: MemoryStore, key: string): { readonly head: string; readonly body: Buffer } | null {
  const record = store.find(key);
  if (record === null) return null;
  const found = { head: record.head, body: bodyIn(record) };
  record.release();
  return found;
}

describe("a store in memory", () => {
  test("what one worker has stored another one finds, whole", () => {
    const memory = memoryOf();
    const [one, other] = [new MemoryStore(memory, 0), new MemoryStore(memory, 1)];
    const body = bodyOf(1, 30_000);
    assert.equal(other.find("a"), null);
    assert.ok(put(one, "a", "200 \xff head", body));
    assert.deepEqual(got(other, "a"), { head: "200 \xff head", body });
    assert.equal(got(other, "b"), null);
    assert.ok(other.delete("a"));
    assert.ok(!one.delete("a"));
    assert.equal(got(one, "a"), null);
  });

  test("a body of unknown length grows; one that is not as long as was said is not stored", () => {
    const store = new MemoryStore(memoryOf(), 0);
    for (const bytes of [0, 1, 5000, 90_000]) {
      const body = bodyOf(bytes, bytes);
      const [writer, between] = [store.begin("a", "h", -1), store.begin("b", "h", -1)];
      for (let at = 0; at < bytes; at += 999) {
        assert.equal(writer?.write(body, at, Math.min(bytes, at + 999)), true);
        assert.equal(between?.write(body, 0, 10), true);
      }
      writer?.complete();
      between?.abort();
      assert.deepEqual(got(store, "a"), { head: "h", body });
    }
    const [short, long] = [store.begin("short", "h", 10), store.begin("long", "h", 10)];
    assert.equal(short?.write(bodyOf(1, 9), 0, 9), true);
    short?.complete();
    assert.equal(long?.write(bodyOf(1, 11), 0, 11), false);
    assert.equal(long?.write(bodyOf(1, 1), 0, 1), false);
    long?.complete();
    assert.deepEqual([got(store, "short"), got(store, "long")], [null, null]);
  });

  test("until a record is complete the one before is found", () => {
    const store = new MemoryStore(memoryOf(), 0);
    put(store, "a", "1", bodyOf(1, 10));
    const writer = store.begin("a", "2", 10);
    writer?.write(bodyOf(2, 10), 0, 10);
    assert.equal(got(store, "a")?.head, "1");
    writer?.complete();
    assert.deepEqual(got(store, "a"), { head: "2", body: bodyOf(2, 10) });
  });

  test("what is larger than an eighth of the store, or than it was told, is refused, or given up on the way", () => {
    const own = memoryOf({ recordBytesMax: 5000 });
    for (const [memory, most] of [
      [memoryOf(), 115_000],
      [own, 5000],
    ] as const) {
      assert.ok(memory.recordBytesMax <= Math.max(most, 5000) + 10_000 && memory.recordBytesMax >= most, `${memory.recordBytesMax}`);
      const store = new MemoryStore(memory, 0);
      assert.equal(store.begin("a", "h", memory.recordBytesMax), null);
      assert.ok(put(store, "a", "h", bodyOf(1, memory.recordBytesMax - 2)));
      assert.equal(put(store, "b", "h", bodyOf(1, memory.recordBytesMax), -1), false);
      assert.equal(got(store, "b"), null);
    }
    const store = new MemoryStore(memoryOf(), 0);
    assert.equal(store.begin("a", "h".repeat(5000), 0), null, "a head lies in one segment");
  });

  test("keys are compared as a whole, whatever characters they have", () => {
    const store = new MemoryStore(memoryOf(), 0);
    const keys = ["", "a", "A", "\xe9", "\u0439", "a\u0439", "\ud800", "\u{1f600}", "a\0", "x".repeat(3000)];
    for (const key of keys) assert.ok(put(store, key, `head of ${keys.indexOf(key)}`, bodyOf(1, 3)));
    for (const key of keys) assert.equal(got(store, key)?.head, `head of ${keys.indexOf(key)}`);
  });

  test("another head, beside a body that is copied and one that stays where it is", () => {
    const store = new MemoryStore(memoryOf(), 0);
    for (const bytes of [0, 3000, 16 * 1024, 60_000]) {
      const body = bodyOf(bytes, bytes);
      put(store, "a", "first", body);
      const before = store.find("a");
      for (const head of ["second", "", "third head ".repeat(100)]) {
        assert.ok(store.replaceHead("a", head));
        assert.deepEqual(got(store, "a"), { head, body });
      }
      assert.deepEqual([before?.head, before && bodyIn(before)], ["first", body]);
      before?.release();
    }
    assert.equal(store.replaceHead("b", "h"), false);
    assert.equal(store.replaceHead("a", "h".repeat(5000)), false);
    assert.equal(got(store, "a"), null, "a head that has no room leaves none behind that is out of date");
  });

  test("what is pinned stays as it is while everything else is replaced many times", () => {
    const store = new MemoryStore(memoryOf({ bytes: 300_000 }), 0);
    put(store, "kept", "head", bodyOf(0, 10_000));
    const record = store.find("kept");
    for (let id = 1; id < 500; id++) put(store, `${id}`, "h", bodyOf(id, 3000));
    assert.deepEqual([record?.head, record && bodyIn(record)], ["head", bodyOf(0, 10_000)]);
    record?.release();
    assert.throws(() => record?.piece(0), /released/);
  });

  test("readers that never end cannot take more than their share: nothing more is stored then, and what there is is found", () => {
    const memory = memoryOf({ bytes: 300_000 });
    const store = new MemoryStore(memory, 0);
    let refused = 0;
    for (let id = 0; id < 400; id++) {
      if (!put(store, `${id}`, "h", bodyOf(id, 3000))) refused++;
      store.find(`${id}`);
    }
    assert.ok(refused > 200, `${refused}`);
    const found = Array.from({ length: 400 }, (_, id) => got(store, `${id}`)).filter((each) => each !== null);
    assert.ok(found.length > 40, `${found.length}`);
    new ResponseMemoryKeeper(memory).clearWorker(0);
    assert.ok(put(new MemoryStore(memory, 0), "a", "h", bodyOf(1, 3000)));
  });

  test("a body that looks like records is none", () => {
    const memory = memoryOf({ bytes: 120_000 });
    const store = new MemoryStore(memory, 0);
    put(store, "poisoned", "true head", bodyOf(1, 100));
    const image = Buffer.from(Buffer.from(memory.arenas[0] ?? new SharedArrayBuffer(0)).subarray(0, 4096));
    image.write("false", image.indexOf("true"));
    for (let round = 0; round < 300; round++) {
      put(store, `${round}`, "h", image.subarray(round % 64, 3000 + (round % 64)));
      const found = got(store, "poisoned");
      assert.ok(found === null || found.head === "true head");
    }
  });

  test("the memory of it all is not larger than was said", () => {
    for (const bytes of [120_000, 1_000_000, 64_000_000]) {
      for (const seats of [1, 16]) {
        const memory = createResponseMemory({ bytes, seats, seedLow: 1, seedHigh: 2 });
        const all = [memory.segments, memory.index, ...memory.arenas].reduce((sum, part) => sum + part.byteLength, 0);
        assert.ok(all <= bytes && all > bytes * 0.7, `${all} of ${bytes}`);
      }
    }
    for (const bytes of [1000, 33 * 2 ** 30])
      assert.throws(() => createResponseMemory({ bytes, seats: 1, seedLow: 1, seedHigh: 2 }), RangeError);
  });

  test("counts say how much there is", () => {
    const memory = memoryOf();
    const [store, keeper] = [new MemoryStore(memory, 0), new ResponseMemoryKeeper(memory)];
    assert.deepEqual(keeper.counts(), { usedBytes: 0, records: 0, evictedSegments: 0, crowdedOut: 0 });
    for (let id = 0; id < 10; id++) put(store, `${id}`, "h", bodyOf(id, 1000));
    put(store, "1", "h", bodyOf(1, 1000));
    store.delete("2");
    const { usedBytes, records } = keeper.counts();
    assert.equal(records, 9);
    assert.ok(usedBytes >= 11_000 && usedBytes < 12_000, `${usedBytes}`);
    for (let id = 0; id < 5000; id++) put(store, `${id}`, "h", bodyOf(id, 1000));
    const full = keeper.counts();
    assert.ok(full.records > 800 && full.records < 1000 && full.evictedSegments > 900, JSON.stringify(full));
  });

  test("what is asked for again outlives what comes once", () => {
    const store = new MemoryStore(memoryOf({ bytes: 500_000 }), 0);
    const body = bodyOf(1, 1000);
    let misses = 0;
    for (let id = 0; id < 8000; id++) {
      put(store, `${id}`, "h", body);
      const hot = `hot ${id % 100}`;
      if (got(store, hot) !== null) continue;
      misses++;
      put(store, hot, "h", body);
    }
    // Each is asked for once while half of the store is filled anew.
    assert.ok(misses < 400, `${misses} of 8000`);
  });
});

type Step = readonly [
  what: "begin" | "write" | "complete" | "abort" | "find" | "delete" | "replaceHead" | "release" | "die" | "storm" | "theft",
  first: number,
  second?: number,
  third?: number,
  fourth?: boolean,
];

const KEYS = 8;
const worker = fc.nat(2);
const key = fc.nat(KEYS - 1);
const any = fc.nat(20);
const bytes = fc.oneof({ weight: 4, arbitrary: fc.nat(200) }, { weight: 1, arbitrary: fc.nat(900) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("begin" as const), worker, key, bytes, fc.boolean()) },
  { weight: 9, arbitrary: fc.tuple(fc.constant("write" as const), any, bytes) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("complete" as const), any) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("abort" as const), any) },
  { weight: 8, arbitrary: fc.tuple(fc.constant("find" as const), worker, key) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("delete" as const), worker, key) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("replaceHead" as const), worker, key) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("release" as const), any) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("die" as const), worker, fc.oneof(fc.nat(10), fc.nat(100))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("theft" as const), worker, fc.oneof(fc.nat(10), fc.nat(100))) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("storm" as const), worker, fc.oneof(fc.nat(10), fc.nat(100))) },
);

interface Stored {
  readonly head: string;
  readonly body: Buffer;
}

interface Open {
  readonly writer: RecordWriter;
  readonly key: string;
  readonly worker: number;
  readonly stored: Stored;
  readonly isKnown: boolean;
  written: number;
}

class Death extends Error {}

/** Somebody has to wait for another thread, which cannot go on before. */
class Blocked extends Error {}

/**
 * Runs something, and something else before one of its operations on shared memory: the `countdown`-th.
 * @param mayTake whether who waits for a lock gets it in the end, as if its holder stood still for very long; otherwise it is Blocked
 */
function interrupted(countdown: number, run: () => void, other: () => void, mayTake: boolean): void {
  const names = ["load", "store", "compareExchange", "add", "sub", "and", "or", "wait"] as const;
  const before = names.map((name) => Atomics[name]);
  let left = countdown;
  const replace = (name: (typeof names)[number], value: unknown): void => {
    Object.defineProperty(Atomics, name, { value, configurable: true, writable: true });
  };
  for (const [index, name] of names.entries()) {
    const operation: unknown = before[index];
    replace(name, (...args: readonly unknown[]): unknown => {
      if (name === "wait") {
        if (mayTake) return "timed-out";
        throw new Blocked();
      }
      if (left-- === 0) other();
      return typeof operation === "function" ? Reflect.apply(operation, Atomics, args) : null;
    });
  }
  try {
    run();
  } finally {
    for (const [index, name] of names.entries()) replace(name, before[index]);
  }
}

/** A store of some segments of 256 bytes beside what it should hold. */
class Trial {
  hits: number = 0;
  deaths: number = 0;
  private found: { readonly record: StoredRecord; readonly stored: Stored; readonly worker: number }[] = [];
  private open: Open[] = [];
  private readonly memory: ResponseMemory = createResponseMemory({
    bytes: 9000,
    seats: 3,
    seedLow: 1,
    seedHigh: 2,
    segmentBytes: 256,
    arenaBytes: 1024,
    recordBytesMax: 2000,
  });
  private readonly keeper: ResponseMemoryKeeper = new ResponseMemoryKeeper(this.memory);
  private readonly stores: MemoryStore[] = [0, 1, 2].map((index) => new MemoryStore(this.memory, index));
  /** What each key may have. More than one: a worker died while it changed that. */
  private readonly model: Map<string, readonly Stored[]> = new Map();
  private ids: number = 0;
  storms: number = 0;
  /** What comes between the operations of a worker soon, and after how many of them. */
  private coming: { readonly what: "die" | "storm" | "theft"; readonly worker: number; readonly operations: number } | null = null;

  run([what, first, second = 0, third = 0, fourth = false]: Step): void {
    switch (what) {
      case "begin": {
        const stored = { head: `head ${++this.ids} ${"h".repeat(this.ids % 40)}`, body: bodyOf(this.ids, third) };
        return this.act(first, () => {
          const writer = this.store(first).begin(`key ${second}`, stored.head, fourth ? third : -1);
          if (writer !== null) this.open.push({ writer, key: `key ${second}`, worker: first, stored, written: 0, isKnown: fourth });
        });
      }
      case "write":
        return this.onOpen(first, (open) => {
          const end = Math.min(open.stored.body.length, open.written + second);
          if (open.writer.write(open.stored.body, open.written, end)) open.written = end;
          else this.open = this.open.filter((each) => each !== open);
        });
      case "complete":
        return this.onOpen(first, (open) => {
          this.open = this.open.filter((each) => each !== open);
          const { head, body } = open.stored;
          const isWhole = open.written === body.length || !open.isKnown;
          this.change(open.key, isWhole ? { head, body: body.subarray(0, open.written) } : null, () => open.writer.complete());
        });
      case "abort":
        return this.onOpen(first, (open) => {
          this.open = this.open.filter((each) => each !== open);
          open.writer.abort();
        });
      case "find":
        return this.act(first, () => {
          const record = this.store(first).find(`key ${second}`);
          if (record === null) return;
          const stored = this.seen(`key ${second}`, { head: record.head, body: bodyIn(record) });
          this.found.push({ record, stored, worker: first });
        });
      case "delete":
        return this.act(first, () => {
          this.store(first).delete(`key ${second}`);
          this.model.delete(`key ${second}`);
        });
      case "replaceHead":
        return this.act(first, () => this.replaceHead(this.store(first), `key ${second}`));
      case "release": {
        const [each] = this.found.splice(first % Math.max(1, this.found.length), 1);
        return each && this.act(each.worker, () => each.record.release());
      }
      case "die":
      case "storm":
      case "theft":
        this.coming = { what, worker: first, operations: second };
    }
  }

  /** Everything that is pinned is as it was when it was found, and nothing is found that was not stored last. */
  check(): void {
    for (const { record, stored } of this.found) {
      assert.equal(record.head, stored.head);
      assert.deepEqual(bodyIn(record), stored.body);
    }
    for (const store of this.stores) {
      for (let id = 0; id < KEYS; id++) {
        const found = got(store, `key ${id}`);
        if (found === null) continue;
        this.hits++;
        this.seen(`key ${id}`, found);
      }
    }
  }

  /** Nothing of the memory is lost: when all has ended, all of it can be used again. */
  end(): void {
    for (const { writer } of this.open) writer.abort();
    for (const { record } of this.found) record.release();
    for (const store of this.stores) for (let id = 0; id < 60; id++) assert.ok(put(store, `last ${id}`, "h", bodyOf(id, 150)));
    const { limbo, unfinished, free } = new SegmentTable(this.memory.segments, NO_WORKER).counts();
    assert.deepEqual([limbo, unfinished], [0, 0]);
    assert.ok(free <= 3, `${free} are free after the store was filled`);
  }

  private store(worker: number): MemoryStore {
    const store = this.stores[worker];
    assert.ok(store !== undefined);
    return store;
  }

  private onOpen(index: number, run: (open: Open) => void): void {
    const open = this.open[index % Math.max(1, this.open.length)];
    if (open !== undefined) this.act(open.worker, () => run(open));
  }

  /** Something that a worker does, and in which it may die, or be slower than another one. */
  private act(worker: number, run: () => void): void {
    const { coming } = this;
    if (coming?.worker !== worker) return run();
    this.coming = null;
    let isDead = false;
    const other = (): void => {
      if (coming.what !== "die") return this.storm((worker + 1) % 3);
      isDead = true;
      throw new Death();
    };
    try {
      interrupted(coming.operations, run, other, coming.what === "theft");
    } catch (error) {
      if (!(error instanceof Death)) throw error;
    }
    if (isDead) {
      this.deaths++;
      this.bury(worker);
    }
  }

  /** A worker replaces much of what there is, while another one is within an operation. */
  private storm(worker: number): void {
    try {
      for (let id = 0; id < 30; id++) put(this.store(worker), `storm ${id}`, "h", bodyOf(id, 200));
      this.storms++;
    } catch (error) {
      if (!(error instanceof Blocked)) throw error;
      // It stands there with what it has begun.
      this.bury(worker);
    }
  }

  private bury(worker: number): void {
    this.open = this.open.filter((each) => each.worker !== worker);
    this.found = this.found.filter((each) => each.worker !== worker);
    this.keeper.clearWorker(worker);
    this.stores[worker] = new MemoryStore(this.memory, worker);
  }

  private replaceHead(store: MemoryStore, key: string): void {
    const before = this.model.get(key) ?? [];
    const head = `replaced ${++this.ids}`;
    const after = before.map(({ body }) => ({ head, body }));
    this.model.set(key, [...before, ...after]);
    if (!store.replaceHead(key, head)) return void this.model.delete(key);
    assert.ok(after.length > 0, `${key} was deleted`);
    this.model.set(key, after);
  }

  /** A key gets another record, or dies half-way. @param stored null: it gets none */
  private change(key: string, stored: Stored | null, run: () => void): void {
    if (stored === null) return run();
    this.model.set(key, [...(this.model.get(key) ?? []), stored]);
    run();
    this.model.set(key, [stored]);
  }

  /** A record was found: it is one that may be there, and no other one is from now on. */
  private seen(key: string, found: Stored): Stored {
    const stored = (this.model.get(key) ?? []).find(({ head, body }) => head === found.head && body.equals(found.body));
    assert.ok(
      stored !== undefined,
      `${key} has ${found.head} with ${found.body.length} bytes, and not ${JSON.stringify(this.model.get(key)?.map(({ head }) => head))}`,
    );
    this.model.set(key, [stored]);
    return stored;
  }
}

test("any order of steps over three workers that die or are overtaken at any operation: what is found is whole and what was stored last, and what is pinned never changes", () => {
  let [hits, deaths, storms] = [0, 0, 0];
  fc.assert(
    fc.property(fc.array(step, { minLength: 100, maxLength: 300, size: "max" }), (steps) => {
      const trial = new Trial();
      for (const [index, each] of steps.entries()) {
        trial.run(each);
        if (index % 8 === 0) trial.check();
      }
      trial.check();
      hits += trial.hits;
      deaths += trial.deaths;
      storms += trial.storms;
      trial.end();
    }),
    { numRuns: Number(process.env["STORE_RUNS"] ?? 100), interruptAfterTimeLimit: 60_000 },
  );
  assert.ok(hits > 10_000 && deaths > 100 && storms > 100, `${hits} records were found, ${deaths} workers died, ${storms} were overtaken`);
});
