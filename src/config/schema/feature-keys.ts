/** The keys of features in the schemas: in a route, and, where a feature declares it, also at the top of the configuration and in upstreams. */
import type { z } from "zod";
import { DECLARED } from "../../features/declared.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";

type Declared = typeof DECLARED;
type Everywhere = { [Key in keyof Declared]: Declared[Key] extends { readonly everywhere: true } ? Key : never }[keyof Declared];
/** A key that says what a route does with its requests. */
export type EndKey =
  | "upstream"
  | "split"
  | { [Key in keyof Declared]: Declared[Key]["facts"] extends { readonly endsRoute: true } ? Key : never }[keyof Declared];
/** A value that becomes a list of one. */
type Listed<Schema extends z.ZodType> = z.ZodPipe<Schema, z.ZodTransform<z.output<Schema>[], z.output<Schema>>>;

type RouteShape = {
  [Key in keyof Declared]: z.ZodOptional<Key extends Everywhere ? Listed<Declared[Key]["schema"]> : Declared[Key]["schema"]>;
};
type EverywhereShape = { [Key in Everywhere]: z.ZodOptional<Declared[Key]["schema"]> };

const features: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);

/** The features whose keys also stand at the top and in upstreams. */
export const EVERYWHERE: readonly string[] = features.filter(([, { everywhere }]) => everywhere === true).map(([key]) => key);

/** The keys that say what a route does with its requests. A route has one of them. */
export const ENDS: readonly string[] = [
  "upstream",
  "split",
  ...features.filter(([, { facts }]) => facts.endsRoute === true).map(([key]) => key),
];

/** The keys of all features for the schema of a route. Each may be absent. */
export function routeFeatures(): RouteShape {
  const shape = features.map(([key, { schema, description, everywhere }]) => {
    const value = everywhere === true ? schema.transform((given) => [given]) : schema;
    return [key, value.optional().meta({ description })];
  });
  return Object.fromEntries(shape) as RouteShape;
}

/** @param whom for whom the keys hold, such as `all routes` */
export function featuresFor(whom: string): EverywhereShape {
  const shape = features
    .filter(([, { everywhere }]) => everywhere === true)
    .map(([key, { schema }]) => {
      const description = `As \`routes[].${key}\`, for ${whom}. What is more particular acts later: the whole configuration, the upstream, the route.`;
      return [key, schema.optional().meta({ description })];
    });
  return Object.fromEntries(shape) as EverywhereShape;
}

type Values = Readonly<Record<string, unknown>>;

interface Leading {
  readonly upstream?: string | undefined;
  readonly split?: readonly { readonly upstream: string }[] | undefined;
  readonly mirror?: { readonly upstream: string } | undefined;
}

/**
 * Gives each route the values at the top and of its upstream, before its own. Where a route names several upstreams (`split`, `mirror`), each of them
 * gets such lists.
 */
export function spreadFeatures<Route extends Leading>(
  top: Values,
  upstreams: Readonly<Record<string, Values>>,
  routes: readonly Route[],
): Route[] {
  const listsOf = (route: Route, upstream: string | undefined): Values => {
    const levels = (key: string): unknown[] => [top[key], upstream === undefined ? undefined : upstreams[upstream]?.[key]];
    const lists = EVERYWHERE.map(
      (key) => [key, [...levels(key), ...ownValues(route, key)].filter((value) => value !== undefined)] as const,
    );
    return Object.fromEntries(lists.filter(([, list]) => list.length > 0));
  };
  return routes.map((route) => {
    const { split, mirror } = route;
    const copies = mirror === undefined ? {} : { mirror: { ...mirror, ...listsOf(route, mirror.upstream) } };
    if (split !== undefined) return { ...route, ...copies, split: split.map((side) => ({ ...side, ...listsOf(route, side.upstream) })) };
    const lists = { ...listsOf(route, route.upstream), ...copies };
    return Object.keys(lists).length === 0 ? route : { ...route, ...lists };
  });
}

function ownValues(route: object, key: string): readonly unknown[] {
  const own: unknown = Reflect.get(route, key);
  return Array.isArray(own) ? own : [];
}
