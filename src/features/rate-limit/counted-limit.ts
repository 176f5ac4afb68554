/** One limit of a route: what a request counts as, and what is said of it. */
import { limitKey } from "../../proxy/feature/limit-key.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import { SharedLimiter } from "../../proxy/feature/shared-limiter.ts";
import type { Decided, DecidedBy } from "../../proxy/feature/shared-limiter.ts";
import type { Stores } from "../../proxy/feature/shared-store.ts";
import type { ExchangeView } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { AddressLists } from "../../shared/address-lists.ts";
import type { Limit } from "./schema.ts";
import { Adapting, byReputation } from "./standing.ts";
import type { FactorOf } from "./standing.ts";

export type LimitThread = LimiterThread & { readonly lists: AddressLists; readonly stores: Stores };

/** The outcomes of exchanges that a limit in a store refuses. */
const REASONS = { above: "rate_limited", unknown: "rate_limit_unknown" };

export class CountedLimit {
  /** Null: it does not adapt. */
  readonly adapting: Adapting | null;
  /** Whether all responses tell of it. */
  readonly announced: boolean;
  /** The field in which responses say the cost; "": in none. */
  private readonly costField: string;
  private readonly cost: number;
  private readonly keyOf: (exchange: ExchangeView) => string;
  /** By role, in the order of the file. */
  private readonly byRole: readonly (readonly [role: string, limiter: Limiter])[];
  private readonly base: Limiter;
  private readonly factors: readonly FactorOf[];
  /** For each of the limiters the one in a store that several machines share. Null: this process counts by itself. */
  private readonly shared: ReadonlyMap<Limiter, SharedLimiter> | null;

  /**
   * @param id names the limit's buckets, see {@link Limiter}
   * @param name of the limit, for clients
   */
  constructor({ key, roles, rate, cost, ...limit }: Limit, thread: LimitThread, id: string, name: string) {
    const store = limit.store === undefined ? null : thread.stores.get(limit.store);
    const shared = new Map<Limiter, SharedLimiter>();
    const limiter = (of: Limit["rate"], end: string): Limiter => {
      const named = { id: `${id}${end}`, name, debtMax: limit.cost_header === undefined ? 0 : of.burst };
      const local = new Limiter(of, thread, named);
      if (store !== null) shared.set(local, new SharedLimiter(local, of, named, { store, lease: limit.lease ?? 0 }, thread.now, REASONS));
      return local;
    };
    this.shared = store === null ? null : shared;
    this.byRole = Object.entries(roles).map(([role, other]) => [role, limiter(other, `\nrole ${role}`)]);
    this.base = limiter(rate, "");
    this.keyOf = limitKey(key);
    this.cost = cost;
    this.costField = limit.cost_header?.toLowerCase() ?? "";
    this.announced = limit.announce;
    this.adapting = limit.adapting === undefined ? null : new Adapting(limit.adapting, thread, id);
    const { adapting } = this;
    this.factors = [
      ...(limit.reputation_file === undefined ? [] : [byReputation(thread.lists.list(limit.reputation_file, true))]),
      ...(adapting === null ? [] : [(client: string, nowMs: number): number => adapting.factorOf(client, nowMs)]),
    ];
  }

  /** Whether it counts in a store: then `ask` is to be called and not `take`. */
  get isShared(): boolean {
    return this.shared !== null;
  }

  /** Whether responses may change what a request has cost. */
  get isSettled(): boolean {
    return this.costField !== "";
  }

  /** Counts a request. Null: it passes; else the answer to it. */
  take(exchange: ExchangeView, nowMs: number): LocalAnswer | null {
    const limiter = this.limiterFor(exchange);
    const factor = this.factorFor(exchange, nowMs);
    return limiter.take(this.keyOf(exchange), nowMs, this.cost, factor) ? null : limiter.refusal("rate_limited", factor);
  }

  /** Counts a request in the store. */
  ask(exchange: ExchangeView, nowMs: number): Decided | Promise<Decided> {
    const shared = this.shared?.get(this.limiterFor(exchange));
    if (shared === undefined) throw new Error("the limit has no store");
    return shared.take(this.keyOf(exchange), nowMs, this.cost, this.factorFor(exchange, nowMs));
  }

  /** Takes back what was counted. @param by who has counted it, of a limit in a store */
  giveBack(exchange: ExchangeView, nowMs: number, by?: DecidedBy): void {
    this.settle(exchange, nowMs, -this.cost, by);
  }

  /** Counts what the response says that the request has cost, in the place of what was counted before. */
  settleBy(exchange: ExchangeView, response: ResponseHead, nowMs: number): void {
    const cost = costIn(response.get(this.costField));
    if (cost !== null && cost !== this.cost) this.settle(exchange, nowMs, cost - this.cost);
  }

  /** RateLimit-Policy and RateLimit for the response to a request that was counted. */
  announcement(exchange: ExchangeView, nowMs: number): { readonly policy: string; readonly left: string } {
    const limiter = this.limiterFor(exchange);
    const factor = this.factorFor(exchange, nowMs);
    return { policy: limiter.policy(factor), left: limiter.left(this.keyOf(exchange), nowMs, factor) };
  }

  private settle(exchange: ExchangeView, nowMs: number, count: number, by?: DecidedBy): void {
    const limiter = this.limiterFor(exchange);
    const shared = this.shared?.get(limiter);
    const [key, factor] = [this.keyOf(exchange), this.factorFor(exchange, nowMs)];
    if (shared === undefined) limiter.settle(key, nowMs, count, factor);
    else shared.settle(key, nowMs, count, factor, by);
  }

  private limiterFor({ identity }: ExchangeView): Limiter {
    const { byRole, base } = this;
    if (byRole.length === 0 || identity === null) return base;
    return byRole.find(([role]) => identity.roles.includes(role))?.[1] ?? base;
  }

  private factorFor({ client }: ExchangeView, nowMs: number): number {
    const { factors } = this;
    let product = 1;
    for (let index = 0; index < factors.length; index++) product *= factors[index]?.(client, nowMs) ?? 1;
    return product;
  }
}

/** The cost that a field says. Null: it says none. */
function costIn(value: string | null | undefined): number | null {
  return value === null || value === undefined || !/^[0-9]{1,7}$/.test(value) ? null : Number(value);
}
