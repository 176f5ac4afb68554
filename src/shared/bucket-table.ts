/**
 * The rate limiter's memory: for each key one time, its TAT (see policy/rate-limit/gcra.ts), in memory that all threads share. A key is
 * counted exactly, whichever threads its requests reach.
 *
 *     [ header ][ evictions ][ one lock word per set ][ TAT of each entry: float64 ][ fingerprint of each entry: 2 × uint32 ]
 *
 * The size is fixed: a flood of new keys costs no memory and no rehashing. A key's hash chooses a set of eight entries; within it the
 * entry with the key's 64-bit fingerprint is the key's. An entry whose TAT has passed says the same as none at all and is reused
 * without loss. Only when all eight are live, the one that would expire first makes place, and `evictions` counts it: that key starts
 * over with a full bucket. A client that is being limited has the latest TAT of all, so a flood of keys that each came once evicts
 * one another and not its entry. When evictions go on rising, more clients are active at once than the table holds.
 *
 * Two keys of one set with equal fingerprints would share a bucket; at a full table of a million entries the chance that a given key
 * meets another is below 1 in 10^13. Keys themselves are not stored.
 *
 * Each set has a lock, held for some hundred nanoseconds between `open` and `close`. The word holds the owner, so that the supervisor can
 * release what a dead worker held; should that not happen, waiters take the lock after a quarter of a second: the worst is one
 * request counted wrongly. Everything between the atomic operations on one lock word is ordered by them, so the other cells need no
 * atomics.
 *
 * Times are milliseconds, at least 0, of one clock that all threads read alike. `performance.now()` is none, it begins anew in every
 * worker; Date.now() and a monotonic clock with the machine's base are.
 */
import { KeyHash } from "./key-hash.ts";

/** Entries of a table by default: 16.5 MiB of address space, of which only touched pages cost memory. */
export const BUCKET_ENTRIES = 1_048_576;

const WAYS = 8;
const MAGIC = 0x6d72_6274;
/** Cells of the header, two cache lines: what never changes, then the eviction counter, which does. */
const HEADER_CELLS = 32;
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
  private readonly cells: Int32Array;
  private readonly setMask: number;
  private readonly locks: Int32Array;
  private readonly tats: Float64Array;
  private readonly fingerprints: Uint32Array;
  private readonly hash: KeyHash;
  /** Whose hash is in `hash`. */
  private lastKey: string | null = null;
  /** What `open` found, for `close`. */
  private openSet: number = 0;
  private openSlot: number = 0;
  private openIsNew: boolean = false;
  private openEvicts: boolean = false;

  /** Size in bytes of a table with at least that many entries. */
  static bytes(entries: number = BUCKET_ENTRIES): number {
    const sets = setsFor(entries);
    return HEADER_CELLS * 4 + sets * 4 + sets * WAYS * 16;
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
    this.cells = new Int32Array(buffer, 0, HEADER_CELLS);
    if (Atomics.load(this.cells, MAGIC_CELL) !== MAGIC)
      throw new RangeError("not the buffer of a bucket table: BucketTable.create makes one");
    const sets = this.cells[SETS_CELL] ?? 0;
    this.setMask = sets - 1;
    this.locks = new Int32Array(buffer, HEADER_CELLS * 4, sets);
    this.tats = new Float64Array(buffer, HEADER_CELLS * 4 + sets * 4, sets * WAYS);
    this.fingerprints = new Uint32Array(buffer, HEADER_CELLS * 4 + sets * 4 + sets * WAYS * 8, sets * WAYS * 2);
    this.hash = new KeyHash(this.cells[SEED_LOW_CELL] ?? 0, this.cells[SEED_HIGH_CELL] ?? 0);
  }

  /**
   * Locks the key's set and returns the key's TAT, 0 when there is none. `close` must follow at once, in the same turn of the event
   * loop and with nothing between them that can throw.
   * @param worker index of the calling thread, from 0
   */
  open(key: string, nowMs: number, worker: number): number {
    const { hash, tats, fingerprints } = this;
    if (key !== this.lastKey) {
      hash.update(key);
      this.lastKey = key;
    }
    const { low, high } = hash;
    const set = low & this.setMask;
    this.lock(set, worker + 1);
    this.openSet = set;
    let passed = -1;
    let nearest = set * WAYS;
    for (let slot = set * WAYS, end = slot + WAYS; slot < end; slot++) {
      const tat = tats[slot] ?? 0;
      if (fingerprints[2 * slot] === low && fingerprints[2 * slot + 1] === high) {
        this.openSlot = slot;
        this.openIsNew = false;
        return tat;
      }
      if (tat <= nowMs) passed = slot;
      else if (tat < (tats[nearest] ?? 0)) nearest = slot;
    }
    this.openEvicts = passed < 0;
    this.openSlot = passed < 0 ? nearest : passed;
    this.openIsNew = true;
    return 0;
  }

  /** Stores the TAT of the key that was opened, and unlocks its set. */
  close(tatMs: number, worker: number): void {
    const slot = this.openSlot;
    if (this.openIsNew) {
      if (this.openEvicts) this.countEviction();
      this.fingerprints[2 * slot] = this.hash.low;
      this.fingerprints[2 * slot + 1] = this.hash.high;
    }
    this.tats[slot] = tatMs;
    // Not a plain store: the lock may have been taken from a thread that stood still for too long.
    Atomics.compareExchange(this.locks, this.openSet, worker + 1, 0);
  }

  /** For the supervisor, before it replaces a worker that died: what it had locked is free again. About a millisecond. */
  releaseLocksOf(worker: number): void {
    for (let set = 0; set <= this.setMask; set++) Atomics.compareExchange(this.locks, set, worker + 1, 0);
  }

  /** Live entries that had to make place, since the table was made. */
  get evictions(): number {
    const high = Atomics.load(this.cells, EVICTIONS_HIGH_CELL) >>> 0;
    return high * 0x1_0000_0000 + (Atomics.load(this.cells, EVICTIONS_LOW_CELL) >>> 0);
  }

  /** How many entries there are, live or not. */
  get capacity(): number {
    return (this.setMask + 1) * WAYS;
  }

  private lock(set: number, owner: number): void {
    const { locks } = this;
    let sleeps = 0;
    for (let spins = 0; ; spins++) {
      const holder = Atomics.compareExchange(locks, set, 0, owner);
      // Our own lock is left over from a predecessor of the same index, for a thread never opens twice.
      if (holder === 0 || holder === owner) return;
      if (spins < SPINS_MAX) continue;
      if (++sleeps > SLEEPS_MAX && Atomics.compareExchange(locks, set, holder, owner) === holder) return;
      // Nobody wakes sleepers: that would cost every holder more than the few who wait could gain.
      Atomics.wait(locks, set, holder, SLEEP_MS);
    }
  }

  private countEviction(): void {
    if (Atomics.add(this.cells, EVICTIONS_LOW_CELL, 1) === -1) Atomics.add(this.cells, EVICTIONS_HIGH_CELL, 1);
  }
}

/** A power of two, and even: the cells behind the lock words must be aligned to eight bytes. */
function setsFor(entries: number): number {
  let sets = 2;
  while (sets * WAYS < entries) sets *= 2;
  return sets;
}
