/** Whether a response may be stored (RFC 9111 section 3). */
import type { Directives } from "./directives.ts";
import { HEURISTIC_STATUSES } from "./freshness.ts";

/** Final statuses that this cache knows the meaning of, for `must-understand` (section 5.2.2.3). */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451, 500, 501, 502, 503, 504,
]);

/**
 * Statuses that say something of one request, or of its client, by fields that no key has: too large, a range that is not there, too many of them. Others would get an error that
 * is not theirs.
 */
const OF_ONE_REQUEST: ReadonlySet<number> = new Set([406, 408, 411, 412, 413, 415, 416, 417, 421, 425, 426, 428, 429, 431]);

/** Why a response is not stored; the words stand in `Cache-Status`, the log and `explain`. */
export type NotStored =
  | "method"
  | "request-no-store"
  | "no-store"
  | "private"
  | "authorization"
  | "set-cookie"
  | "vary-star"
  | "status"
  | "not-cacheable"
  | "no-lifetime";

/** What the decision needs to know. */
export interface ToStore {
  readonly method: string;
  readonly status: number;
  /** Of the request's Cache-Control. */
  readonly asked: Pick<Directives, "noStore">;
  /** Of the response, as they hold for this cache. */
  readonly directives: Directives;
  /** Whether the response says when it expires, apart from its directives. */
  readonly hasExpires: boolean;
  /** Whether the request had Authorization, or anything else by which the proxy has found out who the client is, and the key does not hold it. */
  readonly isPersonal: boolean;
  /** Whether the response is for a client whom the proxy knows, and differs by fields that may say who that is. */
  readonly variesByUser: boolean;
  readonly setsCookie: boolean;
  /** Whether the configuration allows to store responses that set cookies. */
  readonly mayStoreCookies: boolean;
  readonly variesByAnything: boolean;
  /** Whether the configuration gives the status a lifetime. */
  readonly isConfigured: boolean;
  /** Milliseconds; null: not known. */
  readonly lifetimeMs: number | null;
  /** Whether it can be validated later. */
  readonly hasValidator: boolean;
  /** Methods whose responses are stored. */
  readonly methods: ReadonlySet<string>;
}

/** Null: it may be stored. */
export function whyNotStored(given: ToStore): NotStored | null {
  const { directives, status } = given;
  if (!given.methods.has(given.method)) return "method";
  if (status < 200 || status === 304 || (OF_ONE_REQUEST.has(status) && !given.isConfigured)) return "status";
  if (directives.mustUnderstand ? !UNDERSTOOD.has(status) : directives.noStore) return directives.mustUnderstand ? "status" : "no-store";
  if (given.asked.noStore) return "request-no-store";
  if (directives.isPrivate) return "private";
  if (given.isPersonal && !directives.isPublic && !directives.mustRevalidate && directives.sMaxAge === null) return "authorization";
  if (given.variesByUser) return "authorization";
  if (given.variesByAnything) return "vary-star";
  if (given.setsCookie && !given.mayStoreCookies) return "set-cookie";
  const isExplicit = given.hasExpires || directives.maxAge !== null || directives.sMaxAge !== null || directives.isPublic;
  if (!isExplicit && !HEURISTIC_STATUSES.has(status) && given.lifetimeMs === null) return "not-cacheable";
  const isUseful = (given.lifetimeMs ?? 0) > 0 && !directives.noCache;
  const staysUseful = given.hasValidator || (directives.staleWhileRevalidate ?? 0) > 0 || (directives.staleIfError ?? 0) > 0;
  return isUseful || staysUseful ? null : "no-lifetime";
}
