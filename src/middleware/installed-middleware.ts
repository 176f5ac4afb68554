/**
 * The middleware of one configuration in one thread: each entry is loaded, its options are checked, and `setup` makes its hooks. When the
 * configuration is not needed any more, the instances are disposed of.
 */
import { messageOf } from "../base/errors.ts";
import { middlewareEntries } from "../config/middleware-entries.ts";
import type { PlacedEntry } from "../config/middleware-entries.ts";
import type { MiddlewareEntry } from "../config/middleware-schema.ts";
import { routeLabel } from "../config/route-label.ts";
import type { RouteConfig } from "../config/route-schema.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { ExchangeState } from "../proxy/feature/exchange-state.ts";
import { checkOptions } from "./check-options.ts";
import { counterOf, logOf } from "./context-parts.ts";
import type { MiddlewareHost } from "./context-parts.ts";
import type { AnyMiddleware, MiddlewareHooks } from "./define-middleware.ts";
import type { MiddlewareContext } from "./middleware-context.ts";
import { watchedHooks } from "./watched-hooks.ts";

/** Gives the middleware that an entry names, and its options as they were written. Rejects with an Error that says why it cannot. */
export type LoadMiddleware = (entry: MiddlewareEntry) => Promise<{ readonly middleware: AnyMiddleware; readonly options: unknown }>;

/** Time that `setup` may take, in milliseconds. */
const SETUP_MS_MAX = 30_000;

interface Instance {
  readonly name: string;
  readonly route: number | null;
  readonly middleware: Middleware;
  readonly hooks: MiddlewareHooks;
  readonly controller: AbortController;
}

export class InstalledMiddleware {
  private readonly host: MiddlewareHost;
  private readonly instances: readonly Instance[];

  constructor(host: MiddlewareHost, instances: readonly Instance[]) {
    this.host = host;
    this.instances = instances;
  }

  /** The middleware of the route at that position, in the order in which they act. */
  ofRoute(index: number): readonly Middleware[] {
    return this.instances.filter(({ route }) => route === null || route === index).map(({ middleware }) => middleware);
  }

  /** Disposes of all instances. What `dispose` throws is logged. */
  async dispose(): Promise<void> {
    await Promise.all(this.instances.map((instance) => disposeOf(instance, this.host)));
  }
}

/**
 * Sets up the middleware of a configuration. Rejects with an Error of one line when one of them cannot be set up; the others are then
 * disposed of.
 */
export async function installMiddleware(
  top: readonly MiddlewareEntry[],
  routes: readonly RouteConfig[],
  load: LoadMiddleware,
  host: MiddlewareHost,
): Promise<InstalledMiddleware> {
  const entries = middlewareEntries(top, routes);
  const results = await Promise.allSettled(entries.map((placed) => instanceOf(placed, routes, load, host)));
  const instances = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const installed = new InstalledMiddleware(host, instances);
  const failed = results.findIndex(({ status }) => status === "rejected");
  const failure = results[failed];
  if (failure?.status !== "rejected") return installed;
  await installed.dispose();
  throw new Error(`${shownPlace(entries[failed])}: ${messageOf(failure.reason).replace(/\s*\n\s*/g, " ")}`);
}

async function instanceOf(
  { entry, route }: PlacedEntry,
  routes: readonly RouteConfig[],
  load: LoadMiddleware,
  host: MiddlewareHost,
): Promise<Instance> {
  const { middleware, options: given } = await load(entry);
  const { name } = middleware.definition;
  const checked = await checkOptions(middleware, given);
  if ("issues" in checked) throw new Error(`${name}: its options are refused: ${checked.issues.map(({ message }) => message).join("; ")}`);
  const controller = new AbortController();
  const context = contextOf(name, route === null ? null : routeLabel(routes[route] ?? {}, route), controller.signal, host);
  try {
    const hooks = await withinTime(async () => middleware.definition.setup(checked.options as never, context), SETUP_MS_MAX);
    if (typeof hooks !== "object" || hooks === null) throw new TypeError("it returned no object with hooks");
    return { name, route, hooks, controller, middleware: watchedHooks(name, hooks, host.idOf(name), host.running) };
  } catch (error) {
    controller.abort();
    throw new Error(`${name}: setup failed: ${messageOf(error)}`, { cause: error });
  }
}

function contextOf(name: string, route: string | null, signal: AbortSignal, host: MiddlewareHost): MiddlewareContext {
  return {
    name,
    route,
    worker: host.workerIndex,
    log: logOf(name, host),
    counter: counterOf(name, host),
    fetch: (upstream, request, options = {}) => host.fetch(upstream, request, { signal, ...options }),
    now: host.now,
    signal,
    state: () => new ExchangeState(),
  };
}

async function disposeOf({ name, hooks, controller }: Instance, host: MiddlewareHost): Promise<void> {
  try {
    controller.abort();
    await hooks.dispose?.();
  } catch (error) {
    host.report("error", "middleware_failed", `dispose: ${messageOf(error)}`, { middleware: name });
  }
}

async function withinTime<T>(act: () => Promise<T>, limitMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const limit = setTimeout(() => late.reject(new Error(`it has not settled within ${limitMs / 1000} s`)), limitMs);
  try {
    return await Promise.race([act(), late.promise]);
  } finally {
    clearTimeout(limit);
  }
}

/** The place of an entry as messages show it: `routes.#1.middleware.#1`. */
function shownPlace(placed: PlacedEntry | undefined): string {
  return (placed?.path ?? []).map((part) => (typeof part === "number" ? `#${part + 1}` : part)).join(".");
}
