import type { Balancer } from "./balancer.ts";
import { RoundRobin } from "./round-robin.ts";
import { WeightedRoundRobin } from "./weighted-round-robin.ts";

/**
 * The balancer for `balance: round_robin`.
 * @param endpoints in file order; a weight is 1 to 1,000
 * @param start different for each thread: its index
 */
export function makeBalancer(endpoints: readonly { readonly weight: number }[], start: number): Balancer {
  const weights = endpoints.map((endpoint) => endpoint.weight);
  const allEqual = weights.every((weight) => weight === weights[0]);
  return allEqual ? new RoundRobin(weights.length, start) : new WeightedRoundRobin(weights, start);
}
