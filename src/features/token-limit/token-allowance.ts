/** The limits of one kind of clients: what a request takes when it comes, what is settled when its answer has passed, and what refused requests are told. */
import type { Window } from "../../policy/rate-limit/window-count.ts";
import type { ThreadContext } from "../../proxy/feature/feature.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import { SharedLimiter, unknown } from "../../proxy/feature/shared-limiter.ts";
import type { Decided, DecidedBy } from "../../proxy/feature/shared-limiter.ts";
import { SharedWindowLimiter } from "../../proxy/feature/shared-window-limiter.ts";
import type { WindowDecided } from "../../proxy/feature/shared-window-limiter.ts";
import { WindowLimiter } from "../../proxy/feature/window-limiter.ts";
import type { Moment } from "../../proxy/feature/window-limiter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Allowance, TokenLimit } from "./schema.ts";

/** What was taken for a request. */
export interface Taken {
  readonly key: string;
  /** That of the budget, to which the request belongs however long it takes; null: there is no budget. */
  readonly window: Window | null;
  /** Who has counted the rate and the budget, where that may be a store. */
  readonly by: DecidedBy;
  readonly budgetBy: DecidedBy;
}

/** The answer to a request is there if not enough was left. */
export type TakeResult = { readonly taken: Taken; readonly refusal: null } | { readonly taken: null; readonly refusal: LocalAnswer };

/** What limits need of their thread. */
export type TokenThread = LimiterThread & Pick<ThreadContext, "stores">;

/** The outcomes of exchanges that a limit in a store refuses. */
const REASONS = { above: "tokens_limited", unknown: "token_limit_unknown" };

/** Where there is no rate, and where there is no budget. */
const PASSES: Decided = { by: "nobody", refusal: null };
const PASSES_BUDGET: WindowDecided = { by: "nobody", isAllowed: true, left: 0 };

/** How far tokens per minute may go below none: as far as an hour makes good. What an answer has cost beyond that is forgiven. */
const DEBT_MINUTES_MAX = 60;

export class TokenAllowance {
  /** Tokens that a request takes when it comes. */
  readonly estimate: number;
  private readonly name: string;
  private readonly perMinute: number;
  private readonly rate: Limiter | null;
  private readonly budget: WindowLimiter | null;
  /** Both in a store that several machines share; null: this process counts by itself. */
  private readonly shared: SharedLimiter | null;
  private readonly sharedBudget: SharedWindowLimiter | null;

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
    const budgetId = `${id}\nbudget`;
    this.budget = budget === undefined ? null : new WindowLimiter(budget.tokens, budget.per, thread, budgetId);
    this.sharedBudget =
      this.budget === null || store === undefined ? null : new SharedWindowLimiter(this.budget, budgetId, thread.stores.get(store));
  }

  /** Whether it counts in a store: then `ask` is to be called and not `take`. */
  get isShared(): boolean {
    return this.shared !== null || this.sharedBudget !== null;
  }

  /** Takes the estimate. */
  take(key: string, moment: Moment): TakeResult {
    const { rate, budget, estimate } = this;
    if (rate !== null && !rate.take(key, moment.nowMs, estimate))
      return { taken: null, refusal: this.refusedByRate(rate, rate.refusal(REASONS.above), key, moment.nowMs) };
    const window = budget === null ? null : budget.window(moment);
    if (budget === null || window === null || budget.take(key, window, moment, estimate))
      return { taken: { key, window, by: "local", budgetBy: "local" }, refusal: null };
    rate?.settle(key, moment.nowMs, -estimate);
    return { taken: null, refusal: this.refusedByBudget(budget, budget.left, window, moment) };
  }

  /** Takes the estimate from the store. Never rejects, and settles within the store's `timeout`. */
  ask(key: string, moment: Moment): TakeResult | Promise<TakeResult> {
    const { shared, sharedBudget, budget, estimate } = this;
    const window = budget?.window(moment) ?? null;
    const rate = shared === null ? PASSES : shared.take(key, moment.nowMs, estimate);
    const windowed = sharedBudget === null || window === null ? PASSES_BUDGET : sharedBudget.take(key, window, moment, estimate);
    if (!(rate instanceof Promise) && !(windowed instanceof Promise)) return this.decided(key, window, moment, rate, windowed);
    return this.whenDecided(key, window, moment, rate, windowed);
  }

  private async whenDecided(
    key: string,
    window: Window | null,
    moment: Moment,
    rate: Decided | Promise<Decided>,
    budget: WindowDecided | Promise<WindowDecided>,
  ): Promise<TakeResult> {
    return this.decided(key, window, moment, await rate, await budget);
  }

  private decided(key: string, window: Window | null, moment: Moment, rate: Decided, budget: WindowDecided): TakeResult {
    const refusal = this.refusalOf(key, window, moment, rate, budget);
    if (refusal === null) return { taken: { key, window, by: rate.by, budgetBy: budget.by }, refusal };
    // What one of the two refuses takes nothing of the other.
    if (rate.refusal === null) this.shared?.settle(key, moment.nowMs, -this.estimate, 1, rate.by);
    if (budget.isAllowed === true && window !== null) this.sharedBudget?.settle(key, window, moment, -this.estimate, budget.by);
    return { taken: null, refusal };
  }

  private refusalOf(key: string, window: Window | null, moment: Moment, { refusal }: Decided, budget: WindowDecided): LocalAnswer | null {
    if (refusal !== null)
      return this.rate !== null && refusal.reason === REASONS.above ? this.refusedByRate(this.rate, refusal, key, moment.nowMs) : refusal;
    if (budget.isAllowed === true || this.budget === null || window === null) return null;
    return budget.isAllowed === null ? unknown(REASONS.unknown) : this.refusedByBudget(this.budget, budget.left, window, moment);
  }

  /** Counts what a request has really cost in the place of the estimate. */
  settle({ key, window, by, budgetBy }: Taken, moment: Moment, tokens: number): void {
    const more = tokens - this.estimate;
    if (more === 0) return;
    if (this.shared === null) this.rate?.settle(key, moment.nowMs, more);
    else this.shared.settle(key, moment.nowMs, more, 1, by);
    if (window === null) return;
    if (this.sharedBudget === null) this.budget?.settle(key, window, moment, more);
    else this.sharedBudget.settle(key, window, moment, more, budgetBy);
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

  private refusedByBudget({ max, per }: WindowLimiter, left: number, { startMs, endMs }: Window, { epochMs }: Moment): LocalAnswer {
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
