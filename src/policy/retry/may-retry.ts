/**
 * Whether a failed attempt may be followed by another one, by RFC 9110 section 9.2.2: a request is sent again only if the origin
 * cannot have acted on it, or if acting on it twice is the same as acting on it once.
 */
import { isIdempotent } from "./idempotent.ts";

/** What ended the attempt. */
export type AttemptFailure =
  /** No connection came about: refused, unreachable, timed out, name not resolved, TLS failed. */
  | "connect"
  /** The connection ended before the response head was complete. */
  | "connection_lost"
  /** The origin did not take the request or answer it in time. It may well be working on it. */
  | "timeout"
  /** The response could not be parsed. */
  | "malformed_response"
  /** A middleware, or the route's `retry.on`, wants another attempt instead of this response, of which nothing has gone to the client. */
  | "unwanted";

/** How much of the request the origin may have received. */
export type RequestSent =
  /** Not one byte was handed to the connection. */
  | "none"
  /** Some or all of it was sent, and every byte can be sent again. */
  | "replayable"
  /** Some or all of it was sent, and a part of the body is no longer at hand. */
  | "consumed";

/** After which failures the route wants another attempt, and of which requests. */
export interface RetryRules {
  /**
   * `unwanted` needs no mention: whoever says that a response is unwanted has asked for another attempt. Neither does the loss of a pooled
   * connection.
   */
  readonly failures: readonly AttemptFailure[];
  /** The route declares that its requests may be carried out twice, whatever their method. */
  readonly repeatsAny: boolean;
}

/** The rules of a route without `retry`. A timeout is not among them: an origin that is slow under load would get the load twice. */
export const PLAIN_RULES: RetryRules = { failures: ["connect", "connection_lost"], repeatsAny: false };

export interface FailedAttempt {
  readonly failure: AttemptFailure;
  readonly method: string;
  readonly requestSent: RequestSent;
  /** A byte of the response has come, even if only of a 1xx. */
  readonly responseStarted: boolean;
  /** Attempts so far, this one included. Earlier attempts that lost a pooled connection do not count. */
  readonly attempts: number;
  /** Further attempts that are allowed: `retry.attempts` of the route, else `retries` of the upstream. */
  readonly retriesMax: number;
  /** The connection had carried an exchange before, and may have been closed by the origin while it was idle. */
  readonly pooledConnection: boolean;
}

/** Whether another attempt may follow this one, at any endpoint. */
export function mayRetry(attempt: FailedAttempt, rules: RetryRules = PLAIN_RULES): boolean {
  // Losing a pooled connection is the price of keeping it, no sign of trouble: the fresh try after it is not charged to `retries`.
  if (attempt.attempts > attempt.retriesMax + (attempt.pooledConnection ? 1 : 0)) return false;
  if (attempt.failure !== "unwanted" && !mayRetrySameEndpoint(attempt) && !rules.failures.includes(attempt.failure)) return false;
  return maySendAgain(attempt, rules);
}

/** Whether the request of this attempt may be sent again, at some time: no origin then acts twice on what must be done once. */
export function maySendAgain(attempt: FailedAttempt, { repeatsAny }: RetryRules = PLAIN_RULES): boolean {
  if (attempt.requestSent === "consumed") return false;
  switch (attempt.failure) {
    case "connect":
      // This attempt sent nothing, so any method may be sent to another endpoint.
      return !attempt.responseStarted;
    case "connection_lost":
      return !attempt.responseStarted && (attempt.requestSent === "none" || repeatsAny || isIdempotent(attempt.method));
    case "timeout":
      return !attempt.responseStarted && (repeatsAny || isIdempotent(attempt.method));
    case "unwanted":
      return repeatsAny || isIdempotent(attempt.method);
    case "malformed_response":
      return false;
  }
}

/**
 * Whether the next attempt may go to the endpoint that just failed. It may only after a pooled connection was lost: that is mostly the
 * origin's keep-alive timeout and says nothing about the origin (RFC 9112 section 9.3.1), so a fresh connection to it is fair. An
 * endpoint that failed on a fresh connection is left out for the rest of the exchange.
 */
export function mayRetrySameEndpoint(attempt: Pick<FailedAttempt, "failure" | "pooledConnection">): boolean {
  return attempt.failure === "connection_lost" && attempt.pooledConnection;
}
