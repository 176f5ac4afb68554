import { DECLARED } from "../../features/declared.ts";
import type { FeatureDeclaration } from "../../values/declaration.ts";
import { at, warning } from "../../values/finding.ts";
import type { Finding } from "../../values/finding.ts";
import { ENDS } from "../schema/feature-keys.ts";

const features: readonly (readonly [key: string, declaration: FeatureDeclaration])[] = Object.entries(DECLARED);

/** The keys that lead requests to upstreams. */
const LEADING = ["upstream", "split"];
/** The keys that do something only on the way to an upstream, those of features apart. */
const ON_THE_WAY = ["upgrade", "mirror"];

/**
 * Warnings about keys that do something only where there is an upstream, in a route that answers by itself.
 * @param route as it is in the file, at position `index`
 */
export function idleFeatures(route: unknown, index: number): Finding[] {
  if (LEADING.some((key) => at(route, key) !== undefined) || ENDS.every((key) => at(route, key) === undefined)) return [];
  const end = ENDS.find((each) => at(route, each) !== undefined) ?? "";
  const idle = features.filter(([key, { needsUpstream }]) => at(route, key) !== undefined && needsUpstream?.(at(route, key), end) === true);
  return [...idle.map(([key]) => key), ...ON_THE_WAY.filter((key) => at(route, key) !== undefined)].map((key) =>
    warning(["routes", index, key], "the route answers by itself: nothing of it comes from an upstream or goes there", true),
  );
}
