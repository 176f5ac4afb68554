import { NO_ENDPOINT } from "./balancer.ts";
import type { Balancer, Usable } from "./balancer.ts";

/**
 * Each endpoint in turn. The turn goes on behind the endpoint that was chosen, not behind the one whose turn it was: so the share of
 * an endpoint that is down spreads over all others instead of falling on its neighbour.
 */
export class RoundRobin implements Balancer {
  private readonly count: number;
  private following: number;

  /**
   * @param count how many endpoints there are
   * @param start where to begin; threads take different ones, so that they do not all begin with the same endpoint
   */
  constructor(count: number, start: number) {
    this.count = count;
    this.following = count === 0 ? 0 : start % count;
  }

  next(usable: Usable): number {
    const { count } = this;
    let index = this.following;
    for (let tried = 0; tried < count; tried++) {
      const after = index + 1 === count ? 0 : index + 1;
      if (usable.usable(index)) {
        this.following = after;
        return index;
      }
      index = after;
    }
    return NO_ENDPOINT;
  }
}
