/**
 * What the control plane (main thread) and the data plane (workers) say to each other.
 * Everything here is plain data that structured cloning carries; shared memory goes along as SharedArrayBuffer.
 */
import type { Config } from "../config/schema.ts";
import type { FeatureEvent } from "../features/declared.ts";
import type { NameNews } from "./name-table.ts";

/** A listener as the worker opens it: parsed, and with port 0 already replaced by a real port. */
export type ListenTarget =
  | {
      readonly kind: "tcp";
      readonly host: string;
      /** Further addresses with the same port: a name may stand for one of each family. */
      readonly moreHosts?: readonly string[];
      readonly port: number;
      readonly reusePort: boolean;
    }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

/** A listener as a worker opens it. */
export interface ListenOrder {
  /** Its slot in the {@link WorkerTable}. */
  readonly slot: number;
  readonly target: ListenTarget;
  /** Its settings, for as long as no configuration that names it is in use. */
  readonly settings: Config["listeners"][number];
}

/** The first message to a data-plane thread. */
export interface WorkerInit {
  /** 0 to workers − 1; a replacement takes the index of the worker that it replaces. */
  readonly index: number;
  readonly version: string;
  /** Start of the process, epoch milliseconds. */
  readonly startedAtMs: number;
  /** {@link EndpointTable} */
  readonly endpointTable: SharedArrayBuffer;
  /** {@link BucketTable}: the rate limiter's. */
  readonly bucketTable: SharedArrayBuffer;
  /** {@link WorkerTable} */
  readonly workerTable: SharedArrayBuffer;
  /** Where this worker's access log lines lie until they are written; see observe/log-batch.ts. */
  readonly logMemory: SharedArrayBuffer;
  /** Sockets that all workers together may have open before new clients wait. */
  readonly socketsMax: number;
}

/** A checked configuration on its way to a worker. */
export interface ConfigureMessage {
  readonly type: "configure";
  /** Counts up with every accepted configuration, from 1. */
  readonly generation: number;
  readonly config: Omit<Config, "routes">;
  /** null: those of the configuration that the worker uses, which stay as it has compiled them. */
  readonly routes: Config["routes"] | null;
  /** Slot in the endpoint table of each endpoint, by upstream name, in file order. */
  readonly endpointSlots: Readonly<Record<string, readonly number[]>>;
  /** Slot in the worker table of each listener, in file order. */
  readonly listenerSlots: readonly number[];
  /** {@link MetricTable} of this generation. */
  readonly metricTable: SharedArrayBuffer;
}

export type ToWorker =
  | ConfigureMessage
  /** Open these listeners, all of them or none, then answer `listening` or `listen-failed`. */
  | { readonly type: "listen"; readonly orders: readonly ListenOrder[] }
  /** Close these listeners, then answer `closed`. Their connections drain meanwhile; past `timeoutMs` the rest is cut. */
  | { readonly type: "close"; readonly slots: readonly number[]; readonly timeoutMs: number }
  /** Stop accepting, finish what is in flight, then answer `drained`. Past `timeoutMs` the rest is cut. */
  | { readonly type: "drain"; readonly timeoutMs: number }
  /** What became of names of endpoints; see shared/name-table.ts. */
  | { readonly type: "names"; readonly news: readonly NameNews[] }
  /** The lines in that chunk of the log memory were written or dropped. */
  | { readonly type: "log-taken"; readonly chunk: number };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** The events of the application log that a worker reports; observe/names.ts says what each means, and a feature's facts.ts does of its own. */
export type WorkerEvent =
  | FeatureEvent
  | "accept_failed"
  | "connections_refused"
  | "endpoint_response_malformed"
  | "endpoint_tls_failed"
  | "log_lines_dropped"
  | "middleware_failed"
  | "proxy_not_trusted"
  | "sockets_enough"
  | "sockets_short"
  | "warm_up_skipped";

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export type FromWorker =
  /** The new snapshot is in use (or, with `problem`, was refused and the old one stays). */
  | { readonly type: "configured"; readonly generation: number; readonly problem?: string }
  /** No exchange of that generation is left in this worker. */
  | { readonly type: "released"; readonly generation: number }
  | { readonly type: "listening" }
  | { readonly type: "listen-failed"; readonly slot: number; readonly code: string; readonly message: string }
  | { readonly type: "closed" }
  /** Finished access log lines, each ending in a line feed, lie in a chunk of the log memory. */
  | { readonly type: "log"; readonly chunk: number; readonly bytes: number; readonly lines: number }
  /** Something that the application log should say. */
  | {
      readonly type: "event";
      readonly level: LogLevel;
      readonly event: WorkerEvent;
      readonly message: string;
      readonly fields: LogFields;
    }
  | { readonly type: "drained"; readonly cut: number };
