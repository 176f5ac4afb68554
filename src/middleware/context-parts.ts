/** The log and the counters that a middleware gets, and what a thread must offer for them. */
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import type { LogFields } from "../shared/log-fields.ts";
import type { LogLevel, WorkerEvent } from "../shared/protocol.ts";
import type { Counter, MiddlewareLog } from "./middleware-context.ts";
import type { Running } from "./watched-hooks.ts";

/** What a thread offers to its middleware. */
export interface MiddlewareHost {
  readonly workerIndex: number;
  readonly running: Running;
  /** A number for the middleware with that name, from 1, always the same in this thread. */
  idOf(name: string): number;
  /** Monotonic milliseconds. */
  now(): number;
  report(level: LogLevel, event: WorkerEvent, message: string, fields: LogFields): void;
  /** Adds to a counter of that middleware. */
  count(middleware: string, counter: string, by: number): void;
  fetch(upstream: string, request: FetchRequest, options: FetchOptions): Promise<FetchResult>;
}

/** Most counters of one middleware: each is a line in every scrape. */
const COUNTERS_MAX = 100;

export function logOf(middleware: string, host: MiddlewareHost): MiddlewareLog {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      host.report(level, "middleware_log", message, { ...fields, middleware });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export function counterOf(middleware: string, host: MiddlewareHost): (name: string) => Counter {
  const counters = new Map<string, Counter>();
  return (name) => {
    const known = counters.get(name);
    if (known !== undefined) return known;
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name))
      throw new TypeError("the name of a counter is made of lower-case letters, digits and underscores");
    if (counters.size === COUNTERS_MAX) throw new RangeError(`a middleware may have ${COUNTERS_MAX} counters`);
    const counter: Counter = {
      add: (by = 1) => {
        if (!Number.isSafeInteger(by) || by < 0) throw new RangeError(`a counter cannot count ${by}`);
        host.count(middleware, name, by);
      },
    };
    counters.set(name, counter);
    return counter;
  };
}
