/** The schema of `defaults`: the keys of routes and upstreams, without those that only the route or the upstream itself can state. */
import { z } from "zod";
import { ENDS } from "./feature-keys.ts";
import type { EndKey } from "./feature-keys.ts";
import { routeSchema } from "./route-schema.ts";
import { upstreamSchema } from "./upstream-schema.ts";
import type { KeyPath } from "../../values/finding.ts";

/** Each route says itself which requests it takes and what becomes of them. */
type OwnOfRoute = "name" | "match" | "split_by" | EndKey;
type OwnOfUpstream = "endpoints";

const OWN = { routes: ["name", "match", "split_by", ...ENDS], upstreams: ["endpoints"] } as const;

const routeShape = without<typeof routeSchema.shape, OwnOfRoute>(routeSchema.shape, OWN.routes);
const upstreamShape = without<typeof upstreamSchema.shape, OwnOfUpstream>(upstreamSchema.shape, OWN.upstreams);

export const defaultsSchema = z.strictObject({
  routes: z.strictObject(routeShape).optional().meta({
    description:
      "For routes: any of their keys but `name`, `match` and those that say what becomes of a request. A limit holds for each route by itself, as if it stood there.",
  }),
  upstreams: z.strictObject(upstreamShape).optional().meta({ description: "For upstreams: any of their keys but `endpoints`." }),
});

const SHAPES: Readonly<Record<"routes" | "upstreams", Readonly<Record<string, z.ZodType>>>> = {
  routes: routeShape,
  upstreams: upstreamShape,
};

/** Whether `defaults` may have the key. */
export function mayHaveDefault(kind: "routes" | "upstreams", key: string): boolean {
  return Object.hasOwn(SHAPES[kind], key);
}

/**
 * Whether `false` takes the key out of a route or an upstream: `defaults` may have it, it has no value when it is absent, and `false` is none of
 * its values.
 */
export function mayBeOff(kind: "routes" | "upstreams", key: string): boolean {
  const schema = mayHaveDefault(kind, key) ? SHAPES[kind][key] : undefined;
  return schema instanceof z.ZodOptional && !schema.safeParse(false).success;
}

/** The path of the key for which the key at a path inside `defaults` stands, in the first route or an upstream; else the path itself. */
export function standsFor(path: KeyPath): KeyPath {
  const [first, kind, ...rest] = path;
  if (first !== "defaults") return path;
  if (kind === "routes") return ["routes", 0, ...rest];
  return kind === "upstreams" ? ["upstreams", "", ...rest] : path;
}

function without<Shape extends object, Key extends keyof Shape>(shape: Shape, keys: readonly string[]): Omit<Shape, Key> {
  return Object.fromEntries(Object.entries(shape).filter(([key]) => !keys.includes(key))) as Omit<Shape, Key>;
}
