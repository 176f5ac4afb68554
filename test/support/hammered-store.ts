/**
 * Threads that store, find, replace and delete in one memory store as fast as they can, some of which end abruptly. Every thread changes keys of its own and finds
 * those of all, and every record says in its head which version of its key it is: so a reader knows which it may find, whatever the others do at the time.
 * This file is its own thread.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setTimeout as after } from "node:timers/promises";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import type { StoredRecord } from "../../src/proxy/feature/response-store.ts";
import { MemoryStore } from "../../src/response-stores/memory-store.ts";
import { ResponseMemoryKeeper, createResponseMemory } from "../../src/shared/response-memory.ts";
import type { ResponseMemory } from "../../src/shared/response-memory.ts";
import { NO_WORKER, SegmentTable } from "../../src/shared/segment-table.ts";

const KEYS_OF_THREAD = 40;
const BODY_MAX = 20_000;
/** A body is a part of this; so it is compared fast. */
const PATTERN = Buffer.alloc(BODY_MAX + 65_536);
for (let at = 0; at < PATTERN.length; at++) PATTERN[at] = (at * 7 + (at >>> 8) * 13) & 255;

interface Job {
  readonly memory: ResponseMemory;
  readonly worker: number;
  readonly threads: number;
  readonly seed: number;
  /** For each key: the version that is being stored, and the one that was stored last. Then what was done: records stored, found, not found. */
  readonly versions: SharedArrayBuffer;
}

function countsAt(threads: number): number {
  return 2 * threads * KEYS_OF_THREAD;
}

function hammer({ memory, worker, threads, seed, versions }: Job): void {
  const store = new MemoryStore(memory, worker);
  const cells = new Int32Array(versions);
  const counts = countsAt(threads);
  const held: (readonly [record: StoredRecord, id: number])[] = [];
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 0) / 0x1_0000_0000) * below);
  };
  const checkBody = (record: StoredRecord, id: number): void => {
    for (let at = 0; at < record.bodyBytes;) {
      const piece = record.piece(at);
      const expected = PATTERN.subarray((id & 0xffff) + at, (id & 0xffff) + at + piece.length);
      assert.ok(piece.equals(expected), `a body is torn at ${at} of ${record.bodyBytes}`);
      at += piece.length;
    }
  };
  for (;;) {
    const own = worker * KEYS_OF_THREAD + random(KEYS_OF_THREAD);
    const what = random(20);
    if (what < 5) {
      const version = (cells[2 * own] ?? 0) + 1;
      Atomics.store(cells, 2 * own, version);
      if (what === 0) {
        store.delete(`key ${own}`);
        Atomics.store(cells, 2 * own + 1, version);
      } else if (what === 1) {
        const before = store.find(`key ${own}`);
        const [, , id = "0", bytes = "0"] = before?.head.split(" ") ?? [];
        before?.release();
        // No other thread changes the key; the record may be dropped meanwhile.
        if (before !== null && store.replaceHead(`key ${own}`, `${own} ${version} ${id} ${bytes} ${"-".repeat(random(500))}`))
          Atomics.store(cells, 2 * own + 1, version);
      } else {
        const bytes = random(8) === 0 ? random(BODY_MAX) : random(1500);
        const id = random(65_536);
        const writer = store.begin(`key ${own}`, `${own} ${version} ${id} ${bytes} ${"-".repeat(random(500))}`, what === 2 ? -1 : bytes);
        let isOpen = writer !== null;
        for (let at = 0; at < bytes && isOpen; at += 2000)
          isOpen = writer?.write(PATTERN, id + at, id + Math.min(bytes, at + 2000)) ?? false;
        if (isOpen) {
          writer?.complete();
          Atomics.store(cells, 2 * own + 1, version);
          Atomics.add(cells, counts, 1);
        }
      }
    } else {
      const key = random(threads * KEYS_OF_THREAD);
      const least = Atomics.load(cells, 2 * key + 1);
      const record = store.find(`key ${key}`);
      const most = Atomics.load(cells, 2 * key);
      Atomics.add(cells, counts + (record === null ? 2 : 1), 1);
      if (record !== null) {
        const [ofKey, version, id, bytes] = record.head.split(" ").map(Number);
        assert.ok(ofKey === key && id !== undefined && version !== undefined, `${key} has the head ${record.head}`);
        assert.ok(version >= least && version <= most, `${key} has version ${version}, and not ${least} to ${most}`);
        assert.equal(record.bodyBytes, bytes);
        checkBody(record, id);
        held.push([record, id]);
      }
    }
    if (held.length > random(6)) {
      const [[record, id] = [null, 0]] = held.splice(random(held.length), 1);
      if (record === null) continue;
      checkBody(record, id);
      record.release();
    }
  }
}

if (!isMainThread && parentPort !== null && isJob(workerData)) hammer(workerData);

function isJob(data: unknown): data is Job {
  return typeof data === "object" && data !== null && "versions" in data && "memory" in data;
}

export interface Hammered {
  readonly stored: number;
  readonly found: number;
  readonly missed: number;
}

export interface Hammering {
  readonly threads: number;
  /** Of the store. */
  readonly bytes: number;
  /** How many threads end abruptly, one after the other. Another one takes the place of each. */
  readonly deaths: number;
  /** How many records are found between two of them. */
  readonly foundBetween: number;
}

/** Throws what a thread has found to be wrong. */
export async function hammerStore({ threads, bytes, deaths, foundBetween }: Hammering): Promise<Hammered> {
  const memory = createResponseMemory({ bytes, seats: threads, seedLow: 3, seedHigh: 4, segmentBytes: 4096, arenaBytes: 65_536 });
  const keeper = new ResponseMemoryKeeper(memory);
  const versions = new SharedArrayBuffer(4 * (countsAt(threads) + 3));
  const counts = new Int32Array(versions, 4 * countsAt(threads));
  const wrong: unknown[] = [];
  const start = (worker: number, seed: number): Worker => {
    const job: Job = { memory, worker, threads, seed, versions };
    return new Worker(new URL(import.meta.url), { workerData: job }).on("error", (error) => wrong.push(error));
  };
  const workers = Array.from({ length: threads }, (_, worker) => start(worker, worker));
  for (let death = 0; death < deaths && wrong.length === 0; death++) {
    const before = Atomics.load(counts, 1);
    while (Atomics.load(counts, 1) - before < foundBetween && wrong.length === 0) await after(1);
    const worker = death % threads;
    await workers[worker]?.terminate();
    keeper.clearWorker(worker);
    workers[worker] = start(worker, threads + death);
  }
  await Promise.all(workers.map((each) => each.terminate()));
  if (wrong.length > 0) throw wrong[0];
  const [stored = 0, found = 0, missed = 0] = counts;
  for (let worker = 0; worker < threads; worker++) keeper.clearWorker(worker);
  // All of it can be used again.
  const store = new MemoryStore(memory, 0);
  for (let id = 0; id < 2 * (bytes / 1000); id++) {
    const writer = store.begin(`last ${id}`, "head", 1000);
    assert.ok(writer?.write(PATTERN, 0, 1000) === true);
    writer.complete();
  }
  const { free, limbo, unfinished } = new SegmentTable(memory.segments, NO_WORKER).counts();
  assert.deepEqual([limbo, unfinished], [0, 0]);
  assert.ok(free <= 3, `${free} segments are free after the store was filled`);
  return { stored, found, missed };
}
