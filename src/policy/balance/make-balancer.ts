import type { Balancer } from "./balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/**
 * Makes the balancer for `balance: round_robin`; it looks at weights only when they differ.
 * @param weights one for each endpoint, in file order, 1 to 1,000 each
 * @param start the index of the thread, so that each thread begins at another endpoint
 */
export function makeBalancer(weights: readonly number[], start: number): Balancer {
  const allEqual = weights.every((weight) => weight === weights[0]);
  return allEqual ? new RoundRobin(weights.length, start) : new WeightedRoundRobin(weights, start);
}
