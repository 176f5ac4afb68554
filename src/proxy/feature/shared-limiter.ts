/**
 * A limiter that counts in a store which several machines share. While the store does not answer, the store's `on_failure` decides. What the store says of a key is
 * noted in this process's own table too: so `local` goes on from where the store stood, and what is left can be told without asking.
 */
import { emissionIntervalUs } from "../../policy/rate-limit/gcra.ts";
import type { Rate } from "../../policy/rate-limit/rate.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { Limiter, LimiterName } from "./limiter.ts";
import type { SharedLimit, SharedStore, StoreAnswer } from "./shared-store.ts";

/** Who has decided about a request: the store, this process's own table, or nobody. */
export type DecidedBy = "store" | "local" | "nobody";

export interface Decided {
  readonly by: DecidedBy;
  /** Null: the request may pass. */
  readonly refusal: LocalAnswer | null;
}

const PASSES: Readonly<Record<DecidedBy, Decided>> = {
  store: { by: "store", refusal: null },
  local: { by: "local", refusal: null },
  nobody: { by: "nobody", refusal: null },
};

/** The outcomes of exchanges that a limiter refuses. */
export interface RefusalReasons {
  readonly above: string;
  readonly unknown: string;
}

/** How a limit uses a store. */
export interface StoreUse {
  readonly store: SharedStore;
  /** How much a thread takes at once; 0: what each request costs. */
  readonly lease: number;
}

/** A client that is refused because nobody can count comes back after so many seconds. */
const AGAIN_SECONDS = 1;

export class SharedLimiter {
  private readonly local: Limiter;
  private readonly store: SharedStore;
  private readonly id: string;
  private readonly rate: Rate;
  private readonly debtMax: number;
  private readonly reasons: RefusalReasons;
  private readonly lease: number;
  private readonly limit: SharedLimit;
  private readonly now: () => number;

  /**
   * @param local the same limit as this process knows it
   * @param name as `local` has it
   * @param reasons the outcomes of the exchanges that it refuses
   */
  constructor(
    local: Limiter,
    rate: Rate,
    { id, debtMax = 0 }: LimiterName,
    { store, lease }: StoreUse,
    now: () => number,
    reasons: RefusalReasons,
  ) {
    this.local = local;
    this.store = store;
    this.lease = lease;
    this.id = id;
    this.rate = rate;
    this.debtMax = debtMax;
    this.limit = { rate, debtMax, isLeased: lease > 0 };
    this.reasons = reasons;
    this.now = now;
  }

  /** Counts a request, as `Limiter.take` does. Never rejects, and settles within the store's `timeout`. */
  take(key: string, nowMs: number, cost: number = 1, factor: number = 1): Decided | Promise<Decided> {
    const limit = this.limitFor(factor, cost);
    const asked = this.store.take(this.store.nameOf(this.id, key), limit, cost, this.lease);
    if (asked === null) return this.alone(key, nowMs, cost, factor);
    if (!(asked instanceof Promise)) return this.decided(key, asked, limit, cost, factor);
    return asked.then((answer) =>
      answer === null ? this.alone(key, this.now(), cost, factor) : this.decided(key, answer, limit, cost, factor),
    );
  }

  /** As `Limiter.settle`. @param by who has counted the request */
  settle(key: string, nowMs: number, count: number, factor: number = 1, by: DecidedBy = "store"): void {
    if (by === "nobody") return;
    this.local.settle(key, nowMs, count, factor);
    if (by === "store") this.store.settle(this.store.nameOf(this.id, key), this.limitFor(factor, 1), count);
  }

  private decided(key: string, { taken, resetMs }: StoreAnswer, limit: SharedLimit, cost: number, factor: number): Decided {
    if (resetMs !== null) this.local.learn(key, this.now(), resetMs);
    if (taken >= cost) return PASSES.store;
    const { rate } = limit;
    const retryAfterMs = (resetMs ?? 0) - ((rate.burst - cost) * emissionIntervalUs(rate)) / 1000;
    return { by: "store", refusal: this.local.refusal(this.reasons.above, factor, retryAfterMs) };
  }

  /** The store has not answered. */
  private alone(key: string, nowMs: number, cost: number, factor: number): Decided {
    switch (this.store.onFailure) {
      case "open":
        return PASSES.nobody;
      case "closed":
        return { by: "nobody", refusal: unknown(this.reasons.unknown) };
      case "local":
        if (this.local.take(key, nowMs, cost, factor)) return PASSES.local;
        return { by: "local", refusal: this.local.refusal(this.reasons.above, factor) };
    }
  }

  /** However small the factor is, a request passes when all is there. */
  private limitFor(factor: number, cost: number): SharedLimit {
    if (factor === 1) return this.limit;
    const { requests, windowSeconds, burst } = this.rate;
    return {
      rate: { requests: requests * factor, windowSeconds, burst: Math.max(cost, Math.floor(burst * factor)) },
      debtMax: this.debtMax,
      isLeased: this.limit.isLeased,
    };
  }
}

/** The answer to a request of which nobody can say whether it may pass. */
export function unknown(reason: string): LocalAnswer {
  return {
    status: 503,
    reason,
    detail: "It cannot be said now whether this request is within its limit; please try again.",
    fields: [["Retry-After", `${AGAIN_SECONDS}`]],
  };
}
