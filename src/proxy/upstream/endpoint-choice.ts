import type { Choice } from "../../policy/balance/balancer.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import type { EndpointTable } from "../../shared/endpoint-table.ts";
import { KeyHash } from "../../shared/key-hash.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointSet } from "./endpoint-set.ts";

/**
 * Hashes client addresses. No seed, because all threads must choose the same endpoint for a client. Somebody who finds addresses with equal
 * hashes only burdens the endpoint that serves them.
 */
const hash = new KeyHash(0, 0);

/**
 * What a balancer sees when it chooses an endpoint for an exchange. A thread has one object, filled by `among` before each choice and used
 * within the same call, so that an exchange allocates none.
 */
export class EndpointChoice implements Choice {
  count: number = 0;
  /** Returns a random number, at least 0 and below 1. */
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
   * Prepares the choice for an exchange.
   * @param tried endpoints that the exchange has tried and must not get again; null: none
   * @param client address of the exchange's client
   */
  among(set: EndpointSet, tried: readonly Endpoint[] | null, client: string): this {
    this.set = set;
    this.endpoints = set.endpoints;
    this.count = set.endpoints.length;
    this.tried = tried;
    this.client = client;
    return this;
  }

  /** Chooses a healthy endpoint; if none is left, one that no probe has judged yet; null: none can be used. */
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

  /** Whether `next` would return an endpoint. */
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
