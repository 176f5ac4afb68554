/**
 * The memory of rate limiters, shared by all threads: for each key one time, its TAT (policy/rate-limit/gcra.ts). A key is counted exactly,
 * whichever threads its requests reach.
 *
 *     [ header ][ worker 0: its last lock ][ worker 1 ... ][ set 0: lock: int32 | 5 fingerprints: uint32 | 5 TATs: float64 ][ set 1 ... ]
 *
 * Entries. The size of the table is fixed, so a flood of new keys costs no memory and no rehashing. The hash of a key chooses a set of five
 * entries; the key's entry is the one in it that has the key's fingerprint, 32 further bits of the hash. Keys themselves are not stored. Two
 * keys of one set with equal fingerprints would share a bucket; in a full table the chance that a given key meets another is about one in
 * 10^9. A set fills one line of the processor's cache: of a million keys none is in the cache when it comes again, so a request costs the
 * fetch of one line.
 *
 * Eviction. An entry whose TAT has passed says the same as no entry and is reused without loss. Only when all five entries of a set are live,
 * the one that would expire first is evicted, and `evictions` counts it: its key starts over with a full bucket. A client that is being
 * limited has a late TAT, so keys that each come once evict one another and not its entry. When evictions go on rising, more clients are
 * active at once than the table holds.
 *
 * Locks. Each set has a lock, held for some hundred nanoseconds between `open` and `close`. The lock's cell holds its owner, and each worker
 * writes down which lock it takes, so that the supervisor can release the lock of a dead worker. If that does not happen, a waiter takes the
 * lock after a quarter of a second; the worst result is one request counted wrongly. The other cells of a set need no atomic operations,
 * because those on the lock's cell order all accesses between them.
 *
 * Times are milliseconds, at least 0, of a clock that all threads read alike. Date.now() is one, and so is a monotonic clock that begins with
 * the machine. `performance.now()` is none, because it begins anew in every worker.
 */
import { WORKERS_MAX } from "./endpoint-table.ts";
import { lockCell, unlockCell } from "./cell-lock.ts";
import { KeyHash } from "./key-hash.ts";

/**
 * Entries of a table by default. They take 31.9 MB of address space, of which only touched pages cost memory. Of a million live keys 1 %
 * evict another one.
 */
export const BUCKET_ENTRIES = 2_490_000;

const WAYS = 5;
const SET_BYTES = 64;
/** A set in cells of four bytes: its lock is cell 0, its fingerprints begin at cell FINGERPRINTS. */
const SET_CELLS = SET_BYTES / 4;
const FINGERPRINTS = 1;
/** Where the times begin within a set, counted in doubles. */
const TATS = 3;
const MAGIC = 0x6d72_6274;
/**
 * Two cache lines less 16 bytes: first what never changes, then the counter of evictions. The 16 bytes are missing because malloc puts large
 * memory 16 bytes into a page. So each set lies in one cache line and not in halves of two.
 */
const HEADER_BYTES = 112;
const HEADER_CELLS = HEADER_BYTES / 4;
/** The last lock of each worker lies in a cache line of its own. */
const WORKER_CELLS = 16;
const SETS_AT = HEADER_CELLS + WORKERS_MAX * WORKER_CELLS;
const MAGIC_CELL = 0;
const SETS_CELL = 1;
const SEED_LOW_CELL = 2;
const SEED_HIGH_CELL = 3;
const EVICTIONS_LOW_CELL = 16;
const EVICTIONS_HIGH_CELL = 17;

export class BucketTable {
  private readonly sets: number;
  /** Locks and counters. The three arrays are views of the same memory. */
  private readonly cells: Int32Array;
  private readonly fingerprints: Uint32Array;
  private readonly tats: Float64Array;
  private readonly seed: KeyHash;
  /** The limiter and the key that were hashed last. A client's requests often follow one another, and then its key is not hashed again. */
  private lastKeys: KeyHash | null = null;
  private lastKey: string = "";
  /** What `open` found, for the `close` that follows. */
  private openLock: number = 0;
  private openWay: number = 0;
  private openFingerprint: number = 0;
  private openIsNew: boolean = false;
  private openEvicts: boolean = false;

  /** Size in bytes of a table with at least `entries` entries. */
  static bytes(entries: number = BUCKET_ENTRIES): number {
    return SETS_AT * 4 + setsFor(entries) * SET_BYTES;
  }

