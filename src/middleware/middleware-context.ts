import type { ExchangeState } from "../proxy/feature/exchange-state.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import type { LogFields } from "../shared/log-fields.ts";

export type { LogFields } from "../shared/log-fields.ts";

/** What `setup` of a middleware gets beside its options. */
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
   * response. Rejects with a TypeError if the request cannot be sent as it is; every other failure is a value, see {@link FetchResult}.
   * Upstreams are those of the configuration in use, so during the first `setup` of a process the result is the failure `no_upstream`. It ends
   * when `signal` aborts, unless `options` has another signal.
   */
  fetch(upstream: string, request: FetchRequest, options?: FetchOptions): Promise<FetchResult>;
  /** Monotonic milliseconds. In tests it is the test's clock. */
  now(): number;
  /** Aborted when the instance is disposed of. */
  readonly signal: AbortSignal;
  /** A place for a value of type T per exchange, kept from one hook to a later one. */
  state<T>(): ExchangeState<T>;
}

/** The application log, for one middleware. `logging.level` of the configuration says which lines are written. */
export interface MiddlewareLog {
  /** Details that help to find a fault. */
  debug(message: string, fields?: LogFields): void;
  /** What happens in normal operation. */
  info(message: string, fields?: LogFields): void;
  /** What somebody should look at, though all goes on. */
  warn(message: string, fields?: LogFields): void;
  /** What failed. */
  error(message: string, fields?: LogFields): void;
}

/** A number that only grows, as a metric of one middleware. */
export interface Counter {
  /** Counts up. Throws a RangeError unless `by` is a whole number of at least 0. */
  add(by?: number): void;
}
