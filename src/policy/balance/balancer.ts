/** What a balancer may know at the moment of a choice. */
export interface Choice {
  /** How many endpoints there are: their positions are 0 and up. */
  readonly count: number;
  /** Whether the endpoint at this position may be chosen: healthy, and not tried yet in this exchange. */
  usable(index: number): boolean;
  /** Exchanges that all threads together have in flight at the endpoint. */
  inFlight(index: number): number;
  /** The same unsigned 32-bit number for every request of one client. */
  key(): number;
  /** At least 0 and below 1. */
  random(): number;
}

export const NO_ENDPOINT = -1;

/**
 * Chooses an endpoint of one upstream by its position in the file. It yields candidates in order: asked again with the tried ones
 * excluded it gives the following candidate, so retry needs no second algorithm. Every thread has its own.
 */
export interface Balancer {
  /** The position of the endpoint, or NO_ENDPOINT when none is usable. */
  next(choice: Choice): number;
  /**
   * Goes on where the balancer of the same upstream was before its endpoints changed. To be called before the first choice.
   * @param positions of each endpoint of this one: its position in the other one; NO_ENDPOINT: it was not there
   */
  takeOver(before: Balancer, positions: readonly number[]): void;
}
