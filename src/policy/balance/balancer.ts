/** What a balancer may know of the endpoints at the moment of the choice. */
export interface Usable {
  /** Whether the endpoint at this position may be chosen: healthy, and not tried yet in this exchange. */
  usable(index: number): boolean;
}

export const NO_ENDPOINT = -1;

/**
 * Chooses an endpoint of one upstream by its position in the file. It yields candidates in order: asked again with the tried ones
 * excluded it gives the following candidate, so retry needs no second algorithm. Every thread has its own.
 */
export interface Balancer {
  /** The position of the endpoint, or NO_ENDPOINT when none is usable. */
  next(usable: Usable): number;
}
