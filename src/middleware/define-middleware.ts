/** `defineMiddleware`: how people write a middleware of their own. */
import { stackOf } from "../base/errors.ts";
import type { ExchangeHooks } from "../proxy/feature/middleware.ts";
import type { MiddlewareContext } from "./middleware-context.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** What `setup` returns: the hooks of a middleware, all optional. Hooks may not be added later. */
export interface MiddlewareHooks extends ExchangeHooks {
  /**
   * Called once when nothing needs this instance any more: a reload has replaced the configuration and its last exchange has ended, or the
   * thread ends. At the end of the process one second is left for a promise.
   */
  dispose?(): void | Promise<void>;
}

/** What {@link defineMiddleware} takes. */
export interface MiddlewareDefinition<Schema extends StandardSchema | undefined> {
  /** Name in logs, metrics and `millrace explain`: lower-case letters, digits and hyphens, such as `header-stamp`. */
  readonly name: string;
  /**
   * A schema for the options, from any library that implements Standard Schema (Zod, Valibot, ArkType ...). What it refuses is reported with
   * its place in the configuration. A configuration without options counts as `{}`. Absent: the middleware takes no options.
   */
  readonly options?: Schema;
  /**
   * Makes the hooks. Called once for each place of the configuration that uses the middleware, in each thread, for each configuration, and
   * may return a promise. If it throws, rejects, or takes longer than 30 seconds, the configuration is refused.
   * @param options as the schema gives them, with defaults
   */
  setup(options: CheckedOptions<Schema>, context: MiddlewareContext): MiddlewareHooks | Promise<MiddlewareHooks>;
}

/** The options that `setup` gets. */
export type CheckedOptions<Schema> = Schema extends StandardSchema<unknown, infer Output> ? Output : undefined;

/** The options as people write them. */
export type GivenOptions<Schema> = Schema extends { readonly "~standard": { readonly types?: { readonly input: infer Input } | undefined } }
  ? Input
  : undefined;

/** Marks values that `defineMiddleware` made. Registered, because a program may hold more than one copy of this package. */
const DEFINED: unique symbol = Symbol.for("millrace.middleware");

/**
 * A middleware. Call it with options to put it into a configuration in TypeScript: `middleware: [stamp({ header: "X-Stamp" })]`. In YAML its
 * module is named: `middleware: [{ use: ./stamp.ts, options: { header: X-Stamp } }]`.
 */
export interface DefinedMiddleware<Schema extends StandardSchema | undefined = StandardSchema | undefined> {
  /** Puts the middleware into a configuration, with its options. */
  (...options: OptionsArgument<GivenOptions<Schema>>): ConfiguredMiddleware;
  /** What it was made of. */
  readonly definition: MiddlewareDefinition<Schema>;
  /** URL of the module that called `defineMiddleware`; "" when that is not known. */
  readonly module: string;
}

/** The options as an argument: none without a schema, and one that may be left out if `{}` is valid. */
export type OptionsArgument<Input> = [Input] extends [undefined] ? [] : object extends Input ? [options?: Input] : [options: Input];

/** A middleware with its options, as an entry of `middleware`. Made by calling a {@link DefinedMiddleware}. */
export interface ConfiguredMiddleware {
  /** The middleware. */
  readonly use: AnyMiddleware;
  /** Its options, not checked yet. */
  readonly options?: unknown;
}

/** A middleware of which the type of the options is not known. */
export interface AnyMiddleware {
  /** What it was made of, see {@link MiddlewareDefinition}. */
  readonly definition: {
    readonly name: string;
    readonly options?: StandardSchema | undefined;
    setup(options: never, context: MiddlewareContext): MiddlewareHooks | Promise<MiddlewareHooks>;
  };
  /** URL of the module that called `defineMiddleware`; "" when that is not known. */
  readonly module: string;
}

/**
 * Defines a middleware. Its module exports it by name or as the default.
 *
 * ```ts
 * export default defineMiddleware({
 *   name: "stamp",
 *   options: z.object({ header: z.string(), value: z.string().default("1") }),
 *   setup: ({ header, value }) => ({ onResponse: (_exchange, response) => response.set(header, value) }),
 * });
 * ```
 *
 * Throws a TypeError when the name is malformed, `setup` is no function or `options` is no schema.
 */
export function defineMiddleware<const Schema extends StandardSchema | undefined = undefined>(
  definition: MiddlewareDefinition<Schema>,
): DefinedMiddleware<Schema> {
  const { name, setup, options: schema } = definition;
  if (typeof name !== "string" || !NAME.test(name))
    throw new TypeError("the name of a middleware is made of lower-case letters, digits and hyphens");
  if (typeof setup !== "function") throw new TypeError(`the middleware ${name} has no function setup`);
  if (schema !== undefined && !isSchema(schema))
    throw new TypeError(`the options of the middleware ${name} are no schema: use a library that implements Standard Schema, such as zod`);
  const use = (...options: readonly unknown[]): ConfiguredMiddleware => ({
    use: defined,
    ...(options.length === 0 ? {} : { options: options[0] }),
  });
  const defined: DefinedMiddleware<Schema> = Object.assign(use, { definition, module: callingModule(), [DEFINED]: true });
  return defined;
}

const NAME = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

function isSchema(value: StandardSchema): boolean {
  const { "~standard": standard } = value;
  return typeof standard === "object" && standard !== null && typeof standard.validate === "function";
}

/** Whether the value was made by `defineMiddleware`, of this or another copy of this package. */
export function isMiddleware(value: unknown): value is AnyMiddleware {
  return typeof value === "function" && Object.hasOwn(value, DEFINED);
}

/** The URL of the module that called `defineMiddleware`, without query: workers load the middleware by it. "" when it is not known. */
function callingModule(): string {
  const own = withoutPosition(import.meta.url);
  for (const line of stackOf(new Error("where")).split("\n").slice(1)) {
    const url = /\(?((?:file|data):\S*?):\d+:\d+\)?$/.exec(line.trim())?.[1];
    if (url !== undefined && withoutPosition(url) !== own) return withoutPosition(url);
  }
  return "";
}

function withoutPosition(url: string): string {
  return url.replace(/[?#].*$/, "");
}
