/** The limits of a route of which some count in a store that several machines share. */
import type { LocalAnswer } from "../../proxy/local-answer.ts";
import type { ExchangeView, Middleware } from "../../proxy/feature/middleware.ts";
import type { Decided } from "../../proxy/feature/shared-limiter.ts";
import type { CountedLimit } from "./counted-limit.ts";

/**
 * The limits of this process come first, because they cost nothing: whoever they refuse is not asked for in a store. The stores are asked all at the same time, so
 * that a request waits once however many limits there are.
 */
export function askStores(limits: readonly CountedLimit[], now: () => number): NonNullable<Middleware["onRequest"]> {
  const own = limits.filter(({ isShared }) => !isShared);
  const shared = limits.filter(({ isShared }) => isShared);
  return (exchange) => {
    const nowMs = now();
    for (let at = 0; at < own.length; at++) {
      const refusal = own[at]?.take(exchange, nowMs) ?? null;
      if (refusal === null) continue;
      giveBack(own.slice(0, at), exchange, nowMs);
      return refusal;
    }
    const asked = shared.map((limit) => limit.ask(exchange, nowMs));
    if (asked.every(isDecided)) return settled(asked, nowMs);
    return Promise.all(asked.map(async (each) => each)).then((decided) => settled(decided, now()));

    /** Whoever is refused by one limit uses up nothing of the others. */
    function settled(decided: readonly Decided[], settledMs: number): LocalAnswer | null {
      const refusal = decided.find((each) => each.refusal !== null)?.refusal ?? null;
      if (refusal === null) return null;
      giveBack(own, exchange, settledMs);
      for (const [index, each] of decided.entries()) if (each.refusal === null) shared[index]?.giveBack(exchange, settledMs, each.by);
      return refusal;
    }
  };
}

function isDecided(asked: Decided | Promise<Decided>): asked is Decided {
  return !(asked instanceof Promise);
}

function giveBack(limits: readonly CountedLimit[], exchange: ExchangeView, nowMs: number): void {
  for (const limit of limits) limit.giveBack(exchange, nowMs);
}
