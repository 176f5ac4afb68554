import type { Deadlines } from "../base/deadlines.ts";
import type { EndpointTable } from "../shared/endpoint-table.ts";
import type { WorkerMetrics } from "../shared/metric-table.ts";
import type { LogFields, LogLevel, WorkerEvent } from "../shared/protocol.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "./feature/fetch.ts";
import type { Connector } from "./upstream/connector.ts";
import type { EndpointSet } from "./upstream/endpoint-set.ts";
import type { FinishedExchange } from "./feature/middleware.ts";
import type { Route, Snapshot } from "./snapshot.ts";
import type { Endpoint } from "./upstream/endpoint.ts";
import type { EndpointChoice } from "./upstream/endpoint-choice.ts";

/** An exchange that has ended, for whoever counts and logs it. */
export interface EndedExchange extends FinishedExchange {
  /** The configuration that it ran under. */
  readonly snapshot: Snapshot;
  readonly route: Route | null;
  readonly endpoint: Endpoint | null;
  /** Position of that endpoint in its upstream, as the snapshot has it; -1: none was chosen. */
  readonly endpointPosition: number;
  /** When its first byte was read, in monotonic milliseconds. */
  readonly startedAt: number;
  /** It was the proxy's own: no client had asked. */
  readonly isBackground: boolean;
}

/** What one data-plane thread offers to its exchanges. */
export interface ExchangeThread {
  readonly workerIndex: number;
  /** The configuration that new exchanges run under. */
  readonly snapshot: Snapshot;
  /** Monotonic milliseconds, the same base in all threads; read at each event, or under load at every few. */
  readonly now: number;
  /** Reads the clock: what does not come from an event of a connection begins with this. */
  tick(): void;
  /** Epoch milliseconds minus `now`. */
  readonly epochOffset: number;
  readonly endpoints: EndpointTable;
  /** For one choice of an endpoint at a time. */
  readonly choice: EndpointChoice;
  readonly deadlines: Deadlines;
  readonly connector: Connector;
  readonly metrics: WorkerMetrics;
  /**
   * Asks for memory for a body that a middleware collects, or for that many bytes more of it; false: the process has none to spare.
   * What was given is given back.
   */
  takeMemory(bytes: number): boolean;
  giveMemory(bytes: number): void;
  /** A request of the proxy's own to one of those endpoints. */
  fetch(set: EndpointSet, request: FetchRequest, options: FetchOptions): Promise<FetchResult>;
  /** Something for the application log. */
  report(level: LogLevel, event: WorkerEvent, message: string, fields?: LogFields): void;
  /** Counts and logs a finished exchange, unless it was the proxy's own. */
  exchangeFinished(exchange: EndedExchange): void;
}
