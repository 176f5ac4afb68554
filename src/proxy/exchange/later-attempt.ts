import { Timed } from "../../base/deadlines.ts";
import { withinBudget } from "../../policy/retry/retry-wait.ts";
import { ENDPOINT_COUNT } from "../../shared/endpoint-table.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { HELD_MAX } from "../upstream/held-exchanges.ts";
import type { Held } from "../upstream/held-exchanges.ts";
import type { Exchange } from "./exchange.ts";
import type { Failure } from "./failure.ts";
import { Phase } from "./phase.ts";

/** The wait of an exchange before its next attempt, and its part in the counts that limit such exchanges. */
export class LaterAttempt extends Timed implements Held {
  private readonly exchange: Exchange;
  /** The slot at which the exchange is counted among those that try again; -1: it is not. */
  private chargedSlot: number = -1;
  /** The slot at which the exchange is counted among the held ones; -1: it is not. */
  private heldSlot: number = -1;
  /** The upstream whose endpoints the exchange waits for; null: it waits for none, or for time to pass. */
  private heldAt: EndpointSet | null = null;
  /** When the hold ends, in monotonic milliseconds; null: the exchange was not held yet. */
  private holdEnds: number | null = null;
  /** Why the exchange waits, or has waited last; null: no endpoint could be chosen, or a response was not wanted. */
  failure: Failure | null = null;

  constructor(exchange: Exchange) {
    super();
    this.exchange = exchange;
  }

  /** Counts the exchange among those that try again. Returns false if there are too many. */
  charge(slot: number, budget: number): boolean {
    if (this.chargedSlot !== -1) return true;
    const { set, thread } = this.exchange;
    let [retrying, inFlight] = [0, 0];
    for (const endpoint of set?.endpoints ?? []) {
      retrying += thread.endpoints.total(ENDPOINT_COUNT.retrying, endpoint.slot);
      inFlight += thread.endpoints.inFlight(endpoint.slot);
    }
    if (!withinBudget(retrying, inFlight, budget)) {
      thread.metrics.add(CounterId.retries_over_budget, 1);
      return false;
    }
    this.chargedSlot = slot;
    thread.endpoints.add(ENDPOINT_COUNT.retrying, thread.workerIndex, slot, 1);
    return true;
  }

  /** Begins the next attempt after `ms` milliseconds, or at once if that is 0. */
  pause(ms: number, failure: Failure | null): void {
    const { exchange } = this;
    this.failure = failure;
    exchange.phase = Phase.connecting;
    if (ms < 1) exchange.connect();
    else exchange.thread.deadlines.set(this, exchange.thread.now + ms);
  }

  /** Waits for an endpoint to come up, `ms` milliseconds from the first call on. Returns false if that time is over, or too many exchanges wait. */
  hold(ms: number, failure: Failure | null): boolean {
    const { exchange } = this;
    const { thread, set } = exchange;
    if (set === null) return false;
    this.holdEnds ??= thread.now + ms;
    if (thread.now >= this.holdEnds || !this.countHeld(set)) return false;
    this.failure = failure;
    this.heldAt = set;
    exchange.phase = Phase.connecting;
    exchange.tried = null;
    set.held.add(this, thread);
    thread.deadlines.set(this, this.holdEnds);
    return true;
  }

  private countHeld({ endpoints }: EndpointSet): boolean {
    if (this.heldSlot !== -1) return true;
    const { thread } = this.exchange;
    const slot = endpoints[0]?.slot ?? 0;
    if (thread.endpoints.total(ENDPOINT_COUNT.held, slot) >= HELD_MAX) return false;
    this.heldSlot = slot;
    thread.endpoints.add(ENDPOINT_COUNT.held, thread.workerIndex, slot, 1);
    thread.metrics.add(CounterId.requests_held, 1);
    return true;
  }

  get canTry(): boolean {
    return hasCandidate(this.exchange);
  }

  tryAgain(): void {
    const { exchange } = this;
    exchange.thread.deadlines.cancel(this);
    this.heldAt = null;
    exchange.connect();
  }

  onDeadline(): void {
    const { exchange, heldAt } = this;
    if (heldAt === null) return exchange.connect();
    heldAt.held.remove(this);
    // An endpoint may have become healthy in this very moment.
    if (this.failure === null && this.canTry) return this.tryAgain();
    this.heldAt = null;
    exchange.failedForGood(this.failure);
  }

  /** A response is passed on, so there will be no further attempt. */
  settled(): void {
    const wasHeld = this.heldSlot !== -1;
    this.uncount();
    if (wasHeld) this.exchange.set?.held.endpointIsUp();
  }

  /** Takes the exchange out of the counts that limit how many wait and try again. */
  private uncount(): void {
    const { endpoints, workerIndex } = this.exchange.thread;
    if (this.heldSlot !== -1) endpoints.add(ENDPOINT_COUNT.held, workerIndex, this.heldSlot, -1);
    if (this.chargedSlot !== -1) endpoints.add(ENDPOINT_COUNT.retrying, workerIndex, this.chargedSlot, -1);
    this.heldSlot = this.chargedSlot = -1;
  }

  /** The exchange is over. */
  end(): void {
    this.uncount();
    this.heldAt?.held.remove(this);
    this.heldAt = null;
    this.exchange.thread.deadlines.remove(this);
  }
}

/** Whether the exchange may ask an endpoint that it has not tried yet. */
export function hasCandidate({ set, thread, tried, facts }: Exchange): boolean {
  return set !== null && thread.choice.among(set, tried, facts.client).isPossible;
}
