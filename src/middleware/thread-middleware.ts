/** The users' own middleware of one data-plane thread: that of the configuration in use, and of earlier ones that some exchange still runs under. */
import type { NamingMiddleware } from "../config/schema/middleware-entries.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../proxy/feature/fetch.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import type { LogFields } from "../shared/log-fields.ts";
import type { FromWorker, LogLevel, MiddlewareCount, WorkerEvent } from "../shared/protocol.ts";
import type { WorkerTable } from "../shared/worker-table.ts";
import type { MiddlewareHost } from "./context-parts.ts";
import { installMiddleware } from "./installed-middleware.ts";
import type { InstalledMiddleware, LoadMiddleware } from "./installed-middleware.ts";
import type { Running } from "./watched-hooks.ts";
import { withinTime } from "./within-time.ts";

export interface ThreadMiddlewareParts {
  readonly workerIndex: number;
  readonly workers: WorkerTable;
  readonly load: LoadMiddleware;
  readonly now: () => number;
  readonly send: (message: FromWorker) => void;
  readonly fetch: (upstream: string, request: FetchRequest, options: FetchOptions) => Promise<FetchResult>;
}

/** Time that `dispose` has when the thread ends, in milliseconds. */
const DISPOSE_MS_MAX = 1000;

export class ThreadMiddleware implements MiddlewareHost {
  readonly workerIndex: number;
  readonly running: Running;
  readonly now: () => number;
  readonly fetch: ThreadMiddlewareParts["fetch"];
  private readonly load: LoadMiddleware;
  private readonly send: (message: FromWorker) => void;
  /** By generation of the configuration. */
  private readonly installed: Map<number, InstalledMiddleware> = new Map();
  private readonly ids: Map<string, number> = new Map();
  /** What was counted since the last message, by middleware and counter. */
  private readonly counts: Map<string, Map<string, number>> = new Map();

  constructor({ workerIndex, workers, load, now, send, fetch }: ThreadMiddlewareParts) {
    this.workerIndex = workerIndex;
    this.running = {
      enter: (id) => workers.enterMiddleware(workerIndex, id),
      leave: (before) => workers.leaveMiddleware(workerIndex, before),
    };
    this.load = load;
    this.now = now;
    this.send = send;
    this.fetch = fetch;
  }

  /**
   * Sets up the middleware of a configuration, unless that has been done. Resolves with the middleware of each route, by its position. Rejects
   * with an Error of one line if one cannot be set up.
   */
  async install(generation: number, config: NamingMiddleware): Promise<(route: number) => readonly Middleware[]> {
    const installed = this.installed.get(generation) ?? (await installMiddleware(config, this.load, this));
    this.installed.set(generation, installed);
    return (route) => installed.ofRoute(route);
  }

  /** Lets the middleware of one configuration go on under another one. Returns it as `install` does. */
  carryOver(from: number, to: number): (route: number) => readonly Middleware[] {
    const installed = this.installed.get(from);
    if (installed === undefined) return () => [];
    this.installed.set(to, installed);
    return (route) => installed.ofRoute(route);
  }

  /** No exchange runs under that configuration any more, or it was not taken into use. */
  released(generation: number): void {
    const installed = this.installed.get(generation);
    this.installed.delete(generation);
    if (installed !== undefined && ![...this.installed.values()].includes(installed)) void installed.dispose();
  }

  /** Sends what was counted since the last call. */
  tick(): void {
    if (this.counts.size === 0) return;
    const counts = [...this.counts].flatMap(([middleware, counters]) =>
      [...counters].map(([counter, by]): MiddlewareCount => [middleware, counter, by]),
    );
    this.counts.clear();
    this.send({ type: "counted", counts });
  }

  /** The thread ends: disposes of everything. Resolves when that is done, after a second at the latest. */
  async close(): Promise<void> {
    const disposed = Promise.all([...new Set(this.installed.values())].map((installed) => installed.dispose()));
    this.installed.clear();
    await withinTime(() => disposed, DISPOSE_MS_MAX, "dispose").catch(() => undefined);
    this.tick();
  }

  // ---- MiddlewareHost -------------------------------------------------------------------------------------------------

  idOf(name: string): number {
    let id = this.ids.get(name);
    if (id === undefined) {
      id = this.ids.size + 1;
      this.ids.set(name, id);
      this.send({ type: "middleware", id, name });
    }
    return id;
  }

  report(level: LogLevel, event: WorkerEvent, message: string, fields: LogFields): void {
    this.send({ type: "event", level, event, message, fields });
  }

  count(middleware: string, counter: string, by: number): void {
    let counters = this.counts.get(middleware);
    if (counters === undefined) this.counts.set(middleware, (counters = new Map()));
    counters.set(counter, (counters.get(counter) ?? 0) + by);
  }
}
