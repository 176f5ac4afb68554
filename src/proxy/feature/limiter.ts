import { decide, emissionInterval, newRateDecision } from "../../policy/rate-limit/gcra.ts";
import type { RateDecision } from "../../policy/rate-limit/gcra.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { KeyHash } from "../../shared/key-hash.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ThreadContext } from "./feature.ts";

/** What a limiter needs of its thread. */
export type LimiterThread = Pick<ThreadContext, "workerIndex" | "buckets" | "now">;

/**
 * Counts requests by a key and refuses those above a rate. The count is exact and shared by all threads: policy/rate-limit/gcra.ts has the rule, and
 * shared/bucket-table.ts the memory. No client waits for another, and nothing is queued.
 */
export class Limiter {
  private readonly table: BucketTable;
  private readonly worker: number;
  private readonly keys: KeyHash;
  private readonly intervalMs: number;
  private readonly burst: number;
  private readonly policy: string;
  private readonly name: string;
  private readonly decision: RateDecision = newRateDecision();

  /**
   * @param id names the limiter's buckets in the table; the same in all threads and after a reload, so that buckets outlive a reload
   * @param name of the limit, for the fields that tell clients of it
   */
  constructor({ requests, windowSeconds, burst }: Rate, { buckets, workerIndex }: LimiterThread, id: string, name: string = "default") {
    this.table = buckets;
    this.worker = workerIndex;
    this.keys = buckets.keysOf(id);
    this.intervalMs = emissionInterval(requests, windowSeconds * 1000);
    this.burst = burst;
    this.name = name;
    this.policy = `"${name}";q=${requests};w=${windowSeconds}`;
  }

  /** Counts a request at `nowMs`. False: it is above the rate, and is not counted; `refusal` makes the answer to it. */
  take(key: string, nowMs: number): boolean {
    const { table, worker, decision } = this;
    decide(table.open(this.keys, key, nowMs, worker), nowMs, this.intervalMs, this.burst, decision);
    table.close(decision.tatMs, worker);
    return decision.allowed;
  }

  /** Takes back what `take` has counted, for a request that something else refuses. */
  giveBack(key: string, nowMs: number): void {
    const tatMs = this.table.open(this.keys, key, nowMs, this.worker);
    this.table.close(Math.max(0, tatMs - this.intervalMs), this.worker);
  }

  /**
   * The answer to the request that `take` has refused just now. The RateLimit fields are those of draft-ietf-httpapi-ratelimit-headers: r is how many
   * requests are left, t the seconds until all are back.
   * @param reason the outcome of the exchange
   */
  refusal(reason: string): LocalAnswer {
    const { decision } = this;
    const retrySeconds = wholeSeconds(decision.retryAfterMs);
    return {
      status: 429,
      reason,
      detail: `Too many requests; the next one is welcome in ${retrySeconds} ${retrySeconds === 1 ? "second" : "seconds"}.`,
      fields: [
        ["Retry-After", `${retrySeconds}`],
        ["RateLimit-Policy", this.policy],
        ["RateLimit", `"${this.name}";r=${decision.remaining};t=${wholeSeconds(decision.resetMs)}`],
      ],
    };
  }
}

/** Seconds, rounded up and at least 1, because a client that comes back too early is refused again. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
