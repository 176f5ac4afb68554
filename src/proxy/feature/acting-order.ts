import type { Feature } from "./feature.ts";

/** The features of a list by when they act on a request; see {@link actingOrder}. */
export interface ActingOrder {
  /** Those that may refuse a request, and what stands between them. */
  readonly first: readonly Feature[];
  /** All others that act on the way to an upstream. */
  readonly second: readonly Feature[];
  /** Those that want responses as the client is to get them, after the user's own middleware. */
  readonly third: readonly Feature[];
  /** Those that answer in place of an upstream. */
  readonly last: readonly Feature[];
}

/**
 * When features act: `first`, then what has to know the client (`Feature.forKnown`) of each feature, `second`, the user's own middleware, `third`, and `last`. Within
 * each part the order is that of the list.
 */
export function actingOrder(features: readonly Feature[]): ActingOrder {
  const isEnd = ({ facts }: Feature): boolean => facts.endsRoute === true;
  const isLate = ({ facts }: Feature): boolean => facts.afterOwn === true;
  const acting = features.filter((feature) => !isEnd(feature) && !isLate(feature));
  const end = acting.findLastIndex(({ facts }) => facts.guard) + 1;
  return { first: acting.slice(0, end), second: acting.slice(end), third: features.filter(isLate), last: features.filter(isEnd) };
}
