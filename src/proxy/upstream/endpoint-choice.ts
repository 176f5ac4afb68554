import type { Choice } from "../../policy/balance/balancer.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import type { EndpointTable } from "../../shared/endpoint-table.ts";
import { KeyHash } from "../../shared/key-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoint-set.ts";

/** Without a seed: all threads must agree. Whoever finds clients that meet in one place only burdens the endpoint that serves them. */
const hash = new KeyHash(0, 0);

/**
 * The choice of an endpoint for an exchange. A thread has one, filled before each choice, which is made within one call: so none is allocated
 * for an exchange.
 */
export class EndpointChoice implements Choice {
  count: number = 0;
  /** At least 0 and below 1. */
  readonly random: () => number;
  private readonly table: EndpointTable;
  private endpoints: readonly Endpoint[] = [];
  private set: EndpointSet | null = null;
  private tried: readonly Endpoint[] | null = null;
  private client: string = "";
  private healthyOnly: boolean = false;

  constructor(table: EndpointTable, random: () => number) {
    this.table = table;
    this.random = random;
  }

  /**
   * From now on it is about that set.
   * @param tried endpoints that the exchange does not try again; null: none
   * @param client its address
   */
  among(set: EndpointSet, tried: readonly Endpoint[] | null, client: string): this {
    this.set = set;
    this.endpoints = set.endpoints;
    this.count = set.endpoints.length;
    this.tried = tried;
    this.client = client;
    return this;
  }

  /** One of the healthy endpoints; where none is left, one of those that have not passed a probe yet. */
  next(): Endpoint | null {
    const { set, endpoints } = this;
    if (set === null) return null;
    if (set.probed) {
      this.healthyOnly = true;
      const healthy = endpoints[set.balancer.next(this)];
      this.healthyOnly = false;
      if (healthy !== undefined) return healthy;
    }
    return endpoints[set.balancer.next(this)] ?? null;
  }

  /** Whether there is one to choose. */
  get isPossible(): boolean {
    for (let index = 0; index < this.count; index++) if (this.usable(index)) return true;
    return false;
  }

  usable(index: number): boolean {
    const endpoint = this.endpoints[index];
    if (endpoint === undefined) return false;
    const health = this.table.health(endpoint.slot);
    if (health !== ENDPOINT_HEALTH.healthy && (this.healthyOnly || health === ENDPOINT_HEALTH.unhealthy)) return false;
    return this.tried === null || !this.tried.includes(endpoint);
  }

  inFlight(index: number): number {
    const endpoint = this.endpoints[index];
    return endpoint === undefined ? 0 : this.table.inFlight(endpoint.slot);
  }

  key(): number {
    hash.update(this.client);
    return hash.low;
  }
}
