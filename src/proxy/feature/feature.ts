/**
 * A feature: what a route can do with its exchanges under one key of the configuration. Types only. Each feature is a folder in
 * src/features and a line in src/features/registry.ts; whoever builds a snapshot is given the list.
 */
import type { RouteConfig } from "../../config/route-schema.ts";
import type { FeatureKey } from "../../features/declared.ts";
import type { BucketTable } from "../../shared/bucket-table.ts";
import type { LogFields, LogLevel, WorkerEvent } from "../../shared/protocol.ts";
import type { FeatureFacts } from "../../values/feature-facts.ts";
import type { Middleware } from "./middleware.ts";

export interface Feature<Key extends FeatureKey = FeatureKey> {
  /** The name of its folder and of its middleware: `rate-limit`. */
  readonly name: string;
  /** Its key in a route: `rate_limit`. */
  readonly key: Key;
  readonly facts: FeatureFacts;
  /**
   * Its middleware for one route that has the key. Called in each thread, and again only when a reload changes routes; what is decided here
   * costs no exchange anything.
   */
  compile(config: NonNullable<RouteConfig[Key]>, context: FeatureContext): Middleware;
}

/** What a feature may use of the thread, beside what each hook is given. */
export interface ThreadContext {
  readonly workerIndex: number;
  /** Counts that all threads share. */
  readonly buckets: BucketTable;
  /** Milliseconds of a clock that all threads share. */
  readonly now: () => number;
  /** A line for the application log, under one of the feature's own events; never with a secret. */
  readonly report: (level: LogLevel, event: WorkerEvent, message: string, fields?: LogFields) => void;
}

/** The same, with the route. */
export interface FeatureContext extends ThreadContext {
  readonly route: FeatureRoute;
}

export interface FeatureRoute {
  /** Position in the configuration. */
  readonly index: number;
  /** As in logs and metrics. */
  readonly label: string;
  /** Equal in all threads, and after a reload as long as label, conditions and upstream stay; no other route has it. */
  key(): string;
}
