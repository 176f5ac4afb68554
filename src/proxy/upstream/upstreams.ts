/**
 * All upstreams and endpoints of a thread. They outlive configurations: a reload keeps the objects, and so the connection pools, of every
 * upstream and endpoint that the new configuration still names.
 */
import type { Config } from "../../config/schema/schema.ts";
import type { ConfigureMessage } from "../../shared/protocol.ts";
import { upstreamTls } from "../../shared/upstream-tls.ts";
import type { SharedSession, TlsOfUpstreams, TlsSession, UpstreamMaterial } from "../../shared/upstream-tls.ts";
import { Endpoint } from "./endpoint.ts";
import { endpointSet } from "./endpoint-set.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { endpointSettings } from "./endpoint-settings.ts";
import type { EndpointSettings } from "./endpoint-settings.ts";
import { HeldExchanges } from "./held-exchanges.ts";
import { UpstreamGroup } from "./upstream-group.ts";

type UpstreamConfig = Config["upstreams"][string];
type Slots = ConfigureMessage["endpointSlots"];

/** The upstreams that a new configuration needs. Prepared first, and brought into use only if the whole configuration can be used. */
export interface UpstreamsPlan {
  /** All upstreams of the new configuration by name. Upstreams that exist already keep their old set of endpoints until `apply`. */
  readonly groups: ReadonlyMap<string, UpstreamGroup>;
  /** Brings the new sets into use. */
  apply(): void;
}

export class Upstreams {
  /** Where new balancers begin; each thread has another start. */
  private readonly start: number;
  private readonly onSession: (endpoint: Endpoint, session: TlsSession) => void;
  private materials: ReadonlyMap<string, UpstreamMaterial> = new Map();
  private groups: ReadonlyMap<string, UpstreamGroup> = new Map();
  private bySlot: ReadonlyMap<number, Endpoint> = new Map();

  /** @param onSession called with each TLS session that an endpoint has offered and that may be resumed */
  constructor(start: number, onSession: (endpoint: Endpoint, session: TlsSession) => void = () => {}) {
    this.start = start;
    this.onSession = onSession;
  }

  /** Sets what the files hold that upstreams name. Returns whether anything has changed: then the configuration in use is to be planned again. */
  useFiles(files: TlsOfUpstreams): boolean {
    const before = this.materials;
    this.materials = new Map(files);
    return before.size !== files.length || files.some(([key, { id }]) => before.get(key)?.id !== id);
  }

  /** Takes a session that another thread has got. Returns the endpoint that may resume it from now on; null: it is of no use here. */
  takeSession({ slot, url, tls, session }: SharedSession, nowEpochMs: number): Endpoint | null {
    const endpoint = this.bySlot.get(slot);
    if (endpoint === undefined || endpoint.url !== url || endpoint.settings.tls.id !== tls) return null;
    // Its own one is as good.
    if (endpoint.session === null || endpoint.session.usableUntilMs <= nowEpochMs) endpoint.session = session;
    return endpoint;
  }

  /**
   * Prepares the upstreams of a configuration; changes nothing before `apply`. Throws if the files of an upstream are not known.
   * @param slots row in the endpoint table for each endpoint, by the name of the upstream
   */
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
    const read = endpointSettings(config, upstreamTls(config.tls, this.materials));
    const settings = before !== null && before.settings.key === read.key ? before.settings : read;
    const endpoints = config.endpoints.map(({ url }, position) => {
      const slot = slots[position];
      if (slot === undefined) throw new RangeError(`${url} of ${name} has no slot`);
      return this.endpoint(name, url, slot, position, settings);
    });
    const weights = config.endpoints.map(({ weight }) => weight);
    const facts = {
      probed: config.health_check !== undefined,
      retries: config.retries,
      weights,
      settings,
      held: before?.held ?? new HeldExchanges(),
    };
    return endpointSet(endpoints, facts, before, this.start);
  }

  /** The endpoint that has this slot already, or a new one. A slot may have belonged to another endpoint before. */
  private endpoint(upstream: string, url: string, slot: number, position: number, settings: EndpointSettings): Endpoint {
    const known = this.bySlot.get(slot);
    if (known !== undefined && known.upstream === upstream && known.url === url) return known;
    return new Endpoint(upstream, url, slot, position, settings, this.onSession);
  }
}
