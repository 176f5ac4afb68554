/**
 * The endpoints of one upstream under one configuration, with the balancer that chooses among them. Immutable except for the state of the
 * balancer. A reload makes a new set; an exchange keeps the set that it began with, so that positions in the set stay valid for it.
 */
import { makeBalancer } from "../../policy/balance/make-balancer.ts";
import { NO_ENDPOINT } from "../../policy/balance/balancer.ts";
import type { Balancer } from "../../policy/balance/balancer.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";
import type { HeldExchanges } from "./held-exchanges.ts";

export interface EndpointSet {
  /** In file order. */
  readonly endpoints: readonly Endpoint[];
  readonly balancer: Balancer;
  /** Whether the upstream has a health check. Without one its endpoints never become healthy or unhealthy. */
  readonly probed: boolean;
  /** How many further attempts an exchange may make after a failed one. */
  readonly retries: number;
  /** Weight of each endpoint, in file order. */
  readonly weights: readonly number[];
  readonly settings: EndpointSettings;
  /** Exchanges that wait for an endpoint to come up. The same object for all sets of the upstream. */
  readonly held: HeldExchanges;
}

/** What the configuration says about an upstream, apart from its endpoints. */
export type SetFacts = Pick<EndpointSet, "probed" | "retries" | "weights" | "settings" | "held">;

/**
 * Makes the set for a new configuration. Returns `before` itself if nothing has changed.
 * @param before the upstream's current set, whose balancer's state is taken over; null: the upstream is new
 * @param start where a new balancer begins; each thread has another start, so that threads do not choose the same endpoint at once
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

/** Position of the endpoint in that set; -1: it is not in it. */
export function positionIn({ endpoints }: EndpointSet, endpoint: Endpoint): number {
  const { position } = endpoint;
  return endpoints[position] === endpoint ? position : endpoints.indexOf(endpoint);
}

/** For each endpoint its position in the list `before`, or NO_ENDPOINT. */
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
