/** Refuses requests with a key of `api_keys` above the rate that the key's own entry says, over all routes and threads together. */
import { Limiter } from "../../proxy/feature/limiter.ts";
import type { LimiterThread } from "../../proxy/feature/limiter.ts";
import type { Middleware } from "../../proxy/feature/middleware.ts";
import { isKeyHolder } from "./api-keys.ts";
import type { KeyHolder } from "./api-keys.ts";

export const KEY_LIMITS = "key-limits";

/** @param path of the file of keys */
export function keyLimits(path: string, thread: LimiterThread): Middleware {
  /** A key's identity is one object until its file changes. */
  const limiters: WeakMap<KeyHolder, Limiter | null> = new WeakMap();
  const limiterOf = (holder: KeyHolder): Limiter | null => {
    let limiter = limiters.get(holder);
    if (limiter === undefined) {
      limiter = holder.rate === null ? null : new Limiter(holder.rate, thread, { id: `api_keys\n${path}` });
      limiters.set(holder, limiter);
    }
    return limiter;
  };
  return {
    name: KEY_LIMITS,
    onRequest({ identity }) {
      if (identity === null || !isKeyHolder(identity)) return null;
      const limiter = limiterOf(identity);
      return limiter === null || limiter.take(identity.user, thread.now()) ? null : limiter.refusal("key_rate_limited");
    },
  };
}
