/**
 * What all threads must agree on about connections, in memory that they share: how many are open on a listener, how many of those are
 * one client's, how many descriptors the sockets of the process take, what happened since the log said so; and, for the control plane,
 * whether each worker is alive.
 *
 *     [ header ][ per listener: notices, each a count and silent until | forwarding clients ][ worker 0: beats | descriptors | connections | collected | connections per listener | two rows of counts by client ][ worker 1 ... ]
 *
 * A listener is named by its slot, which it keeps from reload to reload; see control/listener-slots.ts.
 *
 * Each worker writes in its own part only, so counting never contends, and the part of a worker that died is zeroed as a whole. A
 * client's connections are counted in two cells, each chosen by a keyed hash; where other clients share one of them the other tells:
 * the smaller sum is the answer (a count-min sketch). It is exact as long as two clients do not meet in both cells, never too small,
 * and a flood of addresses cannot make it grow.
 */
import { KeyHash } from "./key-hash.ts";

/** Slots, that is listeners that are open at once, those whose last connections are still ending included. */
export const LISTENER_SLOTS = 64;

const HEADER_CELLS = 16;
const WORKERS_CELL = 0;
const LISTENERS_CELL = 1;
const SEED_LOW_CELL = 2;
const SEED_HIGH_CELL = 3;
/** Until when descriptors count as short, in seconds of the monotonic clock; 0: they do not. */
const SHORT_UNTIL_CELL = 4;

/** Descriptors are no longer short when they were enough for so long: at the edge they come and go many times a second. */
const SHORTAGE_LASTS_S = 2;

/** What the log says of a listener once in a while, with how often it happened meanwhile. */
export const NOTICE = { connections: 0, connections_per_client: 1, forwarding: 2 } as const;

export type Notice = (typeof NOTICE)[keyof typeof NOTICE];

const NOTICES = Object.keys(NOTICE).length;
/** Clients that forward for others, remembered by their hash; one that meets another's place takes it. */
const FORWARDING = 64;
const NOTICE_CELLS = 2 * NOTICES + FORWARDING;

/** Cells per row of the sketch: with 100,000 connections of as many clients, a cell has about six. */
const ROW_CELLS = 16_384;
/** Beats, descriptors, the connections of all listeners and bytes of collected bodies, before the counts of each listener. */
const BEATS = 0;
const DESCRIPTORS = 1;
const CLIENTS = 2;
const COLLECTED = 3;
const LISTENERS = 4;

export class WorkerTable {
  private readonly cells: Int32Array;
  /** Slots of listeners. */
  readonly listeners: number;
  private readonly workers: number;
  private readonly headCells: number;
  private readonly partCells: number;
  private readonly hash: KeyHash;

  /**
   * Makes an empty table; once, in the main thread.
   * @param seedLow and seedHigh: 32 random bits each, from a source that cannot be guessed
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

  /** Throws a RangeError when the buffer is none that `create` made. */
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

  /** The worker says that its event loop turns. */
  beat(worker: number): void {
    Atomics.add(this.cells, this.part(worker) + BEATS, 1);
  }

  /** A number that changes as long as the worker beats. */
  beats(worker: number): number {
    return Atomics.load(this.cells, this.part(worker) + BEATS);
  }

  /** Counts sockets that the worker opened (or, negative, closed). */
  addDescriptors(worker: number, delta: number): void {
    Atomics.add(this.cells, this.part(worker) + DESCRIPTORS, delta);
  }

  /** Sockets open in all workers. */
  descriptors(): number {
    return this.sum(DESCRIPTORS);
  }

  /** Connections of clients open in all workers. */
  clients(): number {
    return this.sum(CLIENTS);
  }

  /** Counts bytes of requests' bodies that the worker keeps for middleware (or, negative, lets go). */
  addCollected(worker: number, delta: number): void {
    Atomics.add(this.cells, this.part(worker) + COLLECTED, delta);
  }

  /** Bytes of bodies that all workers keep for middleware. */
  collected(): number {
    return this.sum(COLLECTED);
  }

