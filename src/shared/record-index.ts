/**
 * The index of a store of responses: where the record of a key lies. Shared by all threads.
 *
 *     [ header ][ worker 0: last lock, counters ][ worker 1 ... ][ bucket 0: lock | frequencies | 7 tags | 7 locations ][ bucket 1 ... ]
 *
 * A bucket fills one line of the processor's cache. The hash of a key chooses it; its entry is one with the key's tag, 22 further bits of the hash with the last 10
 * bits of its segment's generation. So an entry that was left behind, by a worker that has died, refers to nothing once its segment has been given up.
 *
 * Finding takes no lock: it reads an entry, pins the segment (segment-table.ts), and reads the entry again. Changing an entry takes the bucket's lock, and an entry
 * whose segment is not given up yet cannot vanish while it is held: who gives a segment up takes its entries out first.
 *
 * Frequencies: two bits for each entry, how often it was asked for since it was stored or moved. At 3 they stay, so what is asked for all the time is not written.
 * Ghosts: an entry whose record was dropped from the small queue says so until its place is needed, with the age of the segments at that time. Who comes back
 * meanwhile is stored in the main queue.
 */
import { lockCell, unlockCell } from "./cell-lock.ts";
import { KeyHash } from "./key-hash.ts";

const WAYS = 7;
const BUCKET_CELLS = 16;
const FREQUENCIES = 1;
const TAGS = 2;
const LOCATIONS = TAGS + WAYS;
/** Records in a bucket where the index is as full as it was made for. Four in a thousand find no room then, and take that of the least asked for. */
const RECORDS_IN_BUCKET = 2.5;
const GHOST = -1;
/** `remove` and `replace` ask nothing of the record that is there. */
export const ANY = 0;

const MAGIC = 0x6d72_7269;
const MAGIC_CELL = 0;
const BUCKETS_CELL = 1;
const SEATS_CELL = 2;
const SEED_LOW_CELL = 3;
const SEED_HIGH_CELL = 4;
/** As in bucket-table.ts: so each bucket lies in one line. */
const HEADER_CELLS = 28;
const WORKER_CELLS = 16;
const LAST_LOCK = 0;
const ADDED = 1;
const REMOVED = 2;
const CROWDED_OUT = 3;

const FREQUENCY_MAX = 3;
/** Which place a new entry gets: the one that ranks highest. A record ranks the higher the less it was asked for, a ghost the older it is. */
const RANK_GHOST = FREQUENCY_MAX + 1;
const RANK_EMPTY = RANK_GHOST + 1024;
const RANK_OWN_GHOST = RANK_EMPTY + 1;
const GENERATION_MASK = 1023;

/** What the index needs to know of records. */
export interface RecordHashes {
  /** Whether the record at a location has this hash. The location may be one of a record that is gone. */
  isAt(location: number, low: number, high: number): boolean;
}

export interface IndexCounts {
  readonly records: number;
  /** Records that had to make room in the index. */
  readonly crowdedOut: number;
}

export class RecordIndex {
  /** The hash of the last key. */
  low: number = 0;
  high: number = 0;
  /** The entry that `first` or `next` has found. */
  location: number = 0;
  tag: number = 0;
  way: number = 0;
  private bucket: number = 0;
  private readonly cells: Int32Array;
  private readonly buckets: number;
  private readonly bucketsAt: number;
  private readonly worker: number;
  private readonly keys: KeyHash;
  private lastKey: string | null = null;

  static bytes(records: number, seats: number): number {
    return 4 * (HEADER_CELLS + seats * WORKER_CELLS + bucketsFor(records) * BUCKET_CELLS);
  }

  /**
   * Makes the memory of an empty index, once for the process.
   * @param records for how many it is made
   * @param seedLow 32 random bits that clients cannot guess
   * @param seedHigh 32 more
   */
  static create(records: number, seats: number, seedLow: number, seedHigh: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(RecordIndex.bytes(records, seats));
    const cells = new Int32Array(buffer, 0, HEADER_CELLS);
    cells[BUCKETS_CELL] = bucketsFor(records);
    cells[SEATS_CELL] = seats;
    cells[SEED_LOW_CELL] = seedLow;
    cells[SEED_HIGH_CELL] = seedHigh;
    Atomics.store(cells, MAGIC_CELL, MAGIC);
    return buffer;
  }

