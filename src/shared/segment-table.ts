/**
 * The segments of a store of responses: what each holds, who writes it, which of them may be given up next. Shared by all threads; the bytes themselves lie elsewhere
 * (response-memory.ts).
 *
 *     [ header: lists, lock ][ worker 0: its deaths ... ][ segment 0: 8 cells ][ segment 1 ... ][ pins of worker 0: a cell for each segment ][ ... ]
 *
 *                take                seal                takeVictim                evicted
 *      free ------------> active ------------> sealed ---------------> evicting -------------> free
 *        ^                                                                             |
 *        +------------- limbo <------- somebody reads it still ------------------------+
 *
 * An active segment belongs to a worker, which adds records to it without a lock. Sealed segments wait in one of two queues. Every change of a segment's state is
 * one store of one cell, so after the death of a worker the lists, which are only a shorter way to what the states say, are made anew from them.
 *
 * Pins. Who reads a segment raises its cell in the own row, and looks at the generation after that. Who gives a segment up raises the generation, and looks at the
 * pins after that. So one of them sees the other: the reader finds that its record is gone, or the segment waits in limbo until nobody reads it.
 *
 * The lock of the lists is held for less than a microsecond. Its holder may die: whoever takes it next finds it marked, and makes the lists anew.
 */
import { lockCell, unlockCell } from "./cell-lock.ts";

/** Where records begin. */
export const SMALL = 0;
/** Where records are that were asked for again. */
export const MAIN = 1;
export type Queue = typeof SMALL | typeof MAIN;

/** The index of a thread that only looks, and clears up after others. */
export const NO_WORKER = -1;

const MAGIC = 0x6d72_7365;
const MAGIC_CELL = 0;
const SEGMENTS_CELL = 1;
const SEATS_CELL = 2;
const LOCK = 3;
/** Not 0: the lists are being changed. */
const MARK = 4;
/** How many segments have been sealed. */
const SEALS = 5;
/** Not 0: the lists have to be made anew, because there are dead workers whose segments nobody has seen to, or two threads have changed them at once. */
const DISTRUST = 6;
/** Segments of whose records some were dropped to make room. */
const EVICTED = 7;
/** The lists: head, tail (each 0 or a segment + 1), count. The first two are the queues. */
const LISTS = 8;
const LIST_CELLS = 3;
const FREE_LIST = 2;
const LIMBO_LIST = 3;
const HEADER_CELLS = 28;
/** Cells of a worker: how often it has died, and how many of its deaths have been seen to. */
const WORKER_CELLS = 2;

/** Cells of a segment. */
const SEGMENT_CELLS = 8;
const STATE = 0;
const GENERATION = 1;
const FILL = 2;
const SEAL = 3;
const NEXT = 4;
/** Records that the owner has begun in it and not ended. Such a segment is not given up. */
const UNFINISHED = 5;

/** A state is one of these, plus QUEUE_BIT for the main queue, plus the owner's index + 1 times OWNER_UNIT. */
const FREE = 0;
const ACTIVE = 1;
const SEALED = 2;
const EVICTING = 3;
const LIMBO = 4;
const STATE_MASK = 7;
const QUEUE_BIT = 8;
const OWNER_UNIT = 16;

/** Share of the segments that records begin in. */
const SMALL_SHARE = 0.1;
/** While more than this share of the segments is only there because somebody reads it, no more are given up. */
const LIMBO_SHARE = 0.25;
/** How many segments of a list are looked at in a row. */
const LOOKS = 16;
const TRIES = 500;

export interface SegmentCounts {
  readonly segments: number;
  readonly free: number;
  readonly limbo: number;
  /** Segments that are not given up, because a record in them is unfinished. */
  readonly unfinished: number;
  /** Units of memory that records take, those included that were dropped and lie there still. */
  readonly filledUnits: number;
  readonly evicted: number;
}

export class SegmentTable {
  readonly segments: number;
  readonly seats: number;
  private readonly cells: Int32Array;
  private readonly worker: number;
  private readonly owner: number;
  private readonly segmentsAt: number;
  private readonly pinsAt: number;
  private readonly ownPinsAt: number;
  private readonly smallMax: number;
  private readonly limboMax: number;
  private readonly ageShift: number;

  static bytes(segments: number, seats: number): number {
    return 4 * (HEADER_CELLS + seats * WORKER_CELLS + segments * (SEGMENT_CELLS + seats));
  }

