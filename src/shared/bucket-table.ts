/**
 * The rate limiter's memory: for each key one time, its TAT (see policy/rate-limit/gcra.ts), in memory that all threads share. A key is
 * counted exactly, whichever threads its requests reach.
 *
 *     [ header ][ worker 0: its last lock ][ worker 1 ... ][ set 0: lock: int32 | 5 fingerprints: uint32 | 5 TATs: float64 ][ set 1 ... ]
 *
 * The size is fixed: a flood of new keys costs no memory and no rehashing. A key's hash chooses a set of five entries; within it the
 * entry with the key's fingerprint, 32 further bits, is the key's. A set is a line of the processor's cache: of a million keys none is in
 * that cache when it comes again, and to fetch one line is all that it costs. An entry whose TAT has passed says the same as none at all
 * and is reused without loss. Only when all five are live, the one that would expire first makes place, and `evictions` counts it: that
 * key starts over with a full bucket. A client that is being limited has the latest TAT of all, so a flood of keys that each came once
 * evicts one another and not its entry. When evictions go on rising, more clients are active at once than the table holds.
 *
 * Two keys of one set with equal fingerprints would share a bucket; at a full table the chance that a given key meets another is about
 * one in 10^9. Keys themselves are not stored.
 *
 * Each set has a lock, held for some hundred nanoseconds between `open` and `close`. The word holds the owner, and each worker writes down
 * which one it takes, so that the supervisor can release what a dead worker held; should that not happen, waiters take the lock after a
 * quarter of a second: the worst is one request counted wrongly. Everything between the atomic operations on one lock word is ordered
 * by them, so the other cells need no atomics.
 *
 * Times are milliseconds, at least 0, of one clock that all threads read alike. `performance.now()` is none, it begins anew in every
 * worker; Date.now() and a monotonic clock with the machine's base are.
 */
import { WORKERS_MAX } from "./endpoint-table.ts";
import { KeyHash } from "./key-hash.ts";

/** Entries of a table by default: 31.9 MB of address space, of which only touched pages cost memory. Of a million live keys 1 % evict another. */
export const BUCKET_ENTRIES = 2_490_000;

const WAYS = 5;
const SET_BYTES = 64;
/** Of a set, in cells of four bytes: the lock first, then the fingerprints. */
const SET_CELLS = SET_BYTES / 4;
const FINGERPRINTS = 1;
/** Of a set, in doubles: the times. */
const TATS = 3;
const MAGIC = 0x6d72_6274;
/**
 * Two cache lines: what never changes, then the eviction counter, which does. Sixteen bytes less, for that is how far into a page malloc
 * puts large memory: the sets lie each in one line then, and not in halves of two.
 */
const HEADER_BYTES = 112;
const HEADER_CELLS = HEADER_BYTES / 4;
/** Each worker's last lock in a line of its own. */
const WORKER_CELLS = 16;
const SETS_AT = HEADER_CELLS + WORKERS_MAX * WORKER_CELLS;
const MAGIC_CELL = 0;
const SETS_CELL = 1;
const SEED_LOW_CELL = 2;
const SEED_HIGH_CELL = 3;
const EVICTIONS_LOW_CELL = 16;
const EVICTIONS_HIGH_CELL = 17;

/** Tries before a waiter sleeps: longer than a holder needs unless the system took its processor away. */
const SPINS_MAX = 200;
const SLEEP_MS = 1;
/** Sleeps before a lock is taken from an owner that must be dead. */
const SLEEPS_MAX = 250;

export class BucketTable {
  private readonly sets: number;
  /** Locks and counters; the same memory as the two that follow. */
  private readonly cells: Int32Array;
  private readonly fingerprints: Uint32Array;
  private readonly tats: Float64Array;
  private readonly seed: KeyHash;
  /** Of which key the hash is in which limiter's. */
  private lastKeys: KeyHash | null = null;
  private lastKey: string = "";
  /** What `open` found, for `close`. */
  private openLock: number = 0;
  private openWay: number = 0;
  private openFingerprint: number = 0;
  private openIsNew: boolean = false;
  private openEvicts: boolean = false;

  /** Size in bytes of a table with at least that many entries. */
  static bytes(entries: number = BUCKET_ENTRIES): number {
    return SETS_AT * 4 + setsFor(entries) * SET_BYTES;
  }

  /**
   * Makes an empty table; once, in the main thread. The buffer is what the threads build their BucketTable on.
   * @param seedLow and seedHigh: 32 random bits each, from a source that cannot be guessed
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

  /** Throws a RangeError when the buffer is none that `create` made. */
  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
    if (Atomics.load(this.cells, MAGIC_CELL) !== MAGIC)
      throw new RangeError("not the buffer of a bucket table: BucketTable.create makes one");
    this.sets = this.cells[SETS_CELL] ?? 0;
    this.fingerprints = new Uint32Array(buffer);
    this.tats = new Float64Array(buffer);
    this.seed = new KeyHash(this.cells[SEED_LOW_CELL] ?? 0, this.cells[SEED_HIGH_CELL] ?? 0);
  }

  /** The keys of one limiter, told by its id: those of another with the same text are different ones. In all threads alike. */
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
    this.lock(lock, worker + 1);
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
    // Not a plain store: the lock may have been taken from a thread that stood still for too long.
    Atomics.compareExchange(this.cells, lock, worker + 1, 0);
  }

  /** For the supervisor, before it replaces a worker that died: what it had locked is free again. */
  releaseLockOf(worker: number): void {
    const lock = Atomics.load(this.cells, HEADER_CELLS + worker * WORKER_CELLS);
    if (lock !== 0) Atomics.compareExchange(this.cells, lock, worker + 1, 0);
  }

  /** Live entries that had to make place, since the table was made. */
  get evictions(): number {
    const high = Atomics.load(this.cells, EVICTIONS_HIGH_CELL) >>> 0;
    return high * 0x1_0000_0000 + (Atomics.load(this.cells, EVICTIONS_LOW_CELL) >>> 0);
  }

  /** How many entries there are, live or not. */
  get capacity(): number {
    return this.sets * WAYS;
  }

  private lock(lock: number, owner: number): void {
    const { cells } = this;
    let sleeps = 0;
    let holderBefore = 0;
    for (let spins = 0; ; spins++) {
      const holder = Atomics.compareExchange(cells, lock, 0, owner);
      // Our own lock is left over from a predecessor of the same index, for a thread never opens twice.
      if (holder === 0 || holder === owner) return;
      if (spins < SPINS_MAX) continue;
      // A lock that goes from hand to hand is nobody's who died.
      sleeps = holder === holderBefore ? sleeps + 1 : 0;
      holderBefore = holder;
      if (sleeps > SLEEPS_MAX && Atomics.compareExchange(cells, lock, holder, owner) === holder) return;
      // Nobody wakes sleepers: that would cost every holder more than the few who wait could gain.
      Atomics.wait(cells, lock, holder, SLEEP_MS);
    }
  }

  private countEviction(): void {
    if (Atomics.add(this.cells, EVICTIONS_LOW_CELL, 1) === -1) Atomics.add(this.cells, EVICTIONS_HIGH_CELL, 1);
  }
}

function setsFor(entries: number): number {
  return Math.ceil(entries / WAYS);
}
