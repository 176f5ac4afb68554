import type { Middleware } from "./middleware.ts";

/** The middleware of a route, sorted once by the hooks that each has. Every list is in the order in which its hooks run. */
export interface RouteHooks {
  readonly onRequest: readonly Middleware[];
  readonly source: readonly Middleware[];
  readonly onUpstreamRequest: readonly Middleware[];
  readonly onUpstreamResponse: readonly Middleware[];
  readonly judgeResponse: readonly Middleware[];
  readonly onAnswer: readonly Middleware[];
  readonly onResponse: readonly Middleware[];
  readonly onFinish: readonly Middleware[];
}

/** Shared by all routes without middleware: an object for each of ten thousand routes would rarely be in the processor's caches. */
export const NO_HOOKS: RouteHooks = {
  onRequest: [],
  source: [],
  onUpstreamRequest: [],
  onUpstreamResponse: [],
  judgeResponse: [],
  onAnswer: [],
  onResponse: [],
  onFinish: [],
};

/** @param middleware in the order in which their hooks run */
export function hooksOf(middleware: readonly Middleware[]): RouteHooks {
  if (middleware.length === 0) return NO_HOOKS;
  return {
    onRequest: middleware.filter((each) => each.onRequest !== undefined),
    source: middleware.filter((each) => each.source !== undefined),
    onUpstreamRequest: middleware.filter((each) => each.onUpstreamRequest !== undefined),
    onUpstreamResponse: middleware.filter((each) => each.onUpstreamResponse !== undefined),
    judgeResponse: middleware.filter((each) => each.judgeResponse !== undefined),
    onAnswer: middleware.filter((each) => each.onAnswer !== undefined),
    onResponse: middleware.filter((each) => each.onResponse !== undefined),
    onFinish: middleware.filter((each) => each.onFinish !== undefined),
  };
}
