/** What the keys `timeouts`, `retry` and `hold` of a route say, compiled. */
import type { RouteConfig } from "../config/schema/route-schema.ts";
import { ADMITTED_BY_DEFAULT } from "../http/upgrade.ts";
import type { AttemptFailure, RetryRules } from "../policy/retry/may-retry.ts";
import type { Backoff } from "../policy/retry/retry-wait.ts";

/** Null in place of a value: the upstream's own applies, or there is no such limit. */
export interface RoutePolicy {
  /** Milliseconds for the whole exchange. */
  readonly requestMs: number | null;
  readonly limits: ResponseLimits;
  readonly tunnelIdleMs: number | null;
  readonly retry: RetryPolicy | null;
  /** Milliseconds that an exchange waits for an endpoint to come up. */
  readonly holdMs: number | null;
}

/** Time limits of a route for what an endpoint does. Null: those of the upstream apply. */
export interface ResponseLimits {
  readonly responseHeadMs: number | null;
  readonly idleMs: number | null;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly rules: RetryRules;
  /** The statuses of responses after which another attempt is made. */
  readonly statuses: ReadonlySet<number>;
  /** The share of the exchanges in flight that may try again at once, 0 to 1. */
  readonly budget: number;
  readonly backoff: Backoff;
  readonly replayBytesMax: number;
}

const NO_PROTOCOLS: readonly string[] = [];

/** The protocols to which clients of a route may switch. Tokens are not counted in a tunnel, so a limit of tokens admits none unless it is asked for. */
export function admittedUpgrades({ upgrade, token_limit: tokenLimit }: Pick<RouteConfig, "upgrade" | "token_limit">): readonly string[] {
  return upgrade ?? (tokenLimit === undefined ? ADMITTED_BY_DEFAULT : NO_PROTOCOLS);
}

/** The failures that each word of `retry.on` stands for. */
const FAILURES: Readonly<Record<"connect" | "reset" | "timeout", AttemptFailure>> = {
  connect: "connect",
  reset: "connection_lost",
  timeout: "timeout",
};

/** Null: the route has none of the keys. */
export function routePolicy({ timeouts, retry, hold }: Pick<RouteConfig, "timeouts" | "retry" | "hold">): RoutePolicy | null {
  if (timeouts === undefined && retry === undefined && hold === undefined) return null;
  return {
    requestMs: timeouts?.request ?? null,
    limits: { responseHeadMs: timeouts?.response_head ?? null, idleMs: timeouts?.idle ?? null },
    tunnelIdleMs: timeouts?.tunnel_idle ?? null,
    retry: retry === undefined ? null : retryPolicy(retry),
    holdMs: hold ?? null,
  };
}

function retryPolicy(config: NonNullable<RouteConfig["retry"]>): RetryPolicy {
  const words = config.on.filter((each) => typeof each === "string");
  return {
    attempts: config.attempts,
    rules: { failures: words.map((word) => FAILURES[word]), repeatsAny: config.non_idempotent },
    statuses: new Set(config.on.filter((each) => typeof each === "number")),
    budget: config.budget,
    backoff: { baseMs: config.backoff.base, maxMs: config.backoff.max },
    replayBytesMax: config.replay,
  };
}
