/** The limits of one kind of clients: what a request takes when it comes, what is settled when its answer has passed, and what refused requests are told. */
import type { Window } from "../../policy/rate-limit/window-count.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import { WindowLimiter } from "../../proxy/feature/window-limiter.ts";
import type { Moment } from "../../proxy/feature/window-limiter.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { Allowance } from "./schema.ts";

/** What was taken for a request. */
export interface Taken {
  readonly key: string;
  /** That of the budget, to which the request belongs however long it takes; null: there is no budget. */
  readonly window: Window | null;
}

/** How far tokens per minute may go below none: as far as an hour makes good. What an answer has cost beyond that is forgiven. */
const DEBT_MINUTES_MAX = 60;

export class TokenAllowance {
  /** Tokens that a request takes when it comes. */
  readonly estimate: number;
  private readonly name: string;
  private readonly perMinute: number;
  private readonly rate: Limiter | null;
  private readonly budget: WindowLimiter | null;

  /**
   * @param id names the buckets in the table
   * @param name of the limit, for the fields that tell clients of it
   */
  constructor({ tokens_per_minute: perMinute, budget }: Allowance, estimate: number, thread: LimiterThread, id: string, name: string) {
    this.estimate = Math.min(estimate, perMinute ?? Infinity, budget?.tokens ?? Infinity);
    this.name = name;
    this.perMinute = perMinute ?? 0;
    this.rate = perMinute === undefined ? null : rateLimiter(perMinute, thread, id, name);
    this.budget = budget === undefined ? null : new WindowLimiter(budget.tokens, budget.per, thread, `${id}\nbudget`);
  }

  /** Takes the estimate. Gives the answer to a request for which it is not left. */
  take(key: string, moment: Moment): { readonly taken: Taken; readonly refusal: null } | { readonly refusal: LocalAnswer } {
    const { rate, budget, estimate } = this;
    if (rate !== null && !rate.take(key, moment.nowMs, estimate)) return { refusal: this.refusedByRate(rate, key, moment) };
    const window = budget === null ? null : budget.window(moment);
    if (budget === null || window === null || budget.take(key, window, moment, estimate)) return { taken: { key, window }, refusal: null };
    rate?.settle(key, moment.nowMs, -estimate);
    return { refusal: this.refusedByBudget(budget, window, moment) };
  }

  /** Counts what a request has really cost in the place of the estimate. */
  settle({ key, window }: Taken, moment: Moment, tokens: number): void {
    const more = tokens - this.estimate;
    if (more === 0) return;
    this.rate?.settle(key, moment.nowMs, more);
    if (window !== null) this.budget?.settle(key, window, moment, more);
  }

  private refusedByRate(rate: Limiter, key: string, { nowMs }: Moment): LocalAnswer {
    const answer = rate.refusal("tokens_limited");
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

function rateLimiter(perMinute: number, thread: LimiterThread, id: string, name: string): Limiter {
  const rate = { requests: perMinute, windowSeconds: 60, burst: perMinute };
  return new Limiter(rate, thread, { id, name, debtMax: DEBT_MINUTES_MAX * perMinute });
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
