/** What a balancer may know when it chooses an endpoint. */
export interface Choice {
  /** How many endpoints there are. Their positions begin at 0. */
  readonly count: number;
  /** Whether the endpoint at this position may be chosen: healthy, and not tried yet in this exchange. */
  usable(index: number): boolean;
  /** Exchanges that all threads together have in flight at the endpoint. */
  inFlight(index: number): number;
  /** The same unsigned 32-bit number for every request of one client. */
  key(): number;
  /** A random number, at least 0 and below 1. */
  random(): number;
}

/** In place of a position: there is no endpoint. */
export const NO_ENDPOINT = -1;

/**
 * Chooses an endpoint of one upstream; endpoints are named by their positions in the file. A balancer yields candidates in order: asked
 * again with the tried ones not usable it gives the next candidate, so retries need no second algorithm. Each thread has balancers of its
 * own.
 */
export interface Balancer {
  /** The position of the chosen endpoint, or NO_ENDPOINT when none is usable. */
  next(choice: Choice): number;
  /**
   * Goes on where `before`, the balancer of the same upstream with its previous endpoints, stopped. To be called before the first choice.
   * @param positions for each endpoint of this balancer its position in `before`; NO_ENDPOINT for a new endpoint
   */
  takeOver(before: Balancer, positions: readonly number[]): void;
}
