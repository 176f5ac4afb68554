/**
 * The memory of concurrency limits, shared by all threads: for each key how many requests are under way, by worker.
 *
 *     [ header ][ worker 0: its last lock ][ worker 1 ... ][ set 0: lock | 8 fingerprints | 8 rows, each with a count for each worker ][ set 1 ... ]
 *
 * The hash of a key chooses a set of eight rows; the key's row is the one in it with the key's fingerprint, 32 further bits of the hash. Keys themselves are
 * not stored. A row in which nothing is under way is free for any key, so nothing has to be forgotten; a row that counts something is never given to another key.
 * When all eight rows of a set are in use, a further key is not counted (`NO_ROOM`): with a third of the rows in use that happens to one key in a thousand.
 *
 * Each worker counts in a cell of its own, so the counts of one that died are taken out at once (`clearWorker`). A set has a lock
 * (shared/cell-lock.ts), because a count may only rise while the sum is below the limit.
 */
import { lockCell, unlockCell } from "./cell-lock.ts";
import { KeyHash } from "./key-hash.ts";

/** Rows of a table by default: four times as many as requests that a process has under way at its busiest. Only touched pages cost memory. */
export const IN_FLIGHT_ROWS = 131_072;

/** As many are under way as may be. */
export const FULL = -1;
/** There is no row for the key. */
export const NO_ROOM = -2;

const ROWS = 8;
const MAGIC = 0x6d72_6966;
const MAGIC_CELL = 0;
const SETS_CELL = 1;
const WORKERS_CELL = 2;
const SEED_LOW_CELL = 3;
const SEED_HIGH_CELL = 4;
const HEADER_CELLS = 16;
/** The last lock of each worker lies in a cache line of its own. */
const WORKER_CELLS = 16;
/** Within a set: its lock is cell 0, its fingerprints begin here, its counts after them. */
const FINGERPRINTS = 1;
const COUNTS = FINGERPRINTS + ROWS;

export class InFlightTable {
  private readonly cells: Int32Array;
  private readonly sets: number;
  private readonly workers: number;
  private readonly setCells: number;
  private readonly setsAt: number;
  private readonly seed: KeyHash;

  /**
   * Makes the memory of an empty table, once for the process.
   * @param workers how many threads count, those that come beside workers included
   * @param seedLow 32 random bits that clients cannot guess
   * @param seedHigh 32 more
   */
  static create(workers: number, seedLow: number, seedHigh: number, rows: number = IN_FLIGHT_ROWS): SharedArrayBuffer {
    const sets = Math.max(1, Math.ceil(rows / ROWS));
    const buffer = new SharedArrayBuffer(4 * (HEADER_CELLS + workers * WORKER_CELLS + sets * (COUNTS + ROWS * workers)));
    const cells = new Int32Array(buffer, 0, HEADER_CELLS);
    cells[SETS_CELL] = sets;
    cells[WORKERS_CELL] = workers;
    cells[SEED_LOW_CELL] = seedLow;
    cells[SEED_HIGH_CELL] = seedHigh;
    Atomics.store(cells, MAGIC_CELL, MAGIC);
    return buffer;
  }

  /** Throws a RangeError when `create` did not make the buffer. */
  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
    if (Atomics.load(this.cells, MAGIC_CELL) !== MAGIC)
      throw new RangeError("not the buffer of an in-flight table: InFlightTable.create makes one");
    this.sets = this.cells[SETS_CELL] ?? 0;
    this.workers = this.cells[WORKERS_CELL] ?? 0;
    this.setCells = COUNTS + ROWS * this.workers;
    this.setsAt = HEADER_CELLS + this.workers * WORKER_CELLS;
    this.seed = new KeyHash(this.cells[SEED_LOW_CELL] ?? 0, this.cells[SEED_HIGH_CELL] ?? 0);
  }

  /** The hash for the keys of the limit with this id, the same in all threads. Equal keys of different limits have different rows. */
  keysOf(id: string): KeyHash {
    this.seed.update(id);
    return new KeyHash(this.seed.low, this.seed.high);
  }

  /**
   * Counts one more under the key, unless `max` are counted already. Returns the place for `release`; {@link FULL} or {@link NO_ROOM}: nothing was counted.
   * @param keys from {@link keysOf}
   * @param worker index of the calling thread, from 0
   */
  take(keys: KeyHash, key: string, max: number, worker: number): number {
    const { cells, workers, setCells } = this;
    keys.update(key);
    const fingerprint = keys.high | 0;
    const set = this.setsAt + Math.floor((keys.low * this.sets) / 0x1_0000_0000) * setCells;
    this.lock(set, worker);
    let row = -1;
    let count = 0;
    for (let each = 0; each < ROWS; each++) {
      const sum = this.sumAt(set + COUNTS + each * workers);
      if (sum === 0) {
        if (row < 0) row = each;
      } else if (cells[set + FINGERPRINTS + each] === fingerprint) {
        row = each;
        count = sum;
        break;
      }
    }
    let place = NO_ROOM;
    if (count >= max) place = FULL;
    else if (row >= 0) {
      cells[set + FINGERPRINTS + row] = fingerprint;
      place = set + COUNTS + row * workers + worker;
      cells[place] = (cells[place] ?? 0) + 1;
    }
    unlockCell(cells, set, worker + 1);
    return place;
  }

  /** Counts one less at a place that `take` has given to this worker. */
  release(place: number, worker: number): void {
    const set = place - ((place - this.setsAt) % this.setCells);
    this.lock(set, worker);
    this.cells[place] = Math.max(0, (this.cells[place] ?? 0) - 1);
    unlockCell(this.cells, set, worker + 1);
  }

  /** Takes out what a worker has counted that is dead, and releases the lock that it may have held. The supervisor calls this before it replaces the worker. */
  clearWorker(worker: number): void {
    const { cells, workers, setCells } = this;
    const lock = Atomics.load(cells, HEADER_CELLS + worker * WORKER_CELLS);
    if (lock !== 0) Atomics.compareExchange(cells, lock, worker + 1, 0);
    for (let set = this.setsAt; set < cells.length; set += setCells) {
      // Only this worker ever wrote its cells, and it is dead: no lock is needed.
      for (let row = 0; row < ROWS; row++) {
        const place = set + COUNTS + row * workers + worker;
        if (Atomics.load(cells, place) !== 0) Atomics.store(cells, place, 0);
      }
    }
  }

  /** How many are counted, under all keys. It looks at the whole table. */
  get total(): number {
    let total = 0;
    for (let set = this.setsAt; set < this.cells.length; set += this.setCells)
      for (let row = 0; row < ROWS; row++) total += this.sumAt(set + COUNTS + row * this.workers);
    return total;
  }

  private lock(set: number, worker: number): void {
    this.cells[HEADER_CELLS + worker * WORKER_CELLS] = set;
    lockCell(this.cells, set, worker + 1);
  }

  private sumAt(first: number): number {
    let sum = 0;
    for (let cell = first; cell < first + this.workers; cell++) sum += this.cells[cell] ?? 0;
    return sum;
  }
}