  /**
   * Makes the memory of an empty table, once for the process. Every thread then constructs a BucketTable on it.
   * @param seedLow 32 random bits that clients cannot guess
   * @param seedHigh 32 more
   */
  static create(seedLow: number, seedHigh: number, entries: number = BUCKET_ENTRIES): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(BucketTable.bytes(entries));
    const cells = new Int32Array(buffer, 0, HEADER_CELLS);
    cells[SETS_CELL] = setsFor(entries);
    cells[SEED_LOW_CELL] = seedLow;
    cells[SEED_HIGH_CELL] = seedHigh;
    Atomics.store(cells, MAGIC_CELL, MAGIC);
    return buffer;
  }

  /** Throws a RangeError when `create` did not make the buffer. */
  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
    if (Atomics.load(this.cells, MAGIC_CELL) !== MAGIC)
      throw new RangeError("not the buffer of a bucket table: BucketTable.create makes one");
    this.sets = this.cells[SETS_CELL] ?? 0;
    this.fingerprints = new Uint32Array(buffer);
    this.tats = new Float64Array(buffer);
    this.seed = new KeyHash(this.cells[SEED_LOW_CELL] ?? 0, this.cells[SEED_HIGH_CELL] ?? 0);
  }

  /**
   * The hash for the keys of the limiter with this id. It is the same in all threads; equal keys of different limiters have different
   * entries.
   */
  keysOf(id: string): KeyHash {
    this.seed.update(id);
    return new KeyHash(this.seed.low, this.seed.high);
  }

  /**
   * Locks the key's set and returns the key's TAT, 0 when there is none. `close` must follow at once, in the same turn of the event
   * loop and with nothing between them that can throw.
   * @param keys from {@link keysOf}
   * @param worker index of the calling thread, from 0
   */
  open(keys: KeyHash, key: string, nowMs: number, worker: number): number {
    const { tats, fingerprints } = this;
    if (key !== this.lastKey || keys !== this.lastKeys) {
      keys.update(key);
      this.lastKey = key;
      this.lastKeys = keys;
    }
    const fingerprint = keys.high;
    // The hash as a fraction of 2^32: exact, for both factors together have less than 53 bits.
    const set = Math.floor((keys.low * this.sets) / 0x1_0000_0000);
    const lock = SETS_AT + set * SET_CELLS;
    const firstTat = (lock >> 1) + TATS;
    this.cells[HEADER_CELLS + worker * WORKER_CELLS] = lock;
    lockCell(this.cells, lock, worker + 1);
    this.openLock = lock;
    this.openFingerprint = fingerprint;
    let passed = -1;
    let nearest = 0;
    let nearestTat = Infinity;
    for (let way = 0; way < WAYS; way++) {
      const tat = tats[firstTat + way] ?? 0;
      if (fingerprints[lock + FINGERPRINTS + way] === fingerprint) {
        this.openWay = way;
        this.openIsNew = false;
        return tat;
      }
      if (tat <= nowMs) passed = way;
      else if (tat < nearestTat) {
        nearest = way;
        nearestTat = tat;
      }
    }
    this.openEvicts = passed < 0;
    this.openWay = passed < 0 ? nearest : passed;
    this.openIsNew = true;
    return 0;
  }

  /** Stores the TAT of the key that was opened, and unlocks its set. */
  close(tatMs: number, worker: number): void {
    const { openLock: lock, openWay: way } = this;
    if (this.openIsNew) {
      if (this.openEvicts) this.countEviction();
      this.fingerprints[lock + FINGERPRINTS + way] = this.openFingerprint;
    }
    this.tats[(lock >> 1) + TATS + way] = tatMs;
    unlockCell(this.cells, lock, worker + 1);
  }

  /** The key's TAT, 0 when there is none. Changes nothing, so that a question about a key takes no other key's place. */
  peek(keys: KeyHash, key: string, nowMs: number, worker: number): number {
    const tatMs = this.open(keys, key, nowMs, worker);
    unlockCell(this.cells, this.openLock, worker + 1);
    return tatMs;
  }

  /** Releases the lock that a dead worker may have held. The supervisor calls this before it replaces the worker. */
  releaseLockOf(worker: number): void {
    const lock = Atomics.load(this.cells, HEADER_CELLS + worker * WORKER_CELLS);
    if (lock !== 0) Atomics.compareExchange(this.cells, lock, worker + 1, 0);
  }

  /** How many live entries were evicted since the table was made. */
  get evictions(): number {
    const high = Atomics.load(this.cells, EVICTIONS_HIGH_CELL) >>> 0;
    return high * 0x1_0000_0000 + (Atomics.load(this.cells, EVICTIONS_LOW_CELL) >>> 0);
  }

  /** How many entries there are, live or not. */
  get capacity(): number {
    return this.sets * WAYS;
  }

  private countEviction(): void {
    if (Atomics.add(this.cells, EVICTIONS_LOW_CELL, 1) === -1) Atomics.add(this.cells, EVICTIONS_HIGH_CELL, 1);
  }
}

function setsFor(entries: number): number {
  return Math.ceil(entries / WAYS);
}