  /** Descriptors are short at that time of the monotonic clock; true for the one caller that finds it out. */
  beginShortage(nowMs: number): boolean {
    return Atomics.exchange(this.cells, SHORT_UNTIL_CELL, Math.ceil(nowMs / 1000) + SHORTAGE_LASTS_S) === 0;
  }

  /** Whether they have been enough for a while; true for the one caller that finds it out. */
  endShortage(nowMs: number): boolean {
    const until = Atomics.load(this.cells, SHORT_UNTIL_CELL);
    return until !== 0 && nowMs >= until * 1000 && Atomics.compareExchange(this.cells, SHORT_UNTIL_CELL, until, 0) === until;
  }

  /** Counts what the log will say. */
  count(listener: number, notice: Notice): void {
    Atomics.add(this.cells, this.noticeCell(listener, notice), 1);
  }

  /** How often it happened since it was said last, for the one caller that is to say it; 0: it is not to be said at that time. */
  takeCount(listener: number, notice: Notice, nowMs: number, everyS: number): number {
    const cell = this.noticeCell(listener, notice);
    if (Atomics.load(this.cells, cell) === 0) return 0;
    const silentUntil = Atomics.load(this.cells, cell + 1);
    if (nowMs < silentUntil * 1000) return 0;
    const next = Math.ceil(nowMs / 1000) + everyS;
    if (Atomics.compareExchange(this.cells, cell + 1, silentUntil, next) !== silentUntil) return 0;
    return Atomics.exchange(this.cells, cell, 0);
  }

  /** That client says that it speaks for others. */
  markForwarding(listener: number, client: string): void {
    this.hash.update(client);
    Atomics.store(this.cells, this.forwardingCell(listener), this.hash.high | 1);
  }

  isForwarding(listener: number, client: string): boolean {
    this.hash.update(client);
    return Atomics.load(this.cells, this.forwardingCell(listener)) === (this.hash.high | 1);
  }

  /** Counts a connection of that client on that listener (or, with -1, its end). */
  addConnection(worker: number, listener: number, client: string, delta: 1 | -1): void {
    const part = this.part(worker);
    Atomics.add(this.cells, part + LISTENERS + this.checked(listener), delta);
    Atomics.add(this.cells, part + CLIENTS, delta);
    this.hash.update(client);
    Atomics.add(this.cells, part + this.firstCell(listener), delta);
    Atomics.add(this.cells, part + this.secondCell(listener), delta);
  }

  /** Connections open on that listener, over all workers. */
  connections(listener: number): number {
    return this.sum(LISTENERS + this.checked(listener));
  }

  /** Connections that the client has open on that listener, over all workers. */
  connectionsOf(listener: number, client: string): number {
    this.hash.update(client);
    return Math.min(this.sum(this.firstCell(listener)), this.sum(this.secondCell(listener)));
  }

  /** The slot is a new listener's, of whose clients nothing has been said yet. No connection may be counted on it. */
  resetListener(listener: number): void {
    const start = HEADER_CELLS + NOTICE_CELLS * this.checked(listener);
    for (let cell = start; cell < start + NOTICE_CELLS; cell++) Atomics.store(this.cells, cell, 0);
  }

  /** Forgets what a dead worker had counted. */
  clearWorker(worker: number): void {
    const start = this.part(worker);
    for (let cell = start; cell < start + this.partCells; cell++) Atomics.store(this.cells, cell, 0);
  }

  /** Where in a worker's part the client that was hashed last is counted, once in each row; another place on another listener. */
  private firstCell(listener: number): number {
    return LISTENERS + this.listeners + ((this.hash.low + Math.imul(listener, 0x9e37_79b1)) & (ROW_CELLS - 1));
  }

  private secondCell(listener: number): number {
    return LISTENERS + this.listeners + ROW_CELLS + ((this.hash.high + Math.imul(listener, 0x85eb_ca6b)) & (ROW_CELLS - 1));
  }

  private noticeCell(listener: number, notice: Notice): number {
    return HEADER_CELLS + NOTICE_CELLS * this.checked(listener) + 2 * notice;
  }

  /** Of the client that was hashed last. */
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
