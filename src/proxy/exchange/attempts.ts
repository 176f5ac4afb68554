/**
 * What follows after a failed attempt: another one at once, after a pause (`retry` of the route), when an endpoint has come up (`hold`), or
 * none. While an exchange waits, no bytes of its request are taken from the client.
 */
import { Timed } from "../../base/deadlines.ts";
import { latin1 } from "../../base/latin1.ts";
import type { Buffer } from "node:buffer";
import type { ResponseHead } from "../../http/response-head.ts";
import { isIdempotent } from "../../policy/retry/idempotent.ts";
import { mayRetry, mayRetrySameEndpoint, maySendAgain } from "../../policy/retry/may-retry.ts";
import type { AttemptFailure, FailedAttempt, RequestSent } from "../../policy/retry/may-retry.ts";
import { backoffMs, retryAfterMs, withinBudget } from "../../policy/retry/retry-wait.ts";
import { ENDPOINT_COUNT, ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { RetryPolicy } from "../route-policy.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { HELD_MAX } from "../upstream/held-exchanges.ts";
import type { Held } from "../upstream/held-exchanges.ts";
import { CollectedBody } from "./collected-body.ts";
import type { Exchange } from "./exchange.ts";
import { FAILURES } from "./failure.ts";
import type { Failure } from "./failure.ts";
import * as answers from "./answers.ts";
import { Phase } from "./phase.ts";

/** Largest request body, in bytes, that is kept so that the request can be sent again, where the route does not say otherwise. */
const REPLAY_BYTES_MAX = 16 * 1024;

type AttemptFacts = Omit<Failure, "kind">;

/** A whole response has come, and a hook or the route does not want it. */
const UNWANTED: AttemptFacts = { sent: true, answered: true, reused: false };

/** Begins or plans another attempt after one that failed in that way. Returns false if there is none. */
export function anotherAttempt(exchange: Exchange, { kind, ...facts }: Failure): boolean {
  const attempt = failedAttempt(exchange, FAILURES[kind].attempt, facts);
  const retry = exchange.route?.policy?.retry ?? null;
  const { endpoint, thread } = exchange;
  if (endpoint === null || !mayRetry(attempt, retry?.rules)) return false;
  if (mayRetrySameEndpoint(attempt)) {
    exchange.poolLosses++;
    if (thread.endpoints.health(endpoint.slot) !== ENDPOINT_HEALTH.unhealthy) {
      thread.metrics.add(CounterId.retries, 1);
      exchange.connect(endpoint);
      return true;
    }
  }
  return elsewhere(exchange, endpoint, retry, 0, { kind, ...facts });
}

/**
 * Asks another endpoint because nobody wants the response that has come, whose attempt is given up. Returns false if the request may not be
 * sent again or no endpoint is left.
 * @param waitMs the least time until then
 */
export function insteadOfResponse(exchange: Exchange, waitMs: number = 0): boolean {
  const retry = exchange.route?.policy?.retry ?? null;
  const { endpoint } = exchange;
  if (endpoint === null || !mayRetry(failedAttempt(exchange, "unwanted", UNWANTED), retry?.rules)) return false;
  return elsewhere(exchange, endpoint, retry, waitMs, null);
}

/** Whether `retry.on` of the route has the status of this response, and another endpoint is asked therefore. */
export function isRetriedFor(exchange: Exchange, head: ResponseHead): boolean {
  const retry = exchange.route?.policy?.retry ?? null;
  if (retry === null || !retry.statuses.has(head.status)) return false;
  const { thread } = exchange;
  const waitMs = retryAfterMs(head.get("retry-after"), thread.now + thread.epochOffset) ?? 0;
  return waitMs <= retry.backoff.maxMs && insteadOfResponse(exchange, waitMs);
}

/**
 * Leaves that endpoint out for the rest of the exchange, and asks another one, if one is left.
 * @param failure of the attempt; null: a response is not wanted
 */
function elsewhere(exchange: Exchange, failed: Endpoint, retry: RetryPolicy | null, waitMs: number, failure: Failure | null): boolean {
  (exchange.tried ??= []).push(failed);
  if (!hasCandidate(exchange)) return false;
  if (retry === null) {
    exchange.dropUpstream();
    exchange.thread.metrics.add(CounterId.retries, 1);
    exchange.connect();
    return true;
  }
  const later = laterAttempt(exchange);
  if (!later.charge(failed.slot, retry.budget)) return false;
  exchange.dropUpstream();
  exchange.thread.metrics.add(CounterId.retries, 1);
  const pauseMs = backoffMs(retry.backoff, exchange.attempts - exchange.poolLosses, exchange.thread.choice.random());
  later.pause(Math.max(waitMs, pauseMs), failure);
  return true;
}

/**
 * Lets the exchange wait for an endpoint to come up, if its route says so and the request may be sent again.
 * @param failure of the last attempt; null: no endpoint could be chosen
 * @returns false if it does not wait: the client is answered
 */
export function isHeld(exchange: Exchange, failure: Failure | null): boolean {
  const holdMs = exchange.route?.policy?.holdMs ?? null;
  if (holdMs === null) return false;
  if (failure !== null) {
    const { attempt } = FAILURES[failure.kind];
    if (attempt !== "connect" && attempt !== "connection_lost") return false;
    if (!maySendAgain(failedAttempt(exchange, attempt, failure), exchange.route?.policy?.retry?.rules)) return false;
  }
  return laterAttempt(exchange).hold(holdMs, failure);
}

function hasCandidate({ set, thread, tried, facts }: Exchange): boolean {
  return set !== null && thread.choice.among(set, tried, facts.client).isPossible;
}

/** What the retry policy needs to know of the attempt. */
function failedAttempt(exchange: Exchange, failure: AttemptFailure, { sent, answered, reused }: AttemptFacts): FailedAttempt {
  return {
    failure,
    method: decidingMethod(exchange),
    requestSent: requestSent(exchange, failure === "connect" ? false : sent),
    responseStarted: answered,
    attempts: exchange.attempts - exchange.poolLosses,
    retriesMax: exchange.route?.policy?.retry?.attempts ?? exchange.set?.retries ?? 0,
    pooledConnection: reused,
  };
}

/** The method that decides whether the request may be sent again: the client's or the one sent to endpoints, whichever is not idempotent. */
function decidingMethod({ request, detours }: Exchange): string {
  const sent = detours?.method ?? null;
  return sent === null || !isIdempotent(request.method) ? request.method : sent;
}

/** How much of the request the endpoint may have received, and whether it can be sent again. */
function requestSent({ replay, upgrade, requestLength }: Exchange, sent: boolean): RequestSent {
  if (replay === null) return "consumed";
  if (!sent) return "none";
  // Bytes after an upgrade's head belong to the new protocol and wait for the 101. A body sent again could not be told apart from them.
  return upgrade !== "" && requestLength !== 0 ? "consumed" : "replayable";
}

/** Keeps a copy of these bytes of the request's body for a further attempt, or forgets the body if it has become too large for that. */
export function keepForReplay(exchange: Exchange, bytes: Buffer, start: number, end: number): void {
  const { replay } = exchange;
  if (replay === null) return;
  // Nothing is sent again after the beginning of a response.
  if (exchange.responseStarted) {
    exchange.replay = null;
    return;
  }
  const retry = exchange.route?.policy?.retry ?? null;
  const size = replay.length + end - start;
  const isSmall = size <= REPLAY_BYTES_MAX;
  if (isSmall && (retry === null || keptBytes(exchange) + size <= retry.replayBytesMax))
    exchange.replay = replay + latin1(bytes, start, end);
  else if (!isSmall && retry !== null && isKeptWhole(exchange, retry, replay, bytes, start, end)) exchange.replay = "";
  else {
    exchange.replay = null;
    // The bytes kept so far have been sent, and no other attempt will need them.
    if (exchange.phase === Phase.sending) exchange.detours?.collected?.letGo();
  }
}

/** What was kept has been sent: forgets it if it takes memory that the process does not have. The request cannot be sent again then. */
export function forgetBeyondMemory(exchange: Exchange): void {
  const collected = exchange.detours?.collected ?? null;
  if (collected === null || collected.unreserved <= REPLAY_BYTES_MAX) return;
  exchange.replay = null;
  collected.letGo();
}

/** Moves the text kept so far, and these bytes, to where larger bodies are kept. Returns false if they are too large for that as well. */
function isKeptWhole(exchange: Exchange, retry: RetryPolicy, text: string, bytes: Buffer, start: number, end: number): boolean {
  if (keptBytes(exchange) + text.length + end - start > retry.replayBytesMax) return false;
  const { detour } = exchange;
  return (detour.collected ??= new CollectedBody(exchange.thread)).keep(text, bytes, start, end);
}

function keptBytes({ detours }: Exchange): number {
  return detours?.collected?.size ?? 0;
}

function laterAttempt(exchange: Exchange): LaterAttempt {
  return (exchange.detour.later ??= new LaterAttempt(exchange));
}

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

  /** Connects after that time, or at once if it is 0. */
  pause(ms: number, failure: Failure | null): void {
    const { exchange } = this;
    this.failure = failure;
    exchange.phase = Phase.connecting;
    if (ms < 1) exchange.connect();
    else exchange.thread.deadlines.set(this, exchange.thread.now + ms);
  }

  /** Waits for an endpoint. Returns false if the time is over, or too many wait. */
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

  /** A response is passed on: there will be no further attempt. */
  settled(): void {
    const wasHeld = this.heldSlot !== -1;
    this.uncount();
    if (wasHeld) this.exchange.set?.held.endpointIsUp();
  }

  /** Leaves the counts that limit such exchanges. */
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

/** The time limit of a whole exchange: `timeouts.request` of its route. */
export class RequestLimit extends Timed {
  private readonly exchange: Exchange;

  constructor(exchange: Exchange, ms: number) {
    super();
    this.exchange = exchange;
    exchange.thread.deadlines.set(this, exchange.startedAt + ms);
  }

  onDeadline(): void {
    this.exchange.requestFailed(answers.EXCHANGE_TIMEOUT);
  }

  /** The exchange is over, or has become a tunnel. */
  end(): void {
    this.exchange.thread.deadlines.remove(this);
  }
}
