/**
 * The facts about connections that all threads must agree on, in shared memory: how many connections are open on each listener, how many of
 * them belong to one client, how many file descriptors the sockets of the process take, and how often something happened since the log
 * reported it. For the control plane it also holds a heartbeat of each worker.
 *
 *     [ header ][ per listener: notices, each a count and silent until | forwarding clients ][ worker 0: beats | descriptors | connections | kept bytes | middleware running, last | connections per listener | two rows of counts by client ][ worker 1 ... ]
 *
 * A listener is named by its slot, which it keeps over reloads (control/listening/listener-slots.ts).
 *
 * Each worker counts in its own part only, so workers never contend, and the part of a dead worker is zeroed as a whole.
 *
 * The connections of a client are counted in two cells, each chosen by a keyed hash of the client (a count-min sketch). Other clients may
 * share one of the cells, so the smaller sum is the answer. It is never too small, it is exact unless other clients share both cells, and a
 * flood of addresses cannot make the table grow.
 */
import { KeyHash } from "./key-hash.ts";

/** The most listeners that are open at once, those that are closed and still have connections included. */
export const LISTENER_SLOTS = 64;

/** Those, and one for the requests that a program hands to the proxy within it (`host` of the configuration). */
export const ALL_SLOTS: number = LISTENER_SLOTS + 1;

/** The slot of those requests. */
export const HOST_SLOT: number = ALL_SLOTS - 1;

const HEADER_CELLS = 16;
const WORKERS_CELL = 0;
const LISTENERS_CELL = 1;
const SEED_LOW_CELL = 2;
const SEED_HIGH_CELL = 3;
/** Until when descriptors count as short, in seconds of the monotonic clock; 0 while they are not short. */
const SHORT_UNTIL_CELL = 4;

/** How long descriptors must be enough before a shortage is over. Near the limit they run short and suffice many times a second. */
const SHORTAGE_LASTS_S = 2;

/** Things that the log reports about a listener once in a while, with how often they happened since. */
export const NOTICE = {
  connections: 0,
  connections_per_client: 1,
  forwarding: 2,
  header_refused: 3,
  certificate_refused: 4,
  handshakes: 5,
  handshakes_per_client: 6,
  certificate_unusable: 7,
} as const;

export type Notice = (typeof NOTICE)[keyof typeof NOTICE];

const NOTICES = Object.keys(NOTICE).length;
/**
 * Places per listener that remember clients which forward for others, by their hash. A later client with the same place replaces the
 * earlier.
 */
const FORWARDING = 64;
const NOTICE_CELLS = 2 * NOTICES + FORWARDING;

/** Cells per row of the sketch. With 100,000 clients of one connection each, a cell counts about six. */
const ROW_CELLS = 16_384;
/**
 * The cells of a worker's part: heartbeats, descriptors, connections on all listeners, bytes of kept bodies, the middleware that is
 * running and the one that ran last, connections per listener.
 */
const BEATS = 0;
const DESCRIPTORS = 1;
const CLIENTS = 2;
const KEPT = 3;
const RUNNING = 4;
const RAN_LAST = 5;
const LISTENERS = 6;

export class WorkerTable {
  private readonly cells: Int32Array;
  /** How many slots for listeners there are. */
  readonly listeners: number;
  private readonly workers: number;
  private readonly headCells: number;
  private readonly partCells: number;
  private readonly hash: KeyHash;