  /** Throws a RangeError when `create` did not make the buffer. @param worker index of the calling thread */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    const cells = new Int32Array(buffer);
    if (Atomics.load(cells, MAGIC_CELL) !== MAGIC) throw new RangeError("not the buffer of a record index: RecordIndex.create makes one");
    this.cells = cells;
    this.worker = worker;
    this.buckets = cells[BUCKETS_CELL] ?? 0;
    this.bucketsAt = HEADER_CELLS + (cells[SEATS_CELL] ?? 0) * WORKER_CELLS;
    this.keys = new KeyHash(cells[SEED_LOW_CELL] ?? 0, cells[SEED_HIGH_CELL] ?? 0);
  }

  /** Hashes a key into `low` and `high`. */
  hash(key: string): void {
    const { keys } = this;
    if (key !== this.lastKey) {
      keys.update(key);
      this.lastKey = key;
    }
    this.low = keys.low | 0;
    this.high = keys.high | 0;
  }

  /** Looks for an entry with the hash. False: there is none. */
  first(low: number, high: number): boolean {
    this.bucket = this.bucketOf(low);
    this.way = -1;
    return this.next(high);
  }

  /** Looks for a further one in the same bucket. */
  next(high: number): boolean {
    const { cells, bucket } = this;
    for (let way = this.way + 1; way < WAYS; way++) {
      const tag = Atomics.load(cells, bucket + TAGS + way);
      if ((tag ^ high) >>> 10 !== 0) continue;
      const location = Atomics.load(cells, bucket + LOCATIONS + way);
      if (location <= 0) continue;
      this.way = way;
      this.tag = tag;
      this.location = location;
      return true;
    }
    return false;
  }

  /** Whether the entry that was found is still the same. */
  isStill(): boolean {
    const { cells, bucket, way } = this;
    return Atomics.load(cells, bucket + TAGS + way) === this.tag && Atomics.load(cells, bucket + LOCATIONS + way) === this.location;
  }

  /** Whether the entry that was found is of a segment with this generation. */
  isOfGeneration(generation: number): boolean {
    return ((this.tag ^ generation) & GENERATION_MASK) === 0;
  }

  /** How often the record that was found was asked for, 3 at most. */
  get frequency(): number {
    return (Atomics.load(this.cells, this.bucket + FREQUENCIES) >>> (2 * this.way)) & FREQUENCY_MAX;
  }

  /** The record that was found was asked for. */
  touch(): void {
    const { cells, bucket, way } = this;
    const word = Atomics.load(cells, bucket + FREQUENCIES);
    if (((word >>> (2 * way)) & FREQUENCY_MAX) === FREQUENCY_MAX) return;
    // Where another thread writes the word at the same time, this one time is not counted.
    Atomics.compareExchange(cells, bucket + FREQUENCIES, word, word + (1 << (2 * way)));
  }

  /** Whether the key with this hash was dropped from the small queue lately. @param life how long that counts, in ages */
  hasGhost(low: number, high: number, age: number, life: number): boolean {
    const { cells } = this;
    const bucket = this.bucketOf(low);
    for (let way = 0; way < WAYS; way++) {
      if (Atomics.load(cells, bucket + LOCATIONS + way) !== GHOST) continue;
      const tag = Atomics.load(cells, bucket + TAGS + way);
      if ((tag ^ high) >>> 10 === 0) return ((age - tag) & GENERATION_MASK) <= life;
    }
    return false;
  }

  /** Enters a record that is complete, in the place of the one with the same hash. @param age of the segments now */
  put(low: number, high: number, location: number, generation: number, age: number, hashes: RecordHashes): void {
    const bucket = this.lock(low);
    const before = this.wayOf(bucket, low, high, hashes);
    const way = before >= 0 ? before : this.roomIn(bucket, high, age);
    if (before < 0) {
      this.count(ADDED);
      this.setFrequency(bucket, way, 0);
    }
    this.enter(bucket, way, high, location, generation);
    this.unlock(bucket);
  }

  /** Lets the entry of a record refer to another one, which has the same key. False: it refers to something else by now. @param frequency -1: as it was */
  replace(low: number, high: number, from: number, to: number, generation: number, frequency: number): boolean {
    const bucket = this.lock(low);
    const way = this.wayAt(bucket, high, from);
    if (way >= 0) {
      if (frequency >= 0) this.setFrequency(bucket, way, frequency);
      this.enter(bucket, way, high, to, generation);
    }
    this.unlock(bucket);
    return way >= 0;
  }

  /** Takes an entry out. False: there is none. @param from the record that it must refer to; ANY: the one with the hash @param ghostAge -1: nothing is remembered of it */
  remove(low: number, high: number, from: number, ghostAge: number, hashes: RecordHashes): boolean {
    const bucket = this.lock(low);
    const way = from === ANY ? this.wayOf(bucket, low, high, hashes) : this.wayAt(bucket, high, from);
    if (way >= 0) {
      const { cells } = this;
      Atomics.store(cells, bucket + LOCATIONS + way, 0);
      if (ghostAge >= 0) {
        Atomics.store(cells, bucket + TAGS + way, (high & ~GENERATION_MASK) | ghostAge);
        Atomics.store(cells, bucket + LOCATIONS + way, GHOST);
      }
      this.count(REMOVED);
    }
    this.unlock(bucket);
    return way >= 0;
  }

  /** Releases the lock that a dead worker may have held. The supervisor calls this before it replaces the worker. */
  clearWorker(worker: number): void {
    const lock = Atomics.load(this.cells, HEADER_CELLS + worker * WORKER_CELLS + LAST_LOCK);
    if (lock !== 0) Atomics.compareExchange(this.cells, lock, worker + 1, 0);
  }

  counts(): IndexCounts {
    let [records, crowdedOut] = [0, 0];
    for (let row = HEADER_CELLS; row < this.bucketsAt; row += WORKER_CELLS) {
      records = (records + Atomics.load(this.cells, row + ADDED) - Atomics.load(this.cells, row + REMOVED)) | 0;
      crowdedOut += Atomics.load(this.cells, row + CROWDED_OUT) >>> 0;
    }
    // A worker that dies between a change and its count leaves them apart by one.
    return { records: Math.max(0, records), crowdedOut };
  }

  private bucketOf(low: number): number {
    // The hash as a fraction of 2^32: exact, for both factors together have less than 53 bits.
    return this.bucketsAt + Math.floor(((low >>> 0) * this.buckets) / 0x1_0000_0000) * BUCKET_CELLS;
  }

  private lock(low: number): number {
    const bucket = this.bucketOf(low);
    Atomics.store(this.cells, HEADER_CELLS + this.worker * WORKER_CELLS + LAST_LOCK, bucket);
    lockCell(this.cells, bucket, this.worker + 1);
    return bucket;
  }

  private unlock(bucket: number): void {
    unlockCell(this.cells, bucket, this.worker + 1);
  }

  private wayOf(bucket: number, low: number, high: number, hashes: RecordHashes): number {
    const { cells } = this;
    for (let way = 0; way < WAYS; way++) {
      const location = cells[bucket + LOCATIONS + way] ?? 0;
      if (location > 0 && ((cells[bucket + TAGS + way] ?? 0) ^ high) >>> 10 === 0 && hashes.isAt(location, low, high)) return way;
    }
    return -1;
  }

  private wayAt(bucket: number, high: number, location: number): number {
    const { cells } = this;
    for (let way = 0; way < WAYS; way++)
      if (cells[bucket + LOCATIONS + way] === location && ((cells[bucket + TAGS + way] ?? 0) ^ high) >>> 10 === 0) return way;
    return -1;
  }

  /** A way for a new entry: one that is the key's own ghost, or is empty, or the oldest ghost; else that of the record that was asked for least. */
  private roomIn(bucket: number, high: number, age: number): number {
    const { cells } = this;
    const word = Atomics.load(cells, bucket + FREQUENCIES);
    let [best, bestRank] = [0, -1];
    for (let way = 0; way < WAYS; way++) {
      const [location = 0, tag = 0] = [cells[bucket + LOCATIONS + way], cells[bucket + TAGS + way]];
      let rank = FREQUENCY_MAX - ((word >>> (2 * way)) & FREQUENCY_MAX);
      if (location === 0) rank = RANK_EMPTY;
      else if (location === GHOST) rank = (tag ^ high) >>> 10 === 0 ? RANK_OWN_GHOST : RANK_GHOST + ((age - tag) & GENERATION_MASK);
      if (rank > bestRank) [best, bestRank] = [way, rank];
    }
    if (bestRank <= FREQUENCY_MAX) {
      this.count(REMOVED);
      this.count(CROWDED_OUT);
    }
    return best;
  }

  /** Readers see the entry as it was, or none, or the new one. */
  private enter(bucket: number, way: number, high: number, location: number, generation: number): void {
    const { cells } = this;
    Atomics.store(cells, bucket + LOCATIONS + way, 0);
    Atomics.store(cells, bucket + TAGS + way, (high & ~GENERATION_MASK) | (generation & GENERATION_MASK));
    // Otherwise this thread stood still for so long that another one took the lock, and may have stored something newer.
    if (Atomics.load(cells, bucket) === this.worker + 1) Atomics.store(cells, bucket + LOCATIONS + way, location);
  }

  private setFrequency(bucket: number, way: number, frequency: number): void {
    Atomics.and(this.cells, bucket + FREQUENCIES, ~(FREQUENCY_MAX << (2 * way)));
    if (frequency > 0) Atomics.or(this.cells, bucket + FREQUENCIES, frequency << (2 * way));
  }

  private count(counter: number): void {
    const cell = HEADER_CELLS + this.worker * WORKER_CELLS + counter;
    Atomics.store(this.cells, cell, (this.cells[cell] ?? 0) + 1);
  }
}

function bucketsFor(records: number): number {
  return Math.max(1, Math.ceil(records / RECORDS_IN_BUCKET));
}
