/** The limits of one kind of clients: what a request takes when it comes, what is settled when its answer has passed, and what refused requests are told. */
import type { Window } from "../../policy/rate-limit/window-count.ts";
import type { ThreadContext } from "../../proxy/feature/feature.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import { SharedLimiter } from "../../proxy/feature/shared-limiter.ts";
import type { Decided, DecidedBy } from "../../proxy/feature/shared-limiter.ts";
import { WindowLimiter } from "../../proxy/feature/window-limiter.ts";
import type { Moment } from "../../proxy/feature/window-limiter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Allowance, TokenLimit } from "./schema.ts";

/** What was taken for a request. */
export interface Taken {
  readonly key: string;
  /** That of the budget, to which the request belongs however long it takes; null: there is no budget. */
  readonly window: Window | null;
  /** Who has counted it, where that is a store. */
  readonly by: DecidedBy;
}

/** The answer to a request is there if not enough was left. */
export type TakeResult = { readonly taken: Taken; readonly refusal: null } | { readonly taken: null; readonly refusal: LocalAnswer };

/** What limits need of their thread. */
export type TokenThread = LimiterThread & Pick<ThreadContext, "stores">;

/** The outcomes of exchanges that a limit in a store refuses. */
const REASONS = { above: "tokens_limited", unknown: "token_limit_unknown" };

/** How far tokens per minute may go below none: as far as an hour makes good. What an answer has cost beyond that is forgiven. */
const DEBT_MINUTES_MAX = 60;

export class TokenAllowance {
  /** Tokens that a request takes when it comes. */
  readonly estimate: number;
  private readonly name: string;
  private readonly perMinute: number;
  private readonly rate: Limiter | null;
  private readonly budget: WindowLimiter | null;
  /** `rate` in a store that several machines share; null: this process counts by itself. */
  private readonly shared: SharedLimiter | null;

  /**
   * @param of the limit that it belongs to
   * @param id names the buckets in the table
   * @param name of the limit, for the fields that tell clients of it
   */
  constructor(
    { tokens_per_minute: perMinute, budget }: Allowance,
    { estimate, store }: Pick<TokenLimit, "estimate" | "store">,
    thread: TokenThread,
    id: string,
    name: string,
  ) {
    this.estimate = Math.min(estimate, perMinute ?? Infinity, budget?.tokens ?? Infinity);
    this.name = name;
    this.perMinute = perMinute ?? 0;
    const rate = { requests: this.perMinute, windowSeconds: 60, burst: this.perMinute };
    const named = { id, name, debtMax: DEBT_MINUTES_MAX * this.perMinute };
    this.rate = perMinute === undefined ? null : new Limiter(rate, thread, named);
    this.shared =
      this.rate === null || store === undefined
        ? null
        : new SharedLimiter(this.rate, rate, named, { store: thread.stores.get(store), lease: 0 }, thread.now, REASONS);
    this.budget = budget === undefined ? null : new WindowLimiter(budget.tokens, budget.per, thread, `${id}\nbudget`);
  }

  /** Whether it counts in a store: then `ask` is to be called and not `take`. */
  get isShared(): boolean {
    return this.shared !== null;
  }

  /** Takes the estimate. */
  take(key: string, moment: Moment): TakeResult {
    const { rate, budget, estimate } = this;
    if (rate !== null && !rate.take(key, moment.nowMs, estimate))
      return { taken: null, refusal: this.refusedByRate(rate, rate.refusal(REASONS.above), key, moment.nowMs) };
    const window = budget === null ? null : budget.window(moment);
    if (budget === null || window === null || budget.take(key, window, moment, estimate))
      return { taken: { key, window, by: "local" }, refusal: null };
    rate?.settle(key, moment.nowMs, -estimate);
    return { taken: null, refusal: this.refusedByBudget(budget, window, moment) };
  }

  /** Takes the estimate from the store. Never rejects, and settles within the store's `timeout`. */
  ask(key: string, nowMs: number): TakeResult | Promise<TakeResult> {
    const { rate, shared } = this;
    if (rate === null || shared === null) throw new Error("the limit has no store");
    const result = ({ by, refusal }: Decided): TakeResult => {
      if (refusal === null) return { taken: { key, window: null, by }, refusal };
      return { taken: null, refusal: refusal.reason === REASONS.above ? this.refusedByRate(rate, refusal, key, nowMs) : refusal };
    };
    const decided = shared.take(key, nowMs, this.estimate);
    return decided instanceof Promise ? decided.then(result) : result(decided);
  }

  /** Counts what a request has really cost in the place of the estimate. */
  settle({ key, window, by }: Taken, moment: Moment, tokens: number): void {
    const more = tokens - this.estimate;
    if (more === 0) return;
    if (this.shared === null) this.rate?.settle(key, moment.nowMs, more);
    else this.shared.settle(key, moment.nowMs, more, 1, by);
    if (window !== null) this.budget?.settle(key, window, moment, more);
  }

  /** @param answer as it is for requests, whose number would be the tokens */
  private refusedByRate(rate: Limiter, answer: LocalAnswer, key: string, nowMs: number): LocalAnswer {
    const seconds = Number(new Map(answer.fields).get("Retry-After") ?? 1);
    const { remaining } = rate.shortage(key, nowMs);
    return {
      ...answer,
      detail: `${remaining} of ${this.perMinute} tokens per minute are left, and a request takes ${this.estimate}; it is welcome in ${secondsText(seconds)}.`,
      fields: limitFields(this.name, this.perMinute, 60, remaining, seconds),
    };
  }

  private refusedByBudget({ max, per, left }: WindowLimiter, { startMs, endMs }: Window, { epochMs }: Moment): LocalAnswer {
    const seconds = Math.max(1, Math.ceil((endMs - epochMs) / 1000));
    const end = new Date(endMs).toISOString().replace(".000", "");
    return {
      status: 429,
      reason: "token_budget_spent",
      detail: `${left} of ${max} tokens per ${per} are left, and a request takes ${this.estimate}; all are there again in ${secondsText(seconds)}, at ${end}.`,
      fields: limitFields(`${this.name}-budget`, max, (endMs - startMs) / 1000, left, seconds),
    };
  }
}

/** The fields of draft-ietf-httpapi-ratelimit-headers. What they count is said by `qu`, because without it they count requests. */
function limitFields(name: string, quota: number, windowSeconds: number, left: number, seconds: number): LocalAnswer["fields"] {
  return [
    ["Retry-After", `${seconds}`],
    ["RateLimit-Policy", `"${name}";q=${quota};w=${windowSeconds};qu="tokens"`],
    ["RateLimit", `"${name}";r=${left};t=${seconds}`],
  ];
}

function secondsText(seconds: number): string {
  return `${seconds} ${seconds === 1 ? "second" : "seconds"}`;
}
