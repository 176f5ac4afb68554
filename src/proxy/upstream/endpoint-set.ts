/**
 * The endpoints of an upstream as one configuration has them, and how one is chosen among them. Immutable but for the balancer's turn. An
 * exchange keeps the set that it began with: positions in it are those of its generation.
 */
import { makeBalancer } from "../../policy/balance/make-balancer.ts";
import { NO_ENDPOINT } from "../../policy/balance/balancer.ts";
import type { Balancer } from "../../policy/balance/balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";

export interface EndpointSet {
  /** In file order. */
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  /** The upstream has a health check, so that its endpoints become healthy or unhealthy. */
  readonly probed: boolean;
  /** Further attempts after a failed one. */
  readonly retries: number;
  readonly weights: readonly number[];
  readonly settings: EndpointSettings;
}

/** What the configuration says of a set, its endpoints apart. */
export type SetFacts = Pick<EndpointSet, "probed" | "retries" | "weights" | "settings">;

/**
 * @param before the upstream's set of now; null: it is new. What does not change is taken over.
 * @param start where a balancer begins; threads take different ones
 */
export function endpointSet(endpoints: readonly Endpoint[], facts: SetFacts, before: EndpointSet | null, start: number): EndpointSet {
  if (before !== null && isSameList(before, endpoints, facts.weights)) {
    const { probed, retries, settings } = facts;
    if (before.probed === probed && before.retries === retries && before.settings === settings) return before;
    return { ...before, probed, retries, settings };
  }
  const balancer = makeBalancer(facts.weights, start);
  if (before !== null) balancer.takeOver(before.balancer, positionsIn(before.endpoints, endpoints));
  return { endpoints, balancer, ...facts };
}

/** Position of an endpoint of that set. */
export function positionIn({ endpoints }: EndpointSet, endpoint: Endpoint): number {
  const { position } = endpoint;
  return endpoints[position] === endpoint ? position : endpoints.indexOf(endpoint);
}

/** Of each endpoint: where it was. */
function positionsIn(before: readonly Endpoint[], endpoints: readonly Endpoint[]): number[] {
  const positions = new Map(before.map((endpoint, position) => [endpoint, position]));
  return endpoints.map((endpoint) => positions.get(endpoint) ?? NO_ENDPOINT);
}

function isSameList(before: EndpointSet, endpoints: readonly Endpoint[], weights: readonly number[]): boolean {
  return (
    before.endpoints.length === endpoints.length &&
    endpoints.every((endpoint, index) => endpoint === before.endpoints[index] && weights[index] === before.weights[index])
  );
}