  /** Makes the memory of a table whose segments are all free, once for the process. @param seats how many threads there are that write and read */
  static create(segments: number, seats: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(SegmentTable.bytes(segments, seats));
    const cells = new Int32Array(buffer);
    cells[SEGMENTS_CELL] = segments;
    cells[SEATS_CELL] = seats;
    // The first who takes the lock makes the lists.
    cells[MARK] = 1;
    Atomics.store(cells, MAGIC_CELL, MAGIC);
    return buffer;
  }

  /** Throws a RangeError when `create` did not make the buffer. @param worker index of the calling thread; NO_WORKER: it writes and reads no records */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    const cells = new Int32Array(buffer);
    if (Atomics.load(cells, MAGIC_CELL) !== MAGIC) throw new RangeError("not the buffer of a segment table: SegmentTable.create makes one");
    this.cells = cells;
    this.segments = cells[SEGMENTS_CELL] ?? 0;
    this.seats = cells[SEATS_CELL] ?? 0;
    if (worker >= this.seats) throw new RangeError(`the store has no seat ${worker}`);
    this.worker = worker;
    this.owner = worker === NO_WORKER ? this.seats + 1 : worker + 1;
    this.segmentsAt = HEADER_CELLS + this.seats * WORKER_CELLS;
    this.pinsAt = this.segmentsAt + this.segments * SEGMENT_CELLS;
    this.ownPinsAt = this.pinsAt + worker * this.segments;
    this.smallMax = Math.max(1, Math.floor(this.segments * SMALL_SHARE));
    this.limboMax = Math.max(1, Math.floor(this.segments * LIMBO_SHARE));
    // An age has 10 bits, and a round through all segments is to take at most half of them.
    this.ageShift = Math.max(0, 32 - Math.clz32(this.segments - 1) - 9);
  }

  generation(segment: number): number {
    return Atomics.load(this.cells, this.cellOf(segment) + GENERATION);
  }

  /** Units of memory in use. Only the owner of an active segment changes it. */
  fill(segment: number): number {
    return Atomics.load(this.cells, this.cellOf(segment) + FILL);
  }

  /** What the memory holds must be written before. */
  setFill(segment: number, units: number): void {
    Atomics.store(this.cells, this.cellOf(segment) + FILL, units);
  }

  /** Nothing of the segment is overwritten from now on, if its generation is what was expected. */
  pin(segment: number): void {
    const cell = this.ownPinsAt + segment;
    Atomics.store(this.cells, cell, (this.cells[cell] ?? 0) + 1);
  }

  unpin(segment: number): void {
    const cell = this.ownPinsAt + segment;
    Atomics.store(this.cells, cell, (this.cells[cell] ?? 0) - 1);
  }

  /** A record is begun in an active segment of this worker. */
  begun(segment: number): void {
    Atomics.add(this.cells, this.cellOf(segment) + UNFINISHED, 1);
  }

  /** It is complete or given up. */
  ended(segment: number): void {
    Atomics.sub(this.cells, this.cellOf(segment) + UNFINISHED, 1);
  }

  /** An empty segment to write, now this worker's; -1: no more than `spare` are free. */
  take(queue: Queue, spare: number): number {
    const { cells } = this;
    this.lock();
    if (this.count(FREE_LIST) <= spare) this.sweepLimbo();
    let segment = this.count(FREE_LIST) <= spare ? -1 : this.shift(FREE_LIST);
    if (segment >= 0) {
      const cell = this.cellOf(segment);
      if (this.become(cell, FREE, this.stateOf(ACTIVE, queue))) {
        Atomics.store(cells, cell + FILL, 0);
        Atomics.store(cells, cell + UNFINISHED, 0);
      } else segment = -1;
    }
    this.unlock();
    return segment;
  }

  /** An active segment is full. */
  seal(segment: number): void {
    this.lock();
    const cell = this.cellOf(segment);
    this.enqueue(segment, (Atomics.load(this.cells, cell + STATE) & QUEUE_BIT) === 0 ? SMALL : MAIN);
    this.unlock();
  }

  /** The segment that is to be given up next, now this worker's; -1: none can be. `evicted` must follow. */
  takeVictim(): number {
    this.lock();
    let victim = -1;
    if (this.count(LIMBO_LIST) <= this.limboMax) {
      const first = this.count(SMALL) > this.smallMax || this.count(MAIN) === 0 ? SMALL : MAIN;
      victim = this.shiftFinished(first);
      if (victim < 0) victim = this.shiftFinished(first === SMALL ? MAIN : SMALL);
    }
    this.unlock();
    return victim;
  }

  /** The queue that a segment is or was in. */
  queueOf(segment: number): Queue {
    return (Atomics.load(this.cells, this.cellOf(segment) + STATE) & QUEUE_BIT) === 0 ? SMALL : MAIN;
  }

  /** Nothing refers to the records of the victim any more. */
  evicted(segment: number): void {
    const { cells } = this;
    const cell = this.cellOf(segment);
    Atomics.add(cells, cell + GENERATION, 1);
    this.lock();
    Atomics.add(cells, EVICTED, 1);
    this.toFreeOrLimbo(segment);
    this.unlock();
  }

  /** The time as sealed segments tell it, in 10 bits. */
  get age(): number {
    return (Atomics.load(this.cells, SEALS) >>> this.ageShift) & 1023;
  }

  /** How much the age rises while as many segments are sealed as there are. */
  get ageOfRound(): number {
    return Math.max(1, this.segments >>> this.ageShift);
  }

  /**
   * A worker is dead: nothing is pinned by it any more, its records that were not complete are gone, and its segments are in the queues. The supervisor calls this
   * before it replaces the worker. It never waits: when another thread has the lock of the lists, who takes it next does the rest.
   */
  clearWorker(worker: number): void {
    const { cells } = this;
    const pins = this.pinsAt + worker * this.segments;
    for (let cell = pins; cell < pins + this.segments; cell++) if (Atomics.load(cells, cell) !== 0) Atomics.store(cells, cell, 0);
    Atomics.add(cells, HEADER_CELLS + worker * WORKER_CELLS, 1);
    Atomics.store(cells, DISTRUST, 1);
    for (let tries = 0; tries < TRIES; tries++) {
      const holder = Atomics.compareExchange(cells, LOCK, 0, this.owner);
      if (holder !== 0 && !(holder === worker + 1 && Atomics.compareExchange(cells, LOCK, holder, this.owner) === holder)) continue;
      this.afterLocking();
      this.unlock();
      return;
    }
  }

  counts(): SegmentCounts {
    const { cells } = this;
    let [free, limbo, unfinished, filledUnits] = [0, 0, 0, 0];
    for (let segment = 0; segment < this.segments; segment++) {
      const state = Atomics.load(cells, this.cellOf(segment) + STATE) & STATE_MASK;
      if (state === FREE) free++;
      else if (state === LIMBO) limbo++;
      if (Atomics.load(cells, this.cellOf(segment) + UNFINISHED) > 0) unfinished++;
      if (state !== FREE) filledUnits += this.fill(segment);
    }
    return { segments: this.segments, free, limbo, unfinished, filledUnits, evicted: Atomics.load(cells, EVICTED) >>> 0 };
  }

  private cellOf(segment: number): number {
    return this.segmentsAt + segment * SEGMENT_CELLS;
  }

  private stateOf(state: number, queue: Queue): number {
    return state + (queue === MAIN ? QUEUE_BIT : 0) + (this.worker + 1) * OWNER_UNIT;
  }

  private isPinned(segment: number): boolean {
    const { cells, segments } = this;
    for (let cell = this.pinsAt + segment; cell < cells.length; cell += segments) if (Atomics.load(cells, cell) !== 0) return true;
    return false;
  }

  private enqueue(segment: number, queue: Queue): void {
    const cell = this.cellOf(segment);
    const state = Atomics.load(this.cells, cell + STATE);
    Atomics.store(this.cells, cell + SEAL, Atomics.add(this.cells, SEALS, 1));
    Atomics.store(this.cells, cell + STATE, state - (state & STATE_MASK) + SEALED);
    this.push(queue, segment);
  }

  private toFreeOrLimbo(segment: number): void {
    const isPinned = this.isPinned(segment);
    Atomics.store(this.cells, this.cellOf(segment) + STATE, isPinned ? LIMBO : FREE);
    this.push(isPinned ? LIMBO_LIST : FREE_LIST, segment);
  }

  /** The first segment of a queue in which no record is unfinished; those before it go to the end. */
  private shiftFinished(queue: Queue): number {
    const { cells } = this;
    for (let looks = Math.min(LOOKS, this.count(queue)); looks > 0; looks--) {
      const segment = this.shift(queue);
      if (segment < 0) break;
      const cell = this.cellOf(segment);
      const word = Atomics.load(cells, cell + STATE);
      if (Atomics.load(cells, cell + UNFINISHED) > 0) this.enqueue(segment, queue);
      else if ((word & STATE_MASK) === SEALED && this.become(cell, word, this.stateOf(EVICTING, queue))) return segment;
    }
    return -1;
  }

  private sweepLimbo(): void {
    for (let looks = Math.min(LOOKS, this.count(LIMBO_LIST)); looks > 0; looks--) {
      const segment = this.shift(LIMBO_LIST);
      if (segment < 0) return;
      if (this.isPinned(segment)) this.push(LIMBO_LIST, segment);
      else if (this.become(this.cellOf(segment), LIMBO, FREE)) this.push(FREE_LIST, segment);
    }
  }

  /**
   * Changes a state. False: it is another one than it must be, because this thread stood still while it had the lock, for so long that another one took it. So no
   * segment ever gets two owners.
   */
  private become(cell: number, from: number, to: number): boolean {
    if (Atomics.compareExchange(this.cells, cell + STATE, from, to) === from) return true;
    Atomics.store(this.cells, DISTRUST, 1);
    return false;
  }

  private count(list: number): number {
    return this.cells[LISTS + list * LIST_CELLS + 2] ?? 0;
  }

  /** The first of a list that is not empty. -1: the list is not to be trusted. */
  private shift(list: number): number {
    const { cells } = this;
    const at = LISTS + list * LIST_CELLS;
    const segment = (cells[at] ?? 0) - 1;
    if (segment < 0) {
      Atomics.store(cells, DISTRUST, 1);
      return -1;
    }
    const next = cells[this.cellOf(segment) + NEXT] ?? 0;
    cells[at] = next;
    if (next === 0) cells[at + 1] = 0;
    cells[at + 2] = this.count(list) - 1;
    return segment;
  }

  private push(list: number, segment: number): void {
    const { cells } = this;
    const at = LISTS + list * LIST_CELLS;
    const tail = cells[at + 1] ?? 0;
    cells[this.cellOf(segment) + NEXT] = 0;
    cells[tail === 0 ? at : this.cellOf(tail - 1) + NEXT] = segment + 1;
    cells[at + 1] = segment + 1;
    cells[at + 2] = this.count(list) + 1;
  }

  private lock(): void {
    lockCell(this.cells, LOCK, this.owner);
    this.afterLocking();
  }

  private afterLocking(): void {
    const { cells } = this;
    if (Atomics.load(cells, MARK) !== 0 || Atomics.load(cells, DISTRUST) !== 0) this.rebuild();
    Atomics.store(cells, MARK, 1);
  }

  private unlock(): void {
    const { cells, owner } = this;
    // A lock that was taken from this thread, because it stood still for too long: the lists are not to be trusted.
    if (Atomics.load(cells, LOCK) === owner) Atomics.store(cells, MARK, 0);
    else Atomics.store(cells, DISTRUST, 1);
    unlockCell(cells, LOCK, owner);
  }

  /** Makes the lists from the states. What belonged to dead workers is sealed. */
  private rebuild(): void {
    const { cells } = this;
    Atomics.store(cells, MARK, 1);
    Atomics.store(cells, DISTRUST, 0);
    const dead = new Map<number, number>();
    for (let worker = 0; worker < this.seats; worker++) {
      const cell = HEADER_CELLS + worker * WORKER_CELLS;
      const deaths = Atomics.load(cells, cell);
      if (deaths !== Atomics.load(cells, cell + 1)) dead.set(worker + 1, deaths);
    }
    cells.fill(0, LISTS, LISTS + 4 * LIST_CELLS);
    const sealed: number[] = [];
    for (let segment = 0; segment < this.segments; segment++) {
      const cell = this.cellOf(segment);
      const word = Atomics.load(cells, cell + STATE);
      const [state, isOfDead] = [word & STATE_MASK, dead.has(Math.floor(word / OWNER_UNIT))];
      if (isOfDead) Atomics.store(cells, cell + UNFINISHED, 0);
      if (state === FREE) this.push(FREE_LIST, segment);
      else if (state === LIMBO) this.push(LIMBO_LIST, segment);
      else if (state === SEALED || isOfDead) {
        if (state === ACTIVE) Atomics.store(cells, cell + SEAL, Atomics.add(cells, SEALS, 1));
        // Otherwise the owner stays: it may have unfinished records there.
        if (isOfDead) Atomics.store(cells, cell + STATE, SEALED + (word & QUEUE_BIT));
        sealed.push(segment);
      }
    }
    const now = Atomics.load(cells, SEALS);
    const sinceSeal = (segment: number): number => (now - Atomics.load(cells, this.cellOf(segment) + SEAL)) | 0;
    sealed.sort((one, other) => sinceSeal(other) - sinceSeal(one));
    for (const segment of sealed) this.push(this.queueOf(segment), segment);
    // Last, so that who dies in here leaves this to the next.
    for (const [owner, deaths] of dead) Atomics.store(cells, HEADER_CELLS + (owner - 1) * WORKER_CELLS + 1, deaths);
  }
}
