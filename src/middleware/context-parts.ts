/** The log and the counters that a middleware gets, and what a thread must offer for them. */
import { messageOf } from "../base/errors.ts";
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

/** Longest text of a log line that a middleware writes, and of a field in it. What is longer is cut. */
const TEXT_LENGTH_MAX = 4096;
/** Most fields of such a line. Further ones are left out. */
const FIELDS_MAX = 32;
/** Keys of every line of the log. A field with such a name gets an underscore. */
const OWN_KEYS: ReadonlySet<string> = new Set(["time", "level", "event", "message", "middleware", "worker"]);

export function logOf(middleware: string, host: MiddlewareHost): MiddlewareLog {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      host.report(level, "middleware_log", cut(messageOf(message)), { ...plainFields(fields), middleware });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Fields that can be sent to the main thread and written as JSON, whatever code without types has passed. */
function plainFields(fields: unknown): LogFields {
  try {
    const entries = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
      entries.slice(0, FIELDS_MAX).map(([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : cut(key), plainValue(value)]),
    );
  } catch (error) {
    return { unreadable: cut(messageOf(error)) };
  }
}

function plainValue(value: unknown): string | number | boolean {
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null || value instanceof Error) return cut(messageOf(value));
  try {
    return cut(JSON.stringify(value) ?? messageOf(value));
  } catch {
    return cut(messageOf(value));
  }
}

function cut(text: string): string {
  return text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX)}...`;
}

export function counterOf(middleware: string, host: MiddlewareHost): (name: string) => Counter {
  const counters = new Map<string, Counter>();
  return (name) => {
    const known = counters.get(name);
    if (known !== undefined) return known;
    if (typeof name !== "string" || !/^[a-z][a-z0-9_]{0,63}$/.test(name))
      throw new TypeError("the name of a counter is made of lower-case letters, digits and underscores");
    if (counters.size === COUNTERS_MAX) throw new RangeError(`a middleware may have ${COUNTERS_MAX} counters`);
    const counter: Counter = {
      add: (by = 1) => {
        if (!Number.isSafeInteger(by) || by < 0) throw new RangeError(`a counter cannot count ${messageOf(by)}`);
        host.count(middleware, name, by);
      },
    };
    counters.set(name, counter);
    return counter;
  };
}
