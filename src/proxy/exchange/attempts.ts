/**
 * What follows a failed attempt: another one at once, after a pause (`retry` of the route), when an endpoint has come up (`hold`), or none.
 * While an exchange waits (later-attempt.ts), no bytes of its request are taken from the client.
 */
import type { ResponseHead } from "../../http/response-head.ts";
import { isIdempotent } from "../../policy/retry/idempotent.ts";
import { mayRetry, mayRetrySameEndpoint, maySendAgain } from "../../policy/retry/may-retry.ts";
import type { AttemptFailure, FailedAttempt, RequestSent } from "../../policy/retry/may-retry.ts";
import { backoffMs, retryAfterMs } from "../../policy/retry/retry-wait.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { RetryPolicy } from "../route-policy.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Exchange } from "./exchange.ts";
import { FAILURES } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { LaterAttempt, hasCandidate } from "./later-attempt.ts";

type AttemptFacts = Omit<Failure, "kind">;

/** A whole response has come, and a hook or the route does not want it. */
const UNWANTED: AttemptFacts = { sent: true, answered: true, reused: false };

/** Begins or plans another attempt after one that failed. Returns false if there is to be none. */
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
 * Asks another endpoint because a hook or the route does not want the response that has come; the attempt that brought it is given up. Returns
 * false if the request may not be sent again or no endpoint is left.
 * @param waitMs the least time, in milliseconds, until the other endpoint is asked
 */
export function insteadOfResponse(exchange: Exchange, waitMs: number = 0): boolean {
  const retry = exchange.route?.policy?.retry ?? null;
  const { endpoint } = exchange;
  if (endpoint === null || !mayRetry(failedAttempt(exchange, "unwanted", UNWANTED), retry?.rules)) return false;
  return elsewhere(exchange, endpoint, retry, waitMs, null);
}

/** Asks another endpoint if `retry.on` of the route lists the status of this response. Returns whether it does. */
export function isRetriedFor(exchange: Exchange, head: ResponseHead): boolean {
  const retry = exchange.route?.policy?.retry ?? null;
  if (retry === null || !retry.statuses.has(head.status)) return false;
  const { thread } = exchange;
  const waitMs = retryAfterMs(head.get("retry-after"), thread.now + thread.epochOffset) ?? 0;
  return waitMs <= retry.backoff.maxMs && insteadOfResponse(exchange, waitMs);
}

/**
 * Leaves the endpoint `failed` out for the rest of the exchange, and asks another one, if one is left.
 * @param failure of the last attempt; null: its response is not wanted
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

function laterAttempt(exchange: Exchange): LaterAttempt {
  return (exchange.detour.later ??= new LaterAttempt(exchange));
}
