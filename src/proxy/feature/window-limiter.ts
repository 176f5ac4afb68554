import { countIn, numberFor, windowAt } from "../../policy/rate-limit/window-count.ts";
import type { Window, WindowLength } from "../../policy/rate-limit/window-count.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { LimiterThread } from "./limiter.ts";

/** A moment on both clocks. */
export interface Moment {
  /** Monotonic milliseconds, as the table has them. */
  readonly nowMs: number;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
}

/**
 * Counts by a key within an hour, a day or a month of UTC, and refuses what goes above a number. All of it is there again when the next window begins. The
 * count is exact and shared by all threads, outlives a reload, and is forgotten with the process: policy/rate-limit/window-count.ts says how it is kept in
 * shared/bucket-table.ts.
 */
export class WindowLimiter {
  readonly max: number;
  readonly per: WindowLength;
  /** How many were left at the last `take`. */
  left: number = 0;
  private readonly table: BucketTable;
  private readonly worker: number;
  private readonly keys: KeyHash;

  /** @param id names the limiter's counts in the table; the same in all threads and after a reload */
  constructor(max: number, per: WindowLength, { buckets, workerIndex }: LimiterThread, id: string) {
    this.max = max;
    this.per = per;
    this.table = buckets;
    this.worker = workerIndex;
    this.keys = buckets.keysOf(`${id}\n${per}`);
  }

  /** The window of a moment. */
  window({ epochMs }: Moment): Window {
    return windowAt(epochMs, this.per);
  }

  /** Counts `cost` in that window. False: that many are not left, and nothing is counted. */
  take(key: string, window: Window, { nowMs, epochMs }: Moment, cost: number): boolean {
    const stored = this.open(key, window, nowMs);
    const count = countIn(stored, nowMs);
    const isAllowed = count + cost <= this.max;
    this.left = Math.max(0, this.max - count);
    this.table.close(isAllowed ? numberFor(count + cost, stored, nowMs, window.endMs - epochMs) : stored, this.worker);
    return isAllowed;
  }

  /** Counts `count` more in that window, whatever is left; below 0 they are given back. */
  settle(key: string, window: Window, { nowMs, epochMs }: Moment, count: number): void {
    if (epochMs >= window.endMs) return;
    const stored = this.open(key, window, nowMs);
    this.table.close(numberFor(countIn(stored, nowMs) + count, stored, nowMs, window.endMs - epochMs), this.worker);
  }

  /** Notes how many are counted in that window, as somebody else knows. */
  learn(key: string, window: Window, { nowMs, epochMs }: Moment, count: number): void {
    const stored = this.open(key, window, nowMs);
    this.table.close(numberFor(count, stored, nowMs, window.endMs - epochMs), this.worker);
  }

  private open(key: string, window: Window, nowMs: number): number {
    return this.table.open(this.keys, `${window.name} ${key}`, nowMs, this.worker);
  }
}