  /**
   * Makes the memory of an empty table, once for the process. Every thread then constructs a WorkerTable on it.
   * @param seedLow 32 random bits that clients cannot guess
   * @param seedHigh 32 more
   */
  static create(workers: number, listeners: number, seedLow: number, seedHigh: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * (headCells(listeners) + workers * partCells(listeners)));
    const cells = new Int32Array(buffer);
    cells[LISTENERS_CELL] = listeners;
    cells[SEED_LOW_CELL] = seedLow;
    cells[SEED_HIGH_CELL] = seedHigh;
    Atomics.store(cells, WORKERS_CELL, workers);
    return buffer;
  }

  /** Throws a RangeError when `create` did not make the buffer. */
  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
    this.workers = this.cells[WORKERS_CELL] ?? 0;
    this.listeners = this.cells[LISTENERS_CELL] ?? 0;
    this.headCells = headCells(this.listeners);
    this.partCells = partCells(this.listeners);
    if (this.workers < 1 || this.cells.length !== this.headCells + this.workers * this.partCells)
      throw new RangeError("not the buffer of a worker table: WorkerTable.create makes one");
    this.hash = new KeyHash(this.cells[SEED_LOW_CELL] ?? 0, this.cells[SEED_HIGH_CELL] ?? 0);
  }

  /** Notes that the worker's event loop turns. */
  beat(worker: number): void {
    Atomics.add(this.cells, this.part(worker) + BEATS, 1);
  }

  /** The worker's count of beats. While it does not change, the worker's event loop stands still. */
  beats(worker: number): number {
    return Atomics.load(this.cells, this.part(worker) + BEATS);
  }

  /**
   * Notes that the worker begins to run code of the middleware with that number. Returns the number that was there before, for
   * `leaveMiddleware`. Plain stores, because only a worker that stands still is asked.
   */
  enterMiddleware(worker: number, id: number): number {
    const part = this.part(worker);
    const before = this.cells[part + RUNNING] ?? 0;
    this.cells[part + RUNNING] = id;
    this.cells[part + RAN_LAST] = id;
    return before;
  }

  leaveMiddleware(worker: number, before: number): void {
    this.cells[this.part(worker) + RUNNING] = before;
  }

  /** The numbers of the middleware whose code the worker is running, and of the one that it ran last; 0: none. */
  middleware(worker: number): { readonly running: number; readonly last: number } {
    const part = this.part(worker);
    return { running: Atomics.load(this.cells, part + RUNNING), last: Atomics.load(this.cells, part + RAN_LAST) };
  }

  /** Counts sockets that the worker opened; a negative `delta` counts closed ones. */
  addDescriptors(worker: number, delta: number): void {
    Atomics.add(this.cells, this.part(worker) + DESCRIPTORS, delta);
  }

  /** Sockets open in all workers. */
  descriptors(): number {
    return this.sum(DESCRIPTORS);
  }

  /** Client connections open in all workers. */
  clients(): number {
    return this.sum(CLIENTS);
  }

  /** Counts bytes of bodies that the worker keeps in memory; a negative `delta` counts bytes let go. */
  addKept(worker: number, delta: number): void {
    Atomics.add(this.cells, this.part(worker) + KEPT, delta);
  }

  /** Bytes of bodies that all workers keep in memory. */
  kept(): number {
    return this.sum(KEPT);
  }

  /** Notes that descriptors are short at `nowMs` of the monotonic clock. True only for the call that begins the shortage. */
  beginShortage(nowMs: number): boolean {
    return Atomics.exchange(this.cells, SHORT_UNTIL_CELL, Math.ceil(nowMs / 1000) + SHORTAGE_LASTS_S) === 0;
  }

  /** Ends the shortage if descriptors have been enough for a while. True only for the call that ends it. */
  endShortage(nowMs: number): boolean {
    const until = Atomics.load(this.cells, SHORT_UNTIL_CELL);
    return until !== 0 && nowMs >= until * 1000 && Atomics.compareExchange(this.cells, SHORT_UNTIL_CELL, until, 0) === until;
  }

  /** Counts one occurrence of something that the log will report. */
  count(listener: number, notice: Notice): void {
    Atomics.add(this.cells, this.noticeCell(listener, notice), 1);
  }

  /**
   * How often it happened since the last report. 0 when the caller must not report it: it did not happen, it was reported less than `everyS`
   * seconds ago, or another thread reports it.
   */
  takeCount(listener: number, notice: Notice, nowMs: number, everyS: number): number {
    const cell = this.noticeCell(listener, notice);
    if (Atomics.load(this.cells, cell) === 0) return 0;
    const silentUntil = Atomics.load(this.cells, cell + 1);
    if (nowMs < silentUntil * 1000) return 0;
    const next = Math.ceil(nowMs / 1000) + everyS;
    if (Atomics.compareExchange(this.cells, cell + 1, silentUntil, next) !== silentUntil) return 0;
    return Atomics.exchange(this.cells, cell, 0);
  }

  /** Remembers that the client forwards for others. */
  markForwarding(listener: number, client: string): void {
    this.hash.update(client);
    Atomics.store(this.cells, this.forwardingCell(listener), this.hash.high | 1);
  }

  /** Whether the client is remembered as one that forwards for others. False after another client took its place. */
  isForwarding(listener: number, client: string): boolean {
    this.hash.update(client);
    return Atomics.load(this.cells, this.forwardingCell(listener)) === (this.hash.high | 1);
  }

  /** Counts a connection of a client on a listener; with -1, its end. */
  addConnection(worker: number, listener: number, client: string, delta: 1 | -1): void {
    const part = this.part(worker);
    Atomics.add(this.cells, part + LISTENERS + this.checked(listener), delta);
    Atomics.add(this.cells, part + CLIENTS, delta);
    this.hash.update(client);
    Atomics.add(this.cells, part + this.firstCell(listener), delta);
    Atomics.add(this.cells, part + this.secondCell(listener), delta);
  }

  /** Connections open on a listener, over all workers. */
  connections(listener: number): number {
    return this.sum(LISTENERS + this.checked(listener));
  }

  /** Connections that a client has open on a listener, over all workers. Never too small; see the header. */
  connectionsOf(listener: number, client: string): number {
    this.hash.update(client);
    return Math.min(this.sum(this.firstCell(listener)), this.sum(this.secondCell(listener)));
  }

  /** Clears a slot for a new listener. No connection may be counted on the slot. */
  resetListener(listener: number): void {
    const start = HEADER_CELLS + NOTICE_CELLS * this.checked(listener);
    for (let cell = start; cell < start + NOTICE_CELLS; cell++) Atomics.store(this.cells, cell, 0);
  }

  /** Clears the part of a dead worker. */
  clearWorker(worker: number): void {
    const start = this.part(worker);
    for (let cell = start; cell < start + this.partCells; cell++) Atomics.store(this.cells, cell, 0);
  }

  /** Offset in a worker's part of the first cell for the client that was hashed last. Each listener has another cell for it. */
  private firstCell(listener: number): number {
    return LISTENERS + this.listeners + ((this.hash.low + Math.imul(listener, 0x9e37_79b1)) & (ROW_CELLS - 1));
  }

  /** Offset of the second cell for the client. */
  private secondCell(listener: number): number {
    return LISTENERS + this.listeners + ROW_CELLS + ((this.hash.high + Math.imul(listener, 0x85eb_ca6b)) & (ROW_CELLS - 1));
  }

  private noticeCell(listener: number, notice: Notice): number {
    return HEADER_CELLS + NOTICE_CELLS * this.checked(listener) + 2 * notice;
  }

  /** The place for the client that was hashed last. */
  private forwardingCell(listener: number): number {
    return HEADER_CELLS + NOTICE_CELLS * this.checked(listener) + 2 * NOTICES + (this.hash.low & (FORWARDING - 1));
  }

  private sum(offset: number): number {
    let sum = 0;
    for (let worker = 0, cell = this.headCells + offset; worker < this.workers; worker++, cell += this.partCells) {
      sum += Atomics.load(this.cells, cell);
    }
    return sum;
  }

  private part(worker: number): number {
    if (worker >= 0 && worker < this.workers) return this.headCells + worker * this.partCells;
    throw new RangeError(`no worker ${worker}`);
  }

  private checked(listener: number): number {
    if (listener >= 0 && listener < this.listeners) return listener;
    throw new RangeError(`no listener ${listener}`);
  }
}

function headCells(listeners: number): number {
  return HEADER_CELLS + NOTICE_CELLS * listeners;
}

function partCells(listeners: number): number {
  return LISTENERS + listeners + 2 * ROW_CELLS;
}
