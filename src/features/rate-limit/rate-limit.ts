/** Refuses requests above a rate (proxy/feature/limiter.ts). Limits by who the client is act when that is known. */
import { isOfIdentity } from "../../policy/rate-limit/identity-keys.ts";
import type { Feature } from "../../proxy/feature/feature.ts";
import { limitKey } from "../../proxy/feature/limit-key.ts";
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import { rateLimitFacts } from "./facts.ts";
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

/** One limit of a route. */
interface Counted {
  readonly keyOf: (exchange: ExchangeView) => string;
  /** By role, in the order of the file. */
  readonly byRole: readonly (readonly [role: string, limiter: Limiter])[];
  readonly base: Limiter;
}

/**
 * @param byIdentity whether the middleware has the limits by who the client is, or all others
 * @param routeId names the route's buckets in the table
 */
export function rateLimitMiddleware(config: RateLimitConfig, byIdentity: boolean, thread: LimiterThread, routeId: string): Middleware {
  const limits = config.flatMap((limit, index) =>
    isByIdentity(limit) === byIdentity ? [counted(limit, index, thread, idOf(config, index, routeId))] : [],
  );
  const name = byIdentity ? "rate-limit-by-identity" : "rate-limit";
  const [only] = limits;
  if (only !== undefined && limits.length === 1) {
    return {
      name,
      onRequest(exchange) {
        const limiter = limiterFor(only, exchange);
        return limiter.take(only.keyOf(exchange), thread.now()) ? null : limiter.refusal("rate_limited");
      },
    };
  }
  return {
    name,
    onRequest(exchange) {
      const nowMs = thread.now();
      for (let at = 0; at < limits.length; at++) {
        const limit = limits[at];
        if (limit === undefined) continue;
        const limiter = limiterFor(limit, exchange);
        if (limiter.take(limit.keyOf(exchange), nowMs)) continue;
        // Whoever is refused by one limit uses up nothing of the others.
        for (const before of limits.slice(0, at)) limiterFor(before, exchange).settle(before.keyOf(exchange), nowMs, -1);
        return limiter.refusal("rate_limited");
      }
      return null;
    },
  };
}

/**
 * Names the buckets of a limit: by what it counts, and its number among those that count the same. A reload that adds, takes away or moves another limit leaves
 * them as they are.
 */
function idOf(config: RateLimitConfig, index: number, routeId: string): string {
  const [own = "", ...before] = config
    .slice(0, index + 1)
    .map(({ key }) => key.join(" "))
    .toReversed();
  return `${routeId}\n${own}\n${before.filter((other) => other === own).length}`;
}

function counted({ key, roles, rate }: Limit, index: number, thread: LimiterThread, id: string): Counted {
  const name = index === 0 ? "default" : `limit-${index + 1}`;
  return {
    keyOf: limitKey(key),
    byRole: Object.entries(roles).map(([role, other]) => [role, new Limiter(other, thread, { id: `${id}\nrole ${role}`, name })] as const),
    base: new Limiter(rate, thread, { id, name }),
  };
}

function limiterFor({ byRole, base }: Counted, { identity }: ExchangeView): Limiter {
  if (byRole.length === 0 || identity === null) return base;
  return byRole.find(([role]) => identity.roles.includes(role))?.[1] ?? base;
}
