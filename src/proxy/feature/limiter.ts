import { countedLater, decide, emissionInterval, newRateDecision, shortage } from "../../policy/rate-limit/gcra.ts";
import type { RateDecision, Shortage } from "../../policy/rate-limit/gcra.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ThreadContext } from "./feature.ts";

/** What a limiter needs of its thread. */
export type LimiterThread = Pick<ThreadContext, "workerIndex" | "buckets" | "now">;

export interface LimiterName {
  /** Names the limiter's buckets in the table; the same in all threads and after a reload, so that buckets outlive a reload. */
  readonly id: string;
  /** Of the limit, for the fields that tell clients of it. Default: `default`. */
  readonly name?: string;
  /** How much may be counted afterwards (`settle`) above what was left, in requests. Default: none. */
  readonly debtMax?: number;
}

/**
 * Counts requests by a key and refuses those above a rate. The count is exact and shared by all threads: policy/rate-limit/gcra.ts has the rule, and
 * shared/bucket-table.ts the memory. No client waits for another, and nothing is queued.
 *
 * A request may count as several (`cost`), and a client's rate may be a multiple of the limit's (`factor`): both are 1 unless said.
 */
export class Limiter {
  private readonly table: BucketTable;
  private readonly worker: number;
  private readonly keys: KeyHash;
  private readonly rate: Rate;
  private readonly intervalMs: number;
  private readonly name: string;
  private readonly debtMax: number;
  private readonly debtMaxMs: number;
  private readonly decision: RateDecision = newRateDecision();

  constructor(rate: Rate, { buckets, workerIndex }: LimiterThread, { id, name = "default", debtMax = 0 }: LimiterName) {
    this.table = buckets;
    this.worker = workerIndex;
    this.keys = buckets.keysOf(id);
    this.rate = rate;
    this.intervalMs = this.intervalOf(1);
    this.name = name;
    this.debtMax = debtMax;
    this.debtMaxMs = debtMax * this.intervalMs;
  }

  /** Counts a request at `nowMs`. False: it is above the rate, and is not counted; `refusal` makes the answer to it. */
  take(key: string, nowMs: number, cost: number = 1, factor: number = 1): boolean {
    const { table, worker, decision } = this;
    const intervalMs = factor === 1 ? this.intervalMs : this.intervalOf(factor);
    const burst = factor === 1 ? this.rate.burst : this.burstOf(factor, cost);
    const debtMaxMs = factor === 1 ? this.debtMaxMs : this.debtMax * intervalMs;
    decide(table.open(this.keys, key, nowMs, worker), nowMs, intervalMs, burst, decision, cost, debtMaxMs);
    table.close(decision.tatMs, worker);
    return decision.allowed;
  }

  /**
   * Counts `count` more requests for what has passed already, whatever is left; below 0 they are given back, as for a request that something else
   * refuses.
   */
  settle(key: string, nowMs: number, count: number, factor: number = 1): void {
    const { table, worker } = this;
    const intervalMs = this.intervalOf(factor);
    const tatMs = table.open(this.keys, key, nowMs, worker);
    table.close(countedLater(tatMs, nowMs, intervalMs, this.burstOf(factor, 1), count, this.debtMax * intervalMs), worker);
  }

  /** Somebody else counts too, and says that all of it is there again after that time. */
  learn(key: string, nowMs: number, resetMs: number): void {
    this.table.open(this.keys, key, nowMs, this.worker);
    this.table.close(nowMs + resetMs, this.worker);
  }

  /**
   * The answer to the request that `take` has refused just now.
   * @param reason the outcome of the exchange
   * @param retryAfterMs when it may come again; absent: what `take` has found
   */
  refusal(reason: string, factor: number = 1, retryAfterMs: number = this.decision.retryAfterMs): LocalAnswer {
    const retrySeconds = wholeSeconds(retryAfterMs);
    return {
      status: 429,
      reason,
      detail: `Too many requests; the next one is welcome in ${retrySeconds} ${retrySeconds === 1 ? "second" : "seconds"}.`,
      fields: [
        ["Retry-After", `${retrySeconds}`],
        ["RateLimit-Policy", this.policy(factor)],
        ["RateLimit", `"${this.name}";r=0;t=${retrySeconds}`],
      ],
    };
  }

  /** The limit as RateLimit-Policy has it: how many requests in how many seconds (draft-ietf-httpapi-ratelimit-headers-12). */
  policy(factor: number = 1): string {
    const { requests, windowSeconds } = this.rate;
    return `"${this.name}";q=${Math.max(1, Math.floor(requests * factor))};w=${windowSeconds}`;
  }

  /** What is left of it as RateLimit has it: r requests now, and more after t seconds (the same draft). */
  left(key: string, nowMs: number, factor: number = 1): string {
    const { remaining, moreAfterMs } = this.shortage(key, nowMs, factor);
    return moreAfterMs === 0 ? `"${this.name}";r=${remaining}` : `"${this.name}";r=${remaining};t=${wholeSeconds(moreAfterMs)}`;
  }

  /** How many requests would pass now, and after how many milliseconds one more would; 0: all would. */
  shortage(key: string, nowMs: number, factor: number = 1): Shortage {
    const tatMs = this.table.peek(this.keys, key, nowMs, this.worker);
    return shortage(tatMs, nowMs, this.intervalOf(factor), this.burstOf(factor, 1));
  }

  private intervalOf(factor: number): number {
    return emissionInterval(this.rate.requests * factor, this.rate.windowSeconds * 1000);
  }

  /** However small the factor is, a request passes when the bucket is full. */
  private burstOf(factor: number, cost: number): number {
    return Math.max(cost, Math.floor(this.rate.burst * factor));
  }
}

/** Seconds, rounded up and at least 1, because a client that comes back too early is refused again. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
