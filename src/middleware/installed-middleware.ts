/**
 * The middleware of one configuration in one thread: each entry is loaded, its options are checked, and `setup` makes its hooks. When the
 * configuration is not needed any more, the instances are disposed of.
 */
import { messageOf } from "../base/errors.ts";
import { middlewareEntries } from "../config/schema/middleware-entries.ts";
import type { NamingMiddleware, PlacedEntry } from "../config/schema/middleware-entries.ts";
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import { routeLabel } from "../config/checks/route-label.ts";
import type { Middleware } from "../proxy/feature/middleware.ts";
import { ExchangeState } from "../proxy/feature/exchange-state.ts";
import { placeOfFault } from "../modules/module-fault.ts";
import { checkOptions } from "./check-options.ts";
import type { OptionsIssue } from "./check-options.ts";
import { withoutTexts } from "./harmless-message.ts";
import { counterOf, logOf } from "./context-parts.ts";
import type { MiddlewareHost } from "./context-parts.ts";
import type { AnyMiddleware, MiddlewareHooks } from "./define-middleware.ts";
import type { MiddlewareContext } from "./middleware-context.ts";
import { watchedHooks } from "./watched-hooks.ts";
import { withinTime } from "./within-time.ts";

/** Gives the middleware that an entry names, and its options as they were written. Rejects with an Error that says why it cannot. */
export type LoadMiddleware = (entry: MiddlewareEntry) => Promise<{ readonly middleware: AnyMiddleware; readonly options: unknown }>;

/** Time that a module may take to load, and then `setup`, in milliseconds. */
const SETUP_MS_MAX = 30_000;

interface Instance {
  readonly name: string;
  readonly id: number;
  readonly route: number | null;
  readonly middleware: Middleware;
  readonly hooks: MiddlewareHooks;
  readonly controller: AbortController;
}

export class InstalledMiddleware {
  private readonly host: MiddlewareHost;
  private readonly instances: readonly Instance[];
  /** Middleware for all routes. */
  private readonly everywhere: readonly Middleware[];
  private readonly byRoute: ReadonlyMap<number | null, readonly Instance[]>;

  constructor(host: MiddlewareHost, instances: readonly Instance[]) {
    this.host = host;
    this.instances = instances;
    this.byRoute = Map.groupBy(instances, ({ route }) => route);
    this.everywhere = (this.byRoute.get(null) ?? []).map(({ middleware }) => middleware);
  }

  /** The middleware of the route at that position, in the order in which they act. */
  ofRoute(index: number): readonly Middleware[] {
    return [...this.everywhere, ...(this.byRoute.get(index) ?? []).map(({ middleware }) => middleware)];
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
  config: NamingMiddleware,
  load: LoadMiddleware,
  host: MiddlewareHost,
  limitMs: number = SETUP_MS_MAX,
): Promise<InstalledMiddleware> {
  const entries = middlewareEntries(config);
  const results = await Promise.allSettled(entries.map((placed) => instanceOf(placed, config, load, host, limitMs)));
  const instances = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const installed = new InstalledMiddleware(host, instances);
  const failed = results.findIndex(({ status }) => status === "rejected");
  const failure = results[failed];
  if (failure?.status !== "rejected") return installed;
  await withinTime(() => installed.dispose(), limitMs, "the others").catch(() => undefined);
  throw new Error(`${shownPlace(entries[failed])}: ${oneLine(messageOf(failure.reason))}`);
}

async function instanceOf(
  { entry, route }: PlacedEntry,
  { routes }: NamingMiddleware,
  load: LoadMiddleware,
  host: MiddlewareHost,
  limitMs: number,
): Promise<Instance> {
  const { middleware, options: given } = await withinTime(() => load(entry), limitMs, "its module");
  const { name } = middleware.definition;
  const id = host.idOf(name);
  const harmless = withoutTexts(given);
  const checked = await watched(id, host, () => checkOptions(middleware, given));
  if ("issues" in checked)
    throw new Error(`${name}: its options are refused: ${checked.issues.map((each) => harmless(shownIssue(each))).join("; ")}`);
  const controller = new AbortController();
  const context = contextOf(name, route === null ? null : routeLabel(routes[route] ?? {}, route), controller.signal, host);
  const setUp = async (): Promise<MiddlewareHooks> =>
    watched(id, host, () => middleware.definition.setup(checked.options as never, context));
  const placeOf = (error: unknown): string =>
    middleware.module.startsWith("file:") ? placeOfFault(error, new URL("./", middleware.module).href) : "";
  const late = (error: unknown): void => host.report("error", "middleware_failed", messageOf(error), { middleware: name });
  let hooks: MiddlewareHooks | null = null;
  try {
    const made = await withinTime(setUp, limitMs, "it", (tooLate) => void disposeOf({ name, hooks: tooLate, controller, id }, host));
    if (typeof made !== "object" || made === null) throw new TypeError("it returned no object with hooks");
    hooks = made;
    return { name, route, hooks, controller, id, middleware: watchedHooks(name, hooks, id, host.running, late, placeOf) };
  } catch (error) {
    if (hooks === null) controller.abort();
    else await disposeOf({ name, hooks, controller, id }, host);
    const place = placeOf(error);
    throw setupFailure(name, `${harmless(withoutTexts(checked.options)(messageOfSetup(error)))}${place === "" ? "" : ` (${place})`}`);
  }
}

/** A SyntaxError of JSON.parse quotes the beginning of what it could not parse: a part of an option, which is not found in the message. */
function messageOfSetup(error: unknown): string {
  const message = messageOf(error);
  return error instanceof SyntaxError ? message.replace(/(["'`]).*\1/g, "$1...$1") : message;
}

/** Without the error itself as the cause, which may show an option. */
function setupFailure(name: string, why: string): Error {
  return new Error(`${name}: setup failed: ${why}`);
}

function shownIssue({ path, message }: OptionsIssue): string {
  const shown = path.map((part) => (typeof part === "number" ? `#${part + 1}` : part));
  return shown.length === 0 ? message : `${shown.join(".")}: ${message}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*[\n\r]\s*/g, " ");
}

/** Calls code of the middleware. If that blocks the event loop, the log can name the middleware. */
function watched<Result>(id: number, { running }: MiddlewareHost, act: () => Result): Result {
  const before = running.enter(id);
  try {
    return act();
  } finally {
    running.leave(before);
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

async function disposeOf({ name, hooks, controller, id }: Omit<Instance, "route" | "middleware">, host: MiddlewareHost): Promise<void> {
  try {
    // Both call code of the middleware: the listeners of its signal, and `dispose`.
    await watched(id, host, () => {
      controller.abort();
      return hooks.dispose?.();
    });
  } catch (error) {
    host.report("error", "middleware_failed", `dispose: ${messageOf(error)}`, { middleware: name });
  }
}

/** The place of an entry as messages show it: `routes.#1.middleware.#1`. */
function shownPlace(placed: PlacedEntry | undefined): string {
  return (placed?.path ?? []).map((part) => (typeof part === "number" ? `#${part + 1}` : part)).join(".");
}
