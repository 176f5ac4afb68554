/** What a stored response may be used for (RFC 9111 section 4, RFC 5861). */
import type { Directives } from "./directives.ts";

/** What is remembered of a stored response. Times are in milliseconds. */
export interface StoredTimes {
  /** When its head came, or was validated, in milliseconds since 1970. */
  readonly receivedMs: number;
  /** How old it was then. */
  readonly initialAgeMs: number;
  readonly lifetimeMs: number;
  /** `no-cache`: it is validated before each use. */
  readonly alwaysValidated: boolean;
  /** Whether it may never be used when it is stale (section 4.2.4). */
  readonly neverStale: boolean;
  /** For how long after its end it may be used while it is validated, and when that fails; 0: not at all. */
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

export type Use =
  /** It is fresh. */
  | { readonly kind: "hit"; readonly ageMs: number; readonly leftMs: number }
  /** It is used, and validated beside it. */
  | { readonly kind: "stale-while-revalidate"; readonly ageMs: number; readonly leftMs: number }
  /** The endpoint is asked first. `why`: how Cache-Status names it. */
  | { readonly kind: "validate"; readonly why: "stale" | "request"; readonly ageMs: number };

/** The request directives that count. Null: those of clients are not obeyed. */
export type Asked = Pick<Directives, "noCache" | "maxAge" | "minFresh" | "maxStale"> | null;

/** The age of a stored response now (section 4.2.3), in milliseconds. */
export function currentAgeMs({ initialAgeMs, receivedMs }: StoredTimes, nowMs: number): number {
  return initialAgeMs + Math.max(0, nowMs - receivedMs);
}

export function useOf(stored: StoredTimes, asked: Asked, nowMs: number): Use {
  const ageMs = currentAgeMs(stored, nowMs);
  const leftMs = stored.lifetimeMs - ageMs;
  if (stored.alwaysValidated) return { kind: "validate", why: "stale", ageMs };
  if (asked !== null) {
    if (asked.noCache || (asked.maxAge !== null && ageMs > asked.maxAge * 1000)) return { kind: "validate", why: "request", ageMs };
    if (asked.minFresh !== null && leftMs < asked.minFresh * 1000) return { kind: "validate", why: "request", ageMs };
  }
  if (leftMs > 0) return { kind: "hit", ageMs, leftMs };
  if (!stored.neverStale) {
    const maxStale = asked?.maxStale ?? null;
    if (maxStale !== null && -leftMs <= maxStale * 1000) return { kind: "hit", ageMs, leftMs };
    if (-leftMs <= stored.whileRevalidateMs) return { kind: "stale-while-revalidate", ageMs, leftMs };
  }
  return { kind: "validate", why: "stale", ageMs };
}

/** Whether a stored response may be used because the endpoint failed, or answered with a 5xx status. */
export function mayServeOnError(stored: StoredTimes, nowMs: number): boolean {
  if (stored.neverStale || stored.alwaysValidated) return false;
  return currentAgeMs(stored, nowMs) - stored.lifetimeMs <= stored.ifErrorMs;
}

/** What a configuration adds to what responses say, for those that do not say it. Milliseconds. */
export interface OwnStaleness {
  readonly whileRevalidateMs: number;
  readonly ifErrorMs: number;
}

/** What is remembered of a response with these directives. */
export function storedTimes(
  directives: Directives,
  times: Pick<StoredTimes, "receivedMs" | "initialAgeMs" | "lifetimeMs">,
  own: OwnStaleness,
): StoredTimes {
  const { staleWhileRevalidate, staleIfError } = directives;
  return {
    ...times,
    alwaysValidated: directives.noCache,
    // Section 4.2.4; that s-maxage means proxy-revalidate is in section 5.2.2.10.
    neverStale: directives.mustRevalidate || directives.proxyRevalidate || directives.sMaxAge !== null,
    whileRevalidateMs: staleWhileRevalidate === null ? own.whileRevalidateMs : staleWhileRevalidate * 1000,
    ifErrorMs: staleIfError === null ? own.ifErrorMs : staleIfError * 1000,
  };
}
