/** One concurrency limit of a route: takes a place for a request, now or when one becomes free. */
import { limitKey } from "../../proxy/feature/limit-key.ts";
import type { FeatureContext } from "../../proxy/feature/feature.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import { FULL } from "../../shared/in-flight-table.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { ConcurrencyLimit } from "./schema.ts";

export type ConcurrencyThread = Pick<FeatureContext, "workerIndex" | "inFlight" | "after">;

/** How often a waiting request asks for a place that another thread has made free. What this thread frees is handed on at once. */
const ASKS_EVERY_MS = 10;

type Queue = NonNullable<ConcurrencyLimit["queue"]>;

interface Waiting {
  readonly key: string;
  /** Its place among all that wait, over all threads. */
  readonly queuePlace: number;
  /** The places of its exchange. */
  readonly places: number[];
  settle(admitted: boolean): void;
}

export class CountedConcurrency {
  private readonly keyOf: (exchange: ExchangeView) => string;
  private readonly limit: ConcurrencyLimit;
  private readonly thread: ConcurrencyThread;
  private readonly running: KeyHash;
  private readonly queued: KeyHash;
  /** Those of this thread, by key, in their order. */
  private readonly waiting: Map<string, Waiting[]> = new Map();
  private cancelAsking: (() => void) | null = null;

  /** @param id names the limit's counts in the table; the same in all threads and after a reload */
  constructor(limit: ConcurrencyLimit, thread: ConcurrencyThread, id: string) {
    this.limit = limit;
    this.thread = thread;
    this.keyOf = limitKey(limit.key);
    this.running = thread.inFlight.keysOf(`${id}\nrunning`);
    this.queued = thread.inFlight.keysOf(`${id}\nqueued`);
  }

  /** Whether the limit is about single clients, who can do something about it. */
  get isOfClient(): boolean {
    return !this.limit.key.every((part) => part === "route" || part === "upstream" || part === "path");
  }

  /**
   * Takes a place for the request, or lets it wait for one as the limit says. False: there is none.
   * @param places of the exchange, to which the place is added as soon as it is taken: the exchange may end at any moment
   */
  take(exchange: ExchangeView, places: number[]): boolean | Promise<boolean> {
    const key = this.keyOf(exchange);
    const { queue } = this.limit;
    // Those that wait come first.
    if (!this.waiting.has(key) && this.takeNow(key, places)) return true;
    return queue === undefined ? false : this.wait(exchange, key, queue, places);
  }

  /** Gives a place back, or hands it on. */
  release(exchange: ExchangeView, place: number): void {
    if (place < 0) return;
    this.thread.inFlight.release(place, this.thread.workerIndex);
    this.serve(this.keyOf(exchange));
  }

  /** A request for which the table has no room is admitted and not counted. */
  private takeNow(key: string, places: number[]): boolean {
    const place = this.thread.inFlight.take(this.running, key, this.limit.max, this.thread.workerIndex);
    if (place === FULL) return false;
    places.push(place);
    return true;
  }

  private wait(exchange: ExchangeView, key: string, { size, timeout }: Queue, places: number[]): Promise<boolean> | false {
    const { inFlight, workerIndex, after } = this.thread;
    const queuePlace = inFlight.take(this.queued, key, size, workerIndex);
    if (queuePlace < 0) return false;
    return new Promise((resolve) => {
      const { signal } = exchange;
      const leaves = (): void => this.leave(waiting);
      const waiting: Waiting = {
        key,
        queuePlace,
        places,
        settle: (admitted) => {
          inFlight.release(queuePlace, workerIndex);
          signal.removeEventListener("abort", leaves);
          cancelTimeout();
          resolve(admitted);
        },
      };
      const cancelTimeout = after(timeout, leaves);
      signal.addEventListener("abort", leaves, { once: true });
      const others = this.waiting.get(key);
      if (others === undefined) this.waiting.set(key, [waiting]);
      else others.push(waiting);
      this.askOn();
    });
  }

  /** A request waits no longer: its time is over, or its client has left. */
  private leave(waiting: Waiting): void {
    const others = this.waiting.get(waiting.key);
    const index = others?.indexOf(waiting) ?? -1;
    if (others === undefined || index < 0) return;
    others.splice(index, 1);
    if (others.length === 0) this.waiting.delete(waiting.key);
    waiting.settle(false);
  }

  /** Gives places that are free to those that wait for them. */
  private serve(key: string): void {
    const others = this.waiting.get(key);
    if (others === undefined) return;
    let served = 0;
    for (; served < others.length; served++) {
      const next = others[served];
      if (next === undefined || !this.takeNow(key, next.places)) break;
      next.settle(true);
    }
    others.splice(0, served);
    if (others.length === 0) this.waiting.delete(key);
  }

  private askOn(): void {
    if (this.cancelAsking !== null || this.waiting.size === 0) return;
    this.cancelAsking = this.thread.after(ASKS_EVERY_MS, () => {
      this.cancelAsking = null;
      for (const key of this.waiting.keys()) this.serve(key);
      this.askOn();
    });
  }
}
