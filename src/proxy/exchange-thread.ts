import type { Deadlines } from "../base/deadlines.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import type { WorkerMetrics } from "../shared/metric-table.ts";
import type { LogFields } from "../shared/log-fields.ts";
import type { LogLevel, WorkerEvent } from "../shared/protocol.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "./feature/fetch.ts";
import type { Copies } from "./copies.ts";
import type { Connector } from "./upstream/connector.ts";
import type { EndpointSet } from "./upstream/endpoint-set.ts";
import type { FinishedExchange } from "./feature/middleware.ts";
import type { Route, Snapshot } from "./snapshot.ts";
import type { Endpoint } from "./upstream/endpoint.ts";
import type { EndpointChoice } from "./upstream/endpoint-choice.ts";

/** An exchange that has ended, with what the thread needs to count and log it. */
export interface EndedExchange extends FinishedExchange {
  /** When the request's first byte was read, in monotonic milliseconds. */
  readonly startedAt: number;
  /** The configuration that the exchange ran under. */
  readonly snapshot: Snapshot;
  /** Null: the request was refused before a route was looked for, or is the proxy's own. */
  readonly route: Route | null;
  /** The endpoint of the last attempt; null: no attempt was made. */
  readonly endpoint: Endpoint | null;
  /** Position of that endpoint in the upstream, under the exchange's configuration; -1: none was chosen. */
  readonly endpointPosition: number;
  /** The request's id; "": nobody has asked for one. */
  readonly givenId: string;
  /** The values of the response's fields that the access log shows; null: none were read. */
  readonly responseValues: readonly string[] | null;
  /** False for a request of the proxy's own, made by a feature, and for a copy of a client's request. */
  readonly isOfClient: boolean;
}

/** What a data-plane thread offers to its exchanges. net/thread.ts implements it. */
export interface ExchangeThread {
  readonly workerIndex: number;
  /** The configuration that new exchanges run under. */
  readonly snapshot: Snapshot;
  /** Monotonic milliseconds, from the same start in all threads. The clock is read at each event, under load only at every few events. */
  readonly now: number;
  /** Reads the clock into `now`. Call it first in code that no connection's event leads to, such as the callback of a promise. */
  tick(): void;
  /** Epoch milliseconds minus `now`. */
  readonly epochOffset: number;
  /** Health and load of all endpoints, shared by all threads. */
  readonly endpoints: EndpointTable;
  /** Reused for each choice of an endpoint. */
  readonly choice: EndpointChoice;
  readonly deadlines: Deadlines;
  readonly copies: Copies;
  readonly connector: Connector;
  readonly metrics: WorkerMetrics;
  /**
   * Reserves that many bytes for bodies that are kept in memory, out of a limit for the whole process (`limits.buffered_bytes`). Returns
   * false, and counts that, if the limit is reached. Whatever was reserved must be returned by `giveMemory`.
   */
  takeMemory(bytes: number): boolean;
  giveMemory(bytes: number): void;
  /** Sends a request of the proxy's own to an endpoint of that set. */
  fetch(set: EndpointSet, request: FetchRequest, options: FetchOptions): Promise<FetchResult>;
  /** A new id for a request: no other request has it. */
  newRequestId(): string;
  /** Writes a line to the application log. */
  report(level: LogLevel, event: WorkerEvent, message: string, fields?: LogFields): void;
  /** Counts and logs a finished exchange, unless it was the proxy's own. */
  exchangeFinished(exchange: EndedExchange): void;
}
