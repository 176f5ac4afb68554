/** What people write into a configuration in TypeScript, where a middleware itself can be given. */
import type { ConfigInput, RouteInput, ShortConfigInput } from "../config/input.ts";
import type { ConfiguredMiddleware } from "./define-middleware.ts";

/** The same with entries of `middleware` that may be a middleware itself, with its options. */
export type WithMiddleware<Holder extends { middleware?: unknown }> = Omit<Holder, "middleware"> & {
  /** Middleware of one's own, in the order in which they act: by module, or the result of calling one, such as `stamp({ header: "X-Stamp" })`. */
  middleware?: (NonNullable<RouteInput["middleware"]>[number] | ConfiguredMiddleware)[] | undefined;
};

/** The full form of a configuration, in TypeScript. */
export type FullConfig = Omit<WithMiddleware<ConfigInput>, "routes"> & { routes: WithMiddleware<RouteInput>[] };
/** The short form of a configuration, in TypeScript. */
export type ShortConfig = WithMiddleware<ShortConfigInput>;

/** The same type with everything readonly, so that constants (`as const`) are accepted too. */
export type Constant<T> = T extends object ? { readonly [Key in keyof T]: Constant<T[Key]> } : T;

/** One form of a configuration, with everything readonly, which may not have the keys that only the other form has. */
export type OneForm<Form, Other> = Constant<Form> & { readonly [Key in Exclude<keyof Other, keyof Form>]?: never };

/** A configuration in the full form or in the short form. */
export type DefinedConfig = OneForm<FullConfig, ShortConfig> | OneForm<ShortConfig, FullConfig>;

/** A configuration for {@link createProxy}. In the full form it may leave out `listeners`. */
export type ProxyConfig =
  | OneForm<Omit<FullConfig, "listeners"> & Partial<Pick<FullConfig, "listeners">>, ShortConfig>
  | OneForm<ShortConfig, FullConfig>;
