/** Refuses requests, or lets them wait, while as many are under way as may be. Limits by who the client is act when that is known. */
import { isOfIdentity } from "../../policy/rate-limit/identity-keys.ts";
import { ExchangeState } from "../../proxy/feature/exchange-state.ts";
import type { Feature, FeatureContext } from "../../proxy/feature/feature.ts";
import { limitId } from "../../proxy/feature/limit-key.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import { CountedConcurrency } from "./counted-concurrency.ts";
import type { ConcurrencyThread } from "./counted-concurrency.ts";
import { concurrencyLimitFacts } from "./facts.ts";
import type { ConcurrencyLimit, ConcurrencyLimitConfig } from "./schema.ts";

export const concurrencyLimit: Feature<"concurrency_limit"> = {
  name: "concurrency-limit",
  key: "concurrency_limit",
  facts: concurrencyLimitFacts,
  compile: (config, context) => concurrencyMiddleware(config, false, context, context.route),
  forKnown: {
    name: "concurrency-limit-by-identity",
    isIn: (config) => config.some(isByIdentity),
    compile: (config, context) => concurrencyMiddleware(config, true, context, context.route),
  },
};

function isByIdentity({ key }: ConcurrencyLimit): boolean {
  return key.some(isOfIdentity);
}

/** @param byIdentity whether the middleware has the limits by who the client is, or all others */
export function concurrencyMiddleware(
  config: ConcurrencyLimitConfig,
  byIdentity: boolean,
  thread: ConcurrencyThread,
  route: Pick<FeatureContext["route"], "key" | "upstream">,
): Middleware {
  const limits = config.flatMap((limit, index) =>
    isByIdentity(limit) === byIdentity ? [new CountedConcurrency(limit, thread, limitId(config, index, scopeOf(limit, route)))] : [],
  );
  /** The places of each exchange, in the order of the limits. */
  const places = new ExchangeState<number[]>();

  const admit = (exchange: ExchangeView, first: number): LocalAnswer | null | Promise<LocalAnswer | null> => {
    const held = places.of(exchange) ?? [];
    places.keep(exchange, held);
    for (let at = first; at < limits.length; at++) {
      const limit = limits[at] as CountedConcurrency;
      const taken = limit.take(exchange, held);
      if (taken instanceof Promise) {
        // An exchange that has ended meanwhile gives nothing back any more.
        return taken.then((admitted) => (admitted && !exchange.signal.aborted ? admit(exchange, at + 1) : refusalOf(limit)));
      }
      if (!taken) return refusalOf(limit);
    }
    return null;
  };

  return {
    name: byIdentity ? "concurrency-limit-by-identity" : "concurrency-limit",
    onRequest: (exchange) => admit(exchange, 0),
    onFinish(exchange) {
      for (const [index, place] of (places.of(exchange) ?? []).entries()) limits[index]?.release(exchange, place);
    },
  };
}

/** What a limit counts over: all routes with the same upstream, or this route. */
function scopeOf({ key }: ConcurrencyLimit, route: Pick<FeatureContext["route"], "key" | "upstream">): string {
  return key.includes("upstream") && route.upstream !== "" ? `upstream ${route.upstream}` : route.key();
}

function refusalOf({ isOfClient }: CountedConcurrency): LocalAnswer {
  return isOfClient ? OF_CLIENT : OF_ALL;
}

const OF_CLIENT: LocalAnswer = {
  status: 429,
  reason: "concurrency_limited",
  detail: "Too many requests at once; wait until others have ended.",
  fields: [["Retry-After", "1"]],
};

const OF_ALL: LocalAnswer = {
  status: 503,
  reason: "capacity_reached",
  detail: "As many requests are under way as can be served at once.",
  fields: [["Retry-After", "1"]],
  proxyStatus: "connection_limit_reached",
};
