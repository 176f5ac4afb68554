/** The upstreams of a thread and their endpoints, over all configurations. */
import type { Config } from "../../config/schema.ts";
import type { ConfigureMessage } from "../../shared/protocol.ts";
import { Endpoint } from "./endpoint.ts";
import { endpointSet } from "./endpoint-set.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { endpointSettings } from "./endpoint-settings.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";
import { UpstreamGroup } from "./upstream-group.ts";

type UpstreamConfig = Config["upstreams"][string];
type Slots = ConfigureMessage["endpointSlots"];

/** What a configuration will make of the upstreams. */
export interface UpstreamsPlan {
  /** All upstreams of the configuration by name. Those that are there already have their old sets up to `apply`. */
  readonly groups: ReadonlyMap<string, UpstreamGroup>;
  /** Brings it into use. */
  apply(): void;
}

export class Upstreams {
  /** Where balancers begin: threads take different ones. */
  private readonly start: number;
  private readonly readFile: (path: string) => string;
  private groups: ReadonlyMap<string, UpstreamGroup> = new Map();
  private bySlot: ReadonlyMap<number, Endpoint> = new Map();

  /** @param readFile text of a certificate file; it may throw */
  constructor(start: number, readFile: (path: string) => string) {
    this.start = start;
    this.readFile = readFile;
  }

  /** Changes nothing before `apply`. Throws where a file cannot be read. */
  plan(upstreams: Config["upstreams"], slots: Slots): UpstreamsPlan {
    const groups = new Map<string, UpstreamGroup>();
    const sets: (readonly [UpstreamGroup, EndpointSet])[] = [];
    for (const [name, upstream] of Object.entries(upstreams)) {
      const known = this.groups.get(name);
      const set = this.setOf(name, upstream, slots[name] ?? [], known?.set ?? null);
      const group = known ?? new UpstreamGroup(name, set);
      groups.set(name, group);
      sets.push([group, set]);
    }
    return { groups, apply: () => this.apply(groups, sets) };
  }

  private apply(groups: ReadonlyMap<string, UpstreamGroup>, sets: readonly (readonly [UpstreamGroup, EndpointSet])[]): void {
    const bySlot = new Map<number, Endpoint>();
    for (const [group, set] of sets) {
      group.set = set;
      for (const [position, endpoint] of set.endpoints.entries()) {
        endpoint.update(position, set.settings);
        bySlot.set(endpoint.slot, endpoint);
      }
    }
    this.groups = groups;
    this.bySlot = bySlot;
  }

  private setOf(name: string, config: UpstreamConfig, slots: readonly number[], before: EndpointSet | null): EndpointSet {
    const read = endpointSettings(config, this.readFile);
    const settings = before !== null && before.settings.key === read.key ? before.settings : read;
    const endpoints = config.endpoints.map(({ url }, position) => {
      const slot = slots[position];
      if (slot === undefined) throw new RangeError(`${url} of ${name} has no slot`);
      return this.endpoint(name, url, slot, position, settings);
    });
    const weights = config.endpoints.map(({ weight }) => weight);
    const facts = { probed: config.health_check !== undefined, retries: config.retries, weights, settings };
    return endpointSet(endpoints, facts, before, this.start);
  }

  /** The one that is there, or a new one. A slot may have been another endpoint's. */
  private endpoint(upstream: string, url: string, slot: number, position: number, settings: EndpointSettings): Endpoint {
    const known = this.bySlot.get(slot);
    if (known !== undefined && known.upstream === upstream && known.url === url) return known;
    return new Endpoint(upstream, url, slot, position, settings);
  }
}
