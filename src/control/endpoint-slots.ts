/**
 * Which slot of the endpoint table belongs to which endpoint. An endpoint is its upstream's name and its URL: over a reload it keeps
 * its slot, and with it its health and its counts. The slot of an endpoint that is gone is given away only when no worker runs an
 * exchange under the old configuration any more, or the newcomer would inherit the old one's exchanges.
 */
export type SlotsByUpstream = Readonly<Record<string, readonly number[]>>;

export interface SlotSource {
  readonly upstreams: Readonly<Record<string, { readonly endpoints: readonly { readonly url: string }[] }>>;
}

export interface SlotPlan {
  /** Slots of every endpoint, by upstream name, in file order. */
  readonly slots: SlotsByUpstream;
  /** Slots whose endpoint is new. */
  readonly fresh: readonly number[];
  /** The configuration is in use: what it gave up is retired. Without it the plan has had no effect. */
  commit(): void;
}

export class EndpointSlots {
  private readonly capacity: number;
  private used: ReadonlyMap<string, number> = new Map();
  /** Slots that the configuration of `generation` gave up. */
  private retired: readonly { readonly slot: number; readonly generation: number }[] = [];
  /** Slots from here on were never used. */
  private next: number = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /**
   * Null when there are more endpoints than slots.
   * @param generation of this configuration
   * @param oldestGeneration that an exchange may still run under; Infinity: none
   */
  plan(config: SlotSource, generation: number, oldestGeneration: number): SlotPlan | null {
    const free = this.retired.filter((entry) => entry.generation <= oldestGeneration).map((entry) => entry.slot);
    let next = this.next;
    const used = new Map<string, number>();
    const fresh: number[] = [];
    const slots: Record<string, number[]> = {};
    for (const [name, upstream] of Object.entries(config.upstreams)) {
      slots[name] = endpointKeys(name, upstream.endpoints).map((key) => {
        let slot = this.used.get(key);
        if (slot === undefined) fresh.push((slot = free.pop() ?? next++));
        used.set(key, slot);
        return slot;
      });
    }
    if (next > this.capacity) return null;
    const commit = (): void => {
      const taken = new Set(used.values());
      const given = [...this.used.values()].filter((slot) => !taken.has(slot)).map((slot) => ({ slot, generation }));
      this.retired = [...this.retired.filter((entry) => !taken.has(entry.slot)), ...given];
      this.used = used;
      this.next = next;
    };
    return { slots, fresh, commit };
  }
}

/** The same URL twice in one upstream is two endpoints. NUL stands in neither part. */
function endpointKeys(upstream: string, endpoints: readonly { readonly url: string }[]): string[] {
  const seen = new Map<string, number>();
  return endpoints.map(({ url }) => {
    const count = seen.get(url) ?? 0;
    seen.set(url, count + 1);
    return `${upstream}\0${url}\0${count}`;
  });
}
