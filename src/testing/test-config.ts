/** The configuration of a test, which may leave out what every test has alike. */
import { namedUpstreams } from "../config/checks/upstream-names.ts";
import type { FullConfig, ShortConfig } from "../middleware/config-input.ts";
import { isList, isUrl } from "./origins.ts";
import type { Origins } from "./origins.ts";

/**
 * YAML text, or an object as `defineConfig` takes it. The object may leave out `listeners`, and upstreams that are in the options. Middleware
 * that is named by its module is looked for from the working directory.
 */
export type TestConfig =
  | string
  | (Omit<FullConfig, "listeners" | "upstreams"> & Partial<Pick<FullConfig, "listeners" | "upstreams">>)
  | ShortConfig;

/**
 * Adds what the configuration may leave out: a listener, and the upstreams that are in `origins`.
 * @internal
 */
export function completed(given: Exclude<TestConfig, string>, origins: Origins): unknown {
  if ("backends" in given) return given;
  const routed = new Set(given.routes.flatMap((route, index) => namedUpstreams(route, index).map(({ name }) => name)));
  // Middleware may ask upstreams that no route leads to. Without middleware such a name is a slip, which is reported.
  const holders = [given, given.defaults?.routes ?? {}, ...given.routes];
  const hasMiddleware = holders.some(({ middleware }) => Array.isArray(middleware) && middleware.length > 0);
  const served = Object.entries(origins).filter(([name]) => routed.has(name) || (hasMiddleware && !isUrl(name)));
  const upstreams = Object.fromEntries(
    served.map(([name, origin]) => {
      const count = isList(origin) ? origin.length : 1;
      return [name, { endpoints: Array.from({ length: count }, (_, index) => `http://${name}-${index + 1}.test`) }];
    }),
  );
  return { listeners: [{ address: "127.0.0.1:0" }], ...given, upstreams: { ...upstreams, ...given.upstreams } };
}
