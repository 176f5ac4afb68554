/** What `setup` of a middleware gets beside its options. */
import type { ExchangeState } from "../proxy/feature/exchange-state.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import type { LogFields } from "../shared/protocol.ts";

export interface MiddlewareContext {
  /** Name of the middleware. */
  readonly name: string;
  /** Name of the route that the middleware is on; null when it is on all routes. */
  readonly route: string | null;
  /** Index of the thread, from 0. */
  readonly worker: number;
  /** Writes to the application log, as event `middleware_log` with the middleware's name. Never pass a secret. */
  readonly log: MiddlewareLog;
  /**
   * A counter, which `/metrics` shows as `millrace_middleware_total{middleware="NAME",counter="COUNTER"}`, summed over all threads. The same name
   * gives the same counter. Throws a TypeError unless the name is made of lower-case letters, digits and underscores, and a RangeError when
   * the middleware has more than 100 counters.
   */
  counter(name: string): Counter;
  /**
   * Sends a request to an upstream through the proxy's own connections, with its balancing, retries and time limits, and collects the
   * response. Never rejects. Upstreams are those of the configuration in use, so during the first `setup` of a process the result is the
   * failure `no_upstream`. It ends when `signal` aborts, unless `options` has another signal.
   */
  fetch(upstream: string, request: FetchRequest, options?: FetchOptions): Promise<FetchResult>;
  /** Monotonic milliseconds. In tests it is the test's clock. */
  now(): number;
  /** Aborted when the instance is disposed of. */
  readonly signal: AbortSignal;
  /** A place for a value of type T per exchange, kept from one hook to a later one. */
  state<T>(): ExchangeState<T>;
}

export interface MiddlewareLog {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface Counter {
  /** Counts up. Throws a RangeError unless `by` is a whole number of at least 0. */
  add(by?: number): void;
}
