/** Middleware that a configuration object holds itself, as the result of a call such as `stamp({ header: "X-Stamp" })`. */
import type { MiddlewareEntry } from "../config/schema/middleware-schema.ts";
import { isMiddleware } from "./define-middleware.ts";
import type { ConfiguredMiddleware } from "./define-middleware.ts";
import type { LoadMiddleware } from "./installed-middleware.ts";

/** Begins the `use` of an entry that stands for a middleware which is held in memory. */
const GIVEN = "given/";

/** Holds the middleware of one configuration object, while the rest of the object goes its way as plain data. */
export class GivenMiddleware {
  /** The configuration without them. Only lists that hold a middleware are copied. */
  readonly config: unknown;
  private readonly entries: Map<string, ConfiguredMiddleware> = new Map();

  /**
   * @param config as it was written, not checked yet
   * @param serial tells apart the middleware of several configurations that are held at the same time
   */
  constructor(config: unknown, serial: number = 0) {
    this.config = replaceMiddleware(config, (entry) => {
      const use = `${GIVEN}${serial}.${this.entries.size}#${entry.use.definition.name}`;
      this.entries.set(use, entry);
      return { use };
    });
  }

  /** The names of what is held. */
  get names(): readonly string[] {
    return [...this.entries.values()].map(({ use }) => use.definition.name);
  }

  /**
   * Loads what is held here.
   * @param others loads the middleware of other entries, by their modules
   */
  loadOr(others: LoadMiddleware): LoadMiddleware {
    return async (entry) => {
      const given = this.entries.get(entry.use);
      return given === undefined ? others(entry) : { middleware: given.use, options: given.options };
    };
  }
}

/**
 * The same configuration, in which each middleware names its module, so that other threads can load it. Throws an Error if the module of one
 * is not known.
 */
export function withModules(config: unknown): unknown {
  return replaceMiddleware(config, ({ use, options }) => {
    const { module, definition } = use;
    if (module === "")
      throw new Error(`it is not known which module defines the middleware ${definition.name}: name its module in \`use\``);
    return { use: `${module}#${definition.name}`, ...(options === undefined ? {} : { options }) };
  });
}

type Replace = (entry: ConfiguredMiddleware) => MiddlewareEntry;

function replaceMiddleware(config: unknown, replace: Replace): unknown {
  if (!isObject(config)) return config;
  const replaced = withList(config, replace);
  const { routes, defaults } = replaced;
  return {
    ...replaced,
    ...(Array.isArray(routes) ? { routes: routes.map((route: unknown) => (isObject(route) ? withList(route, replace) : route)) } : {}),
    ...(isObject(defaults) && isObject(defaults["routes"])
      ? { defaults: { ...defaults, routes: withList(defaults["routes"], replace) } }
      : {}),
  };
}

function withList(holder: Readonly<Record<string, unknown>>, replace: Replace): Readonly<Record<string, unknown>> {
  const { middleware } = holder;
  if (!Array.isArray(middleware)) return holder;
  return { ...holder, middleware: middleware.map((entry: unknown) => (isConfigured(entry) ? replace(entry) : entry)) };
}

function isConfigured(entry: unknown): entry is ConfiguredMiddleware {
  return isObject(entry) && isMiddleware(entry["use"]);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
