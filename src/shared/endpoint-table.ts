/**
 * The facts about endpoints that all threads must agree on, in shared memory: the health of each endpoint, written by the control plane
 * after a probe; whether the last attempt to connect to it failed, written by the thread that tried; and how many exchanges are in flight at
 * it, are being tried again, or are held, written by the workers. Each fact is one Int32 cell. An endpoint is named by its slot
 * (control/workers/endpoint-slots.ts).
 *
 *     [ workers in use | padding ][ health ][ refusing ][ worker 0: in flight ][ retrying ][ held ][ worker 1: in flight ] ...
 *
 * Each row has one cell per slot. Each worker counts in rows of its own: counting never contends with another worker, and when a worker dies
 * in the middle of its exchanges its rows are zeroed, which one shared total per endpoint could not do. Rows that no worker touched stay
 * untouched pages.
 */
export type EndpointHealth = (typeof ENDPOINT_HEALTH)[keyof typeof ENDPOINT_HEALTH];

/** An endpoint without probes stays `unknown`. One with probes gets requests while it is unknown only when no healthy endpoint is left. */
export const ENDPOINT_HEALTH: { readonly unknown: 0; readonly healthy: 1; readonly unhealthy: 2 } = {
  unknown: 0,
  healthy: 1,
  unhealthy: 2,
};

/** The most workers that tables in shared memory have room for. The configuration key `workers` has the same limit. */
export const WORKERS_MAX = 256;

/** Slots of a table by default, for the endpoints of all upstreams together: 48 KiB per worker. */
export const ENDPOINT_SLOTS = 4096;

/** Sixteen cells are one cache line, so the count of rows, which all threads read, lies in no line that is written often. */
const HEADER_CELLS = 16;

/** The rows before those of workers: health and refusing. */
const SHARED_ROWS = 2;

/** The row, among those of a worker, of each count that {@link EndpointTable.add} and `total` take. The first row is `inFlight`. */
export const ENDPOINT_COUNT: { readonly retrying: 1; readonly held: 2 } = { retrying: 1, held: 2 };
type EndpointCount = (typeof ENDPOINT_COUNT)[keyof typeof ENDPOINT_COUNT];

const WORKER_ROWS = 3;

export class EndpointTable {
  readonly capacity: number;
  private readonly cells: Int32Array;
  /** The highest count of rows that this thread has seen. It saves a read of the shared cell at every count. */
  private rowsSeen: number = 0;

  /** Size in bytes of the buffer of a table with room for `capacity` endpoints. */
  static bytes(capacity: number = ENDPOINT_SLOTS): number {
    return 4 * (HEADER_CELLS + capacity * (SHARED_ROWS + WORKER_ROWS * WORKERS_MAX));
  }

  /** Throws a RangeError when the size of the buffer is not that of a table. */
  constructor(buffer: SharedArrayBuffer) {
    this.cells = new Int32Array(buffer);
    this.capacity = (this.cells.length - HEADER_CELLS) / (SHARED_ROWS + WORKER_ROWS * WORKERS_MAX);
    if (!Number.isInteger(this.capacity) || this.capacity < 1) throw new RangeError("not the buffer of an endpoint table");
  }

  /**
   * The health of an endpoint. A plain read is enough: a cell is always read whole, and a change that is missed here is seen by the next
   * exchange.
   */
  health(slot: number): EndpointHealth {
    const value = this.cells[HEADER_CELLS + this.checked(slot)];
    return value === 1 ? 1 : value === 2 ? 2 : 0;
  }

  setHealth(slot: number, value: EndpointHealth): void {
    Atomics.store(this.cells, HEADER_CELLS + this.checked(slot), value);
  }

  /** Whether the last attempt to connect to the endpoint failed, whoever made it. */
  refusing(slot: number): boolean {
    return this.cells[HEADER_CELLS + this.capacity + this.checked(slot)] === 1;
  }

  /** Notes whether an attempt to connect failed. The cell is written only when it changes, so that threads do not contend for it. */
  setRefusing(slot: number, refusing: boolean): void {
    if (this.refusing(slot) !== refusing) Atomics.store(this.cells, HEADER_CELLS + this.capacity + slot, refusing ? 1 : 0);
  }

  /** Clears a slot for a new endpoint, about which nothing is known. */
  reset(slot: number): void {
    this.setHealth(slot, ENDPOINT_HEALTH.unknown);
    this.setRefusing(slot, false);
  }

  /**
   * Adds `delta` to the exchanges that `worker` has in flight at the endpoint. Only that worker may call this; so no count is lost although
   * the addition is not atomic. An atomic one would wait for every store before it.
   */
  inFlightAdd(worker: number, slot: number, delta: number): void {
    if (worker >= this.rowsSeen) this.openRow(worker);
    const cell = this.rowStart(worker) + this.checked(slot);
    this.cells[cell] = (this.cells[cell] ?? 0) + delta;
  }

  /** Exchanges in flight at the endpoint, over all workers. */
  inFlight(slot: number): number {
    return this.sum(this.rowStart(0) + this.checked(slot));
  }

  /** As `inFlightAdd`, for another count. */
  add(count: EndpointCount, worker: number, slot: number, delta: number): void {
    if (worker >= this.rowsSeen) this.openRow(worker);
    const cell = this.rowStart(worker) + count * this.capacity + this.checked(slot);
    this.cells[cell] = (this.cells[cell] ?? 0) + delta;
  }

  /** That count of the endpoint, over all workers. */
  total(count: EndpointCount, slot: number): number {
    return this.sum(this.rowStart(0) + count * this.capacity + this.checked(slot));
  }

  /** @param first the cell of worker 0 */
  private sum(first: number): number {
    const workers = Atomics.load(this.cells, 0);
    let sum = 0;
    for (let worker = 0, cell = first; worker < workers; worker++, cell += WORKER_ROWS * this.capacity)
      sum += Atomics.load(this.cells, cell);
    return sum;
  }

  /** Clears the counts of a dead worker. */
  clearWorker(worker: number): void {
    if (worker >= Atomics.load(this.cells, 0)) return;
    const start = this.rowStart(worker);
    for (let cell = start; cell < start + WORKER_ROWS * this.capacity; cell++) Atomics.store(this.cells, cell, 0);
  }

  private openRow(worker: number): void {
    if (!Number.isInteger(worker) || worker < 0 || worker >= WORKERS_MAX) throw new RangeError(`no row for worker ${worker}`);
    for (let rows = Atomics.load(this.cells, 0); ;) {
      if (worker < rows) {
        this.rowsSeen = rows;
        return;
      }
      Atomics.compareExchange(this.cells, 0, rows, worker + 1);
      rows = Atomics.load(this.cells, 0);
    }
  }

  private rowStart(worker: number): number {
    return HEADER_CELLS + this.capacity * (SHARED_ROWS + WORKER_ROWS * worker);
  }

  /** Throws a RangeError for a slot outside a row, which would be counted in the row of another worker. */
  private checked(slot: number): number {
    if (slot >= 0 && slot < this.capacity) return slot;
    throw new RangeError(`no endpoint slot ${slot}`);
  }
}
