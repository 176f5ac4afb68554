import { NO_ENDPOINT } from "./balancer.ts";
import type { Balancer, Choice } from "./balancer.ts";

/**
 * Chooses each endpoint in turn. After each choice the turn passes to the endpoint after the chosen one. So an endpoint that is down is
 * passed over, and its share spreads over all others instead of falling on its neighbour.
 */
export class RoundRobin implements Balancer {
  /** Position of the endpoint whose turn comes next. */
  private following: number;

  /**
   * @param count how many endpoints there are
   * @param start position to begin at, modulo `count`; each thread gives another one, so that they do not all begin with the same endpoint
   */
  constructor(count: number, start: number) {
    this.following = count === 0 ? 0 : start % count;
  }

  next(choice: Choice): number {
    const { count } = choice;
    let index = this.following;
    for (let tried = 0; tried < count; tried++) {
      const after = index + 1 === count ? 0 : index + 1;
      if (choice.usable(index)) {
        this.following = after;
        return index;
      }
      index = after;
    }
    return NO_ENDPOINT;
  }

  /** The next turn is that of the endpoint whose turn came first in the old order and that is still there. */
  takeOver(before: Balancer, positions: readonly number[]): void {
    if (!(before instanceof RoundRobin)) return;
    let earliest = Infinity;
    for (const [index, position] of positions.entries()) {
      if (position === NO_ENDPOINT) continue;
      // Endpoints before the old turn come after all others.
      const turn = position < before.following ? position + ENDPOINTS_MAX : position;
      if (turn > earliest) continue;
      earliest = turn;
      this.following = index;
    }
  }
}

/** More endpoints than an upstream can have. */
const ENDPOINTS_MAX = 2 ** 30;
