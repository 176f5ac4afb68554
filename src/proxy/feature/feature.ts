/**
 * What a feature is: it compiles one key of a route's configuration, such as `rate_limit`, into a middleware. Types only, for people who
 * write features (docs/adding-a-feature.md). Each feature is a folder in src/features and a line in src/features/registry.ts.
 */
import type { RouteConfig } from "../../config/schema/route-schema.ts";
import type { FeatureKey } from "../../features/declared.ts";
import type { ApiDescriptions } from "../../shared/api-descriptions.ts";
import type { AddressLists } from "../../shared/address-lists.ts";
import type { CredentialFiles } from "../../shared/credential-files.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { InFlightTable } from "../../shared/in-flight-table.ts";
import type { LogFields } from "../../shared/log-fields.ts";
import type { LogLevel, WorkerEvent } from "../../shared/protocol.ts";
import type { FeatureFacts } from "../../values/feature-facts.ts";
import type { CompileRegex } from "../../policy/route/path-regex.ts";
import type { Template } from "../../policy/template/template.ts";
import type { FineClock } from "./fine-clock.ts";
import type { FileStore } from "./file-store.ts";
import type { LoginPorts } from "./login-ports.ts";
import type { PasswordChecks } from "./password-checks.ts";
import type { Memory } from "./memory.ts";
import type { Middleware } from "./middleware.ts";
import type { ResponseStores } from "./response-store.ts";
import type { Stores } from "./shared-store.ts";

export interface Feature<Key extends FeatureKey = FeatureKey> {
  /** Name of the feature's folder and of its middleware: `rate-limit`. */
  readonly name: string;
  /** The feature's key in a route: `rate_limit`. */
  readonly key: Key;
  readonly facts: FeatureFacts;
  /**
   * Returns the middleware for one route that has the key. Called once per route and thread, and again when a reload changes routes. Decide
   * as much as possible here: it costs the exchanges nothing.
   * @param config the value of the key, checked and with its defaults
   */
  compile(config: NonNullable<RouteConfig[Key]>, context: FeatureContext): Middleware;
  /** Whether its middleware depends on the upstream that is asked, so that each side of a `split` has one of its own. Absent: all sides share it. */
  readonly perSide?: true;
  /** What of the feature has to know who the client is. Absent: nothing. */
  readonly forKnown?: ForKnown<Key>;
  /**
   * For all routes that lack what some route has: a middleware that keeps from their upstreams what clients bring for that one. Absent: none.
   */
  readonly beside?: {
    isIn(config: NonNullable<RouteConfig[Key]>): boolean;
    readonly middleware: Middleware;
  };
  /**
   * The fields, in lower case, in which the feature tells upstreams what it has verified. They are removed from every request of every client, on every
   * listener and route, in each spelling that origin servers may take for them. Absent: none.
   */
  reserves?(config: NonNullable<RouteConfig[Key]>): readonly string[];
}

/** A second middleware of a feature, which acts after all features that may refuse a request: after `authentication` and `require`. */
export interface ForKnown<Key extends FeatureKey = FeatureKey> {
  /** The middleware's name. */
  readonly name: string;
  /** Whether a route with this value has the middleware. */
  isIn(config: NonNullable<RouteConfig[Key]>): boolean;
  compile(config: NonNullable<RouteConfig[Key]>, context: FeatureContext): Middleware;
}

/** What a thread offers to its features, apart from the arguments of each hook. */
export interface ThreadContext {
  readonly workerIndex: number;
  /** Token buckets in shared memory: limits and counts that hold for all threads together. */
  readonly buckets: BucketTable;
  /** Counts of requests that are under way, in shared memory too. */
  readonly inFlight: InFlightTable;
  /** Where responses are stored. */
  readonly responses: ResponseStores;
  /** Calls `then` once after that many milliseconds, until the returned function is called. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** For times of few milliseconds, which `after` and `now` are too coarse for. */
  readonly fine: FineClock;
  /** Monotonic milliseconds, from the same start in all threads. */
  readonly now: () => number;
  /** The environment variables of the process. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The text of a file that the configuration names, in UTF-8. */
  readonly readFile: (path: string) => string;
  /** Files that are read while requests are served. */
  readonly files: FileStore;
  /**
   * Returns what `make` returns for this value of the configuration. `make` is called once for each value in a configuration, however many routes
   * share the value.
   */
  readonly once: <T>(value: object, make: () => T) => T;
  /** The address lists that the configuration names, as they are at each moment. */
  readonly lists: AddressLists;
  /** The descriptions of APIs that the configuration names, as they are at each moment. */
  readonly descriptions: ApiDescriptions;
  /** Memory for bodies that are kept. */
  readonly memory: Memory;
  /** Adds one to a counter of the feature, for what no outcome of an exchange tells. */
  readonly count: (counter: string) => void;
  /** The files with credentials that the configuration names, as they are at each moment. */
  readonly credentials: CredentialFiles;
  /** Verifies passwords. */
  readonly passwords: PasswordChecks;
  /** What logins at an identity provider stand on. */
  readonly logins: LoginPorts;
  /** Stores that several machines share. */
  readonly stores: Stores;
  /** Compiles regular expressions for paths. */
  readonly compileRegex: CompileRegex;
  /** Writes a line to the application log, under one of the feature's own events. Never pass a secret. */
  readonly report: (level: LogLevel, event: WorkerEvent, message: string, fields?: LogFields) => void;
}

/** What `compile` may use: the thread and the route. */
export interface FeatureContext extends ThreadContext {
  /** Parses a text with variables that the schema has checked, and fills in the environment. In an error page, variables of the error are allowed too. */
  readonly template: (text: string, isErrorPage?: boolean) => Template;
  readonly route: FeatureRoute;
}

export interface FeatureRoute {
  /** Position of the route in the configuration, from 0. */
  readonly index: number;
  /** The route's name in logs and metrics. */
  readonly label: string;
  /** Names of the upstreams that the route leads to, one a line; "": to none. */
  readonly upstream: string;
  /** Name of the upstream that is asked, of a `split` that of this side (`Feature.perSide`); "": none. */
  readonly side: string;
  /** What the route changes in path and host on the way to the upstream, for features that undo it on the way back. */
  readonly rewrite: RouteConfig["rewrite"];
  /** Whether some other route has what the feature's `beside` is for, and this one lacks it. */
  readonly isBeside: boolean;
  /**
   * A text that identifies the route in shared memory: the same in all threads, and after a reload as long as the route's label, conditions
   * and upstream stay. No other route has it.
   */
  key(): string;
}
