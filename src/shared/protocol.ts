/**
 * The messages between the main thread (control plane) and the workers (data plane). All are plain data that structured cloning carries;
 * shared memory is sent as a SharedArrayBuffer.
 */
import type { NamingMiddleware } from "../config/schema/middleware-entries.ts";
import type { Environment } from "../config/replacements.ts";
import type { Config } from "../config/schema/schema.ts";
import type { FeatureEvent } from "../features/declared.ts";
import type { SentList } from "./address-lists.ts";
import type { SentMemory } from "./sent-memory.ts";
import type { SentDescription } from "./api-descriptions.ts";
import type { SentCredentials } from "./credential-files.ts";
import type { NameNews } from "./name-table.ts";
import type { CertificateNews } from "./certificate-news.ts";
import type { SharedSession, TlsOfUpstreams } from "./upstream-tls.ts";
import type { LogFields } from "./log-fields.ts";
import type { StoreNews } from "./store-news.ts";
import type { OutsideAnswer, OutsideRequest } from "./outside-request.ts";

/** The address of a listener as a worker opens it: parsed, and with port 0 replaced by a real port. */
export type ListenTarget =
  | {
      readonly kind: "tcp";
      readonly host: string;
      /** Further addresses to listen on with the same port: `localhost` stands for one of each family. */
      readonly moreHosts?: readonly string[];
      readonly port: number;
      readonly reusePort: boolean;
    }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "fd"; readonly fd: number };

/** Tells a worker to open a listener. */
export interface ListenOrder {
  /** The listener's slot in the {@link WorkerTable}. */
  readonly slot: number;
  readonly target: ListenTarget;
  /** The listener's settings until a configuration that names the listener is in use. */
  readonly settings: Config["listeners"][number];
}

/** The first message to a data-plane thread. */
export interface WorkerInit {
  /** The worker's index, 0 to workers − 1. A replacement has the index of the worker that it replaces. */
  readonly index: number;
  readonly version: string;
  /** When the process started, in epoch milliseconds. */
  readonly startedAtMs: number;
  /** The environment variables that templates (`{env.NAME}`) may name. */
  readonly environment: Environment;
  /** The memory of the {@link EndpointTable}. */
  readonly endpointTable: SharedArrayBuffer;
  /** The memory of the {@link BucketTable}, for rate limits. */
  readonly bucketTable: SharedArrayBuffer;
  /** The memory of the {@link InFlightTable}, for concurrency limits. */
  readonly inFlightTable: SharedArrayBuffer;
  /** The memory of another {@link BucketTable}, for the sessions of logins. */
  readonly loginTable: SharedArrayBuffer;
  /** The memory of the {@link WorkerTable}. */
  readonly workerTable: SharedArrayBuffer;
  /** Where this worker puts access log lines until the main thread has written them (observe/log-batch.ts). */
  readonly logMemory: SharedArrayBuffer;
  /** Sockets that all workers together may have open before new clients wait. */
  readonly socketsMax: number;
}

/** A route in which a secret has changed. */
export interface RenewedRoute {
  /** Its position among the routes. */
  readonly position: number;
  readonly route: Config["routes"][number];
  /** The keys that differ. */
  readonly keys: readonly string[];
}

/** Tells a worker to compile and use a checked configuration; it answers `configured`. */
export interface ConfigureMessage {
  readonly type: "configure";
  /** Counts up with every accepted configuration, from 1. */
  readonly generation: number;
  readonly config: Omit<Config, "routes">;
  /** null when the routes are those of the configuration in use, which then stay as the worker has compiled them. */
  readonly routes: Config["routes"] | null;
  /**
   * With `routes` null: only secrets differ from the configuration in use, and these are the routes in which they stand. Middleware of the user's goes on as it
   * is. Absent: more may differ.
   */
  readonly renewed?: readonly RenewedRoute[];
  /** For each upstream, by name, the slots of its endpoints in the endpoint table, in file order. */
  readonly endpointSlots: Readonly<Record<string, readonly number[]>>;
  /** The slots of the listeners in the worker table, in file order. */
  readonly listenerSlots: readonly number[];
  /** The memory of this generation's {@link MetricTable}. */
  readonly metricTable: SharedArrayBuffer;
}

/**
 * Tells a worker to set up the middleware of a configuration that may follow; it answers `prepared`. So a configuration whose middleware cannot be
 * set up in one of the workers comes into use in none.
 */
export interface PrepareMessage extends NamingMiddleware {
  readonly type: "prepare";
  readonly generation: number;
}

/** What plain listeners answer to http-01 challenges (RFC 8555 section 8.3). */
export type ChallengeAnswers = readonly (readonly [token: string, text: string])[];

