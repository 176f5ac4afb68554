import type { KeyPath } from "../../values/finding.ts";
import type { MiddlewareEntry } from "./middleware-schema.ts";

/** The parts of a configuration that name middleware. */
export interface NamingMiddleware {
  readonly middleware: readonly MiddlewareEntry[];
  readonly routes: readonly { readonly name?: string | undefined; readonly middleware?: readonly MiddlewareEntry[] | undefined }[];
}

/** An entry of `middleware` with its place in the configuration. */
export interface PlacedEntry {
  readonly path: KeyPath;
  /** Position of the route; null: the entry is for all routes. */
  readonly route: number | null;
  readonly entry: MiddlewareEntry;
}

/** The entries of a configuration: those for all routes, then those of each route. */
export function middlewareEntries({ middleware: top, routes }: NamingMiddleware): readonly PlacedEntry[] {
  return [
    ...top.map((entry, index) => ({ path: ["middleware", index], route: null, entry })),
    ...routes.flatMap(({ middleware = [] }, route) =>
      middleware.map((entry, index) => ({ path: ["routes", route, "middleware", index], route, entry })),
    ),
  ];
}

/** Whether there is any entry, for all routes or for one. */
export function hasMiddleware({ middleware: top, routes }: NamingMiddleware): boolean {
  return top.length > 0 || routes.some(({ middleware = [] }) => middleware.length > 0);
}
