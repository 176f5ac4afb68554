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
  /** The request was not taken, or not answered, in time. The origin may well be working on it. */
  | "timeout"
  /** The response could not be understood. */
  | "malformed_response"
  /** The response is not wanted; nothing of it has gone to the client. */
  | "unwanted";

/** What the origin may have got of the request. */
export type RequestSent =
  /** Not one byte was handed to the connection. */
  | "none"
  /** Some or all, and every byte of it can be sent again. */
  | "replayable"
  /** Some or all, and a part of the body is gone. */
  | "consumed";

export interface FailedAttempt {
  readonly failure: AttemptFailure;
  readonly method: string;
  readonly requestSent: RequestSent;
  /** A byte of the response came, be it of a 1xx. */
  readonly responseStarted: boolean;
  /** Attempts so far, this one included, but without those before it that lost a pooled connection. */
  readonly attempts: number;
  /** Further attempts that the upstream's `retries` allows. */
  readonly retriesMax: number;
  /** The connection had carried an exchange before, and may have been closed by the origin while it was idle. */
  readonly pooledConnection: boolean;
}

export function mayRetry(attempt: FailedAttempt): boolean {
  if (attempt.responseStarted && attempt.failure !== "unwanted") return false;
  // Losing a pooled connection is the price of keeping it, no sign of trouble: the fresh try after it is not charged to `retries`.
  if (attempt.attempts > attempt.retriesMax + (attempt.pooledConnection ? 1 : 0)) return false;
  switch (attempt.failure) {
    case "connect":
      // Nothing was sent, so any method may be sent to another endpoint; only a body that is gone already cannot.
      return attempt.requestSent !== "consumed";
    case "connection_lost":
      return attempt.requestSent === "none" || (attempt.requestSent === "replayable" && isIdempotent(attempt.method));
    case "unwanted":
      return attempt.requestSent !== "consumed" && isIdempotent(attempt.method);
    case "timeout": // an origin that is slow under load would get the load twice
    case "malformed_response":
      return false;
  }
}

/**
 * Whether the next attempt may go to the endpoint that just failed. Only after a pooled connection was lost: that is mostly the
 * origin's keep-alive timeout and says nothing about the origin (RFC 9112 section 9.3.1), so a fresh connection to it is fair. An
 * endpoint that failed on a fresh connection is left out for the rest of the exchange.
 */
export function mayRetrySameEndpoint(attempt: Pick<FailedAttempt, "failure" | "pooledConnection">): boolean {
  return attempt.failure === "connection_lost" && attempt.pooledConnection;
}
