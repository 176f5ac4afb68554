/** What people write into a configuration in TypeScript, where a middleware itself can be given. */
import type { ConfigInput, RouteInput, ShortConfigInput } from "../config/input.ts";
import type { ConfiguredMiddleware } from "./define-middleware.ts";

/** The same with entries of `middleware` that may be a middleware itself, with its options. */
type WithMiddleware<Holder extends { middleware?: unknown }> = Omit<Holder, "middleware"> & {
  /** Middleware of one's own, in the order in which they act: by module, or the result of calling one, such as `stamp({ header: "X-Stamp" })`. */
  middleware?: (NonNullable<RouteInput["middleware"]>[number] | ConfiguredMiddleware)[] | undefined;
};

/** The full form of a configuration, in TypeScript. */
export type FullConfig = Omit<WithMiddleware<ConfigInput>, "routes"> & { routes: WithMiddleware<RouteInput>[] };
/** The short form of a configuration, in TypeScript. */
export type ShortConfig = WithMiddleware<ShortConfigInput>;