/** Messages from the main thread to a worker. */
export type ToWorker =
  | ConfigureMessage
  | PrepareMessage
  /** The configuration that was prepared does not come into use. */
  | { readonly type: "discard"; readonly generation: number }
  /** Open all of these listeners or none, then answer `listening` or `listen-failed`. */
  | { readonly type: "listen"; readonly orders: readonly ListenOrder[] }
  /** Close these listeners, and answer `closed`. Their connections drain; after `timeoutMs` those that are left are cut. */
  | { readonly type: "close"; readonly slots: readonly number[]; readonly timeoutMs: number }
  /** Accept nothing more, let exchanges in flight end, then answer `drained`. After `timeoutMs` those that are left are cut. */
  | { readonly type: "drain"; readonly timeoutMs: number }
  /** Results of look-ups of endpoints' names (shared/name-table.ts). */
  | { readonly type: "names"; readonly news: readonly NameNews[] }
  /** All address lists that are in use (shared/address-lists.ts). */
  | { readonly type: "lists"; readonly lists: readonly SentList[] }
  /** The memories of all stores of responses (shared/response-memory.ts). */
  | { readonly type: "memories"; readonly memories: readonly SentMemory[] }
  /** All descriptions of APIs that are in use (shared/api-descriptions.ts). */
  | { readonly type: "descriptions"; readonly descriptions: readonly SentDescription[] }
  /** All files with credentials that are in use, and what key servers have said (shared/credential-files.ts). */
  | { readonly type: "credentials"; readonly files: readonly SentCredentials[] }
  /**
   * What all listeners with TLS need, or all upstreams that name files for it. It comes before the configuration and the orders that name them, and whenever
   * something changes. What is absent stays as it is.
   */
  | { readonly type: "tls"; readonly listeners?: CertificateNews; readonly upstreams?: TlsOfUpstreams }
  /** A session with an endpoint that another thread has got. */
  | { readonly type: "session"; readonly shared: SharedSession }
  /** There will be no certificate for that name now: the handshakes that wait for it are refused. */
  | { readonly type: "certificate-refused"; readonly slot: number; readonly name: string }
  /** What a service outside has answered to the request with that number (`ask-outside`). */
  | { readonly type: "answer-outside"; readonly id: number; readonly answer: OutsideAnswer }
  /** All answers to http-01 challenges that are under way; null: no challenge will come. */
  | { readonly type: "challenges"; readonly answers: ChallengeAnswers | null }
  /** The lines in this chunk of the log memory were written or dropped: the chunk may be used again. */
  | { readonly type: "log-taken"; readonly chunk: number };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** The events of the application log that workers report. observe/names.ts explains them, and a feature's facts.ts those of the feature. */
export type WorkerEvent =
  | FeatureEvent
  | "accept_failed"
  | "certificate_unusable"
  | "client_certificate_refused"
  | "connections_refused"
  | "endpoint_response_malformed"
  | "endpoint_socket_failed"
  | "endpoint_tls_failed"
  | "log_lines_dropped"
  | "middleware_failed"
  | "middleware_log"
  | "proxy_header_refused"
  | "proxy_not_trusted"
  | "request_unusable"
  | "sockets_enough"
  | "sockets_short"
  | "warm_up_skipped";

/** Messages from a worker to the main thread. */
export type FromWorker =
  /** The middleware of the configuration is set up; with `problem` it cannot be. */
  | { readonly type: "prepared"; readonly generation: number; readonly problem?: string }
  /** The configuration is in use; with `problem` it was refused, and the previous one stays in use. */
  | { readonly type: "configured"; readonly generation: number; readonly problem?: string }
  /** No exchange of this generation is left in the worker. */
  | { readonly type: "released"; readonly generation: number }
  | { readonly type: "listening" }
  | { readonly type: "listen-failed"; readonly slot: number; readonly code: string; readonly message: string }
  | { readonly type: "closed" }
  /** A chunk of the log memory holds finished access log lines, each with a line feed at its end. */
  | { readonly type: "log"; readonly chunk: number; readonly bytes: number; readonly lines: number }
  /** An event for the application log. */
  | {
      readonly type: "event";
      readonly level: LogLevel;
      readonly event: WorkerEvent;
      readonly message: string;
      readonly fields: LogFields;
    }
  /** The number under which the worker table says that this middleware is running. */
  | { readonly type: "middleware"; readonly id: number; readonly name: string }
  /** What counters of middleware have counted since the last message. */
  | { readonly type: "counted"; readonly counts: readonly MiddlewareCount[] }
  /** A token names a key that the key server at that URL has not named yet: `credentials` is the answer. */
  | { readonly type: "keys-wanted"; readonly url: string }
  /** Send this request to a service outside: `answer-outside` is the answer. */
  | { readonly type: "ask-outside"; readonly id: number; readonly request: OutsideRequest }
  /** Something is to be told of a store. */
  | { readonly type: "store"; readonly news: StoreNews }
  /** A client has named a name for which the TLS listener in `slot` has no certificate: `tls` or `certificate-refused` is the answer. */
  | { readonly type: "certificate-wanted"; readonly slot: number; readonly name: string }
  /** A TLS session with an endpoint that the other threads may resume. */
  | { readonly type: "session"; readonly shared: SharedSession }
  | { readonly type: "drained"; readonly cut: number };

/** What a counter of a middleware has counted. */
export type MiddlewareCount = readonly [middleware: string, counter: string, by: number];
