import type { Balancer } from "./balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/**
 * The balancer for `balance: round_robin`.
 * @param weights of the endpoints in file order, 1 to 1,000 each
 * @param start different for each thread: its index
 */
export function makeBalancer(weights: readonly number[], start: number): Balancer {
  const allEqual = weights.every((weight) => weight === weights[0]);
  return allEqual ? new RoundRobin(weights.length, start) : new WeightedRoundRobin(weights, start);
}
