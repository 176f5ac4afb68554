import type { Feature } from "./feature.ts";

/** The features of a list by when they act on a request; see {@link actingOrder}. */
export interface ActingOrder {
  /** Those that may refuse a request, and what stands between them. */
  readonly first: readonly Feature[];
  /** All others that act on the way to an upstream. */
  readonly second: readonly Feature[];
  /** Those that answer in place of an upstream. */
  readonly last: readonly Feature[];
}

/**
 * When features act: `first`, then what has to know the client (`Feature.forKnown`) of each feature, `second`, the user's own middleware, and `last`. Within
 * each part the order is that of the list.
 */
export function actingOrder(features: readonly Feature[]): ActingOrder {
  const acting = features.filter(({ facts }) => facts.endsRoute !== true);
  const end = acting.findLastIndex(({ facts }) => facts.guard) + 1;
  return { first: acting.slice(0, end), second: acting.slice(end), last: features.filter(({ facts }) => facts.endsRoute === true) };
}
