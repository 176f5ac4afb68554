/** Makes the middleware of a route from its configuration. */
import { routeLabel } from "../config/checks/route-label.ts";
import type { RouteConfig } from "../config/schema/route-schema.ts";
import type { FeatureKey } from "../features/declared.ts";
import { actingOrder } from "./feature/acting-order.ts";
import { compileTemplate } from "./feature/compile-template.ts";
import type { Feature, FeatureContext, ThreadContext } from "./feature/feature.ts";
import type { Middleware } from "./feature/middleware.ts";

/** Middleware of features that was compiled for another side of the same route, with the values that it was compiled from. */
export type KnownMiddleware = Map<FeatureKey, { readonly config: unknown; readonly made: CompiledFeature }>;

/** The middleware of one feature; null: the route has none. */
interface CompiledFeature {
  readonly middleware: Middleware | null;
  readonly forKnown: Middleware | null;
}

const NOT_COMPILED: CompiledFeature = { middleware: null, forKnown: null };

/**
 * Compiles the middleware of a route, in the order in which they act: those of its features, the user's own, and the one that answers in place
 * of an upstream.
 */
export function routeMiddleware(
  route: RouteConfig,
  index: number,
  features: readonly Feature[],
  thread: ThreadContext,
  own: readonly Middleware[] = [],
  known: KnownMiddleware = new Map(),
): Middleware[] {
  const made = (feature: Feature): CompiledFeature => compileFeature(feature, route, index, thread, own, known);
  const { first, second, third, last } = actingOrder(features);
  return [
    ...first.map((feature) => made(feature).middleware),
    ...features.map((feature) => made(feature).forKnown),
    ...second.map((feature) => made(feature).middleware),
    ...own,
    ...third.map((feature) => made(feature).middleware),
    ...last.map((feature) => made(feature).middleware),
  ].filter((middleware) => middleware !== null);
}

function compileFeature<Key extends FeatureKey>(
  feature: Feature<Key>,
  route: RouteConfig,
  index: number,
  thread: ThreadContext,
  own: readonly Middleware[],
  known: KnownMiddleware,
): CompiledFeature {
  const config = route[feature.key];
  if (config === undefined) return NOT_COMPILED;
  const before = known.get(feature.key);
  if (before !== undefined && before.config === config && feature.perSide !== true) return before.made;
  const label = routeLabel(route, index);
  const names = route.split?.map(({ upstream }) => upstream).sort() ?? [route.upstream ?? ""];
  const upstream = names.join("\n");
  const key = (): string => `${label}\n${upstream}\n${JSON.stringify(route.match)}`;
  const isBeside = feature.beside !== undefined && own.includes(feature.beside.middleware);
  const context: FeatureContext = {
    ...thread,
    template: (text, isErrorPage) => compileTemplate(text, thread.environment, isErrorPage),
    route: { index, label, upstream, side: route.upstream ?? "", rewrite: route.rewrite, isBeside, key },
  };
  const { forKnown } = feature;
  const made = {
    middleware: feature.compile(config, context),
    forKnown: forKnown?.isIn(config) === true ? forKnown.compile(config, context) : null,
  };
  known.set(feature.key, { config, made });
  return made;
}
