/** Refuses requests above a rate (proxy/feature/limiter.ts). Limits by who the client is act when that is known. */
import { isOfIdentity } from "../../policy/rate-limit/identity-keys.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import { limitId } from "../../proxy/feature/limit-key.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { CountedLimit } from "./counted-limit.ts";
import type { LimitThread } from "./counted-limit.ts";
import { rateLimitFacts } from "./facts.ts";
import { askStores } from "./limits-in-stores.ts";
import type { Limit, RateLimitConfig } from "./schema.ts";

export const rateLimit: Feature<"rate_limit"> = {
  name: "rate-limit",
  key: "rate_limit",
  facts: rateLimitFacts,
  compile: (config, { route, ...thread }) => rateLimitMiddleware(config, false, thread, route.key()),
  forKnown: {
    name: "rate-limit-by-identity",
    isIn: (config) => config.some(isByIdentity),
    compile: (config, { route, ...thread }) => rateLimitMiddleware(config, true, thread, route.key()),
  },
};

function isByIdentity({ key, roles }: Limit): boolean {
  return key.some(isOfIdentity) || Object.keys(roles).length > 0;
}

/**
 * @param byIdentity whether the middleware has the limits by who the client is, or all others
 * @param routeId names the route's buckets in the table
 */
export function rateLimitMiddleware(config: RateLimitConfig, byIdentity: boolean, thread: LimitThread, routeId: string): Middleware {
  const limits = config.flatMap((limit, index) =>
    isByIdentity(limit) === byIdentity
      ? [new CountedLimit(limit, thread, limitId(config, index, routeId), index === 0 ? "default" : `limit-${index + 1}`)]
      : [],
  );
  return {
    name: byIdentity ? "rate-limit-by-identity" : "rate-limit",
    onRequest: requestHook(limits, thread),
    ...responseHook(limits, thread),
    ...finishHook(limits),
  };
}

function requestHook(limits: readonly CountedLimit[], { now }: LimitThread): NonNullable<Middleware["onRequest"]> {
  if (limits.some(({ isShared }) => isShared)) return askStores(limits, now);
  const [only] = limits;
  if (only !== undefined && limits.length === 1) return (exchange) => only.take(exchange, now());
  return (exchange) => {
    const nowMs = now();
    for (let at = 0; at < limits.length; at++) {
      const refusal = limits[at]?.take(exchange, nowMs) ?? null;
      if (refusal === null) continue;
      // Whoever is refused by one limit uses up nothing of the others.
      for (const before of limits.slice(0, at)) before.giveBack(exchange, nowMs);
      return refusal;
    }
    return null;
  };
}

function responseHook(limits: readonly CountedLimit[], { now }: LimitThread): Pick<Middleware, "onResponse"> {
  const settled = limits.filter(({ isSettled }) => isSettled);
  const announced = limits.filter((limit) => limit.announced);
  if (settled.length === 0 && announced.length === 0) return {};
  return {
    onResponse(exchange, response) {
      // An answer of the proxy's own: the refusal of a limit, or of something else before all limits were asked.
      if (response.head === null) return;
      const nowMs = now();
      for (const limit of settled) limit.settleBy(exchange, response.head, nowMs);
      for (const limit of announced) {
        const { policy, left } = limit.announcement(exchange, nowMs);
        response.append("RateLimit-Policy", policy);
        response.append("RateLimit", left);
      }
    },
  };
}

function finishHook(limits: readonly CountedLimit[]): Pick<Middleware, "onFinish"> {
  const adapting = limits.flatMap((limit) => limit.adapting ?? []);
  if (adapting.length === 0) return {};
  return {
    onFinish({ client, status }) {
      for (const each of adapting) each.saw(client, status);
    },
  };
}
