/**
 * Assigns each endpoint a slot (a row) of the endpoint table in shared memory.
 *
 * An endpoint is identified by its upstream's name and its URL. It keeps its slot over a reload, and with the slot its health and its
 * counts. The slot of a removed endpoint is reused only when no worker runs an exchange under the old configuration any more:
 * otherwise those exchanges would be counted for the new endpoint.
 */

/** The slots of each upstream's endpoints, in file order, by the upstream's name. */
export type SlotsByUpstream = Readonly<Record<string, readonly number[]>>;

/** The part of a configuration that is read here. */
export interface SlotSource {
  readonly upstreams: Readonly<Record<string, { readonly endpoints: readonly { readonly url: string }[] }>>;
}

export interface SlotPlan {
  readonly slots: SlotsByUpstream;
  /** Slots of the new endpoints; the caller resets their rows. */
  readonly fresh: readonly number[];
  /** Call when the configuration is in use. It retires the slots of removed endpoints. A plan that is not committed has no effect. */
  commit(): void;
}

export class EndpointSlots {
  private readonly capacity: number;
  /** The slots in use, by endpoint key (see `endpointKeys`). */
  private used: ReadonlyMap<string, number> = new Map();
  /** Slots that are no longer used, each with the generation of the configuration that removed its endpoint. */
  private retired: readonly { readonly slot: number; readonly generation: number }[] = [];
  /** The first slot that was never used. */
  private next: number = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /**
   * Plans the slots of a new configuration. Null: there are more endpoints than slots.
   * @param generation number of the new configuration
   * @param oldestGeneration the oldest configuration that an exchange may still run under; Infinity: no exchange runs
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
      const removed = [...this.used.values()].filter((slot) => !taken.has(slot)).map((slot) => ({ slot, generation }));
      this.retired = [...this.retired.filter((entry) => !taken.has(entry.slot)), ...removed];
      this.used = used;
      this.next = next;
    };
    return { slots, fresh, commit };
  }
}

/** One key per endpoint. The same URL twice in one upstream makes two endpoints. Neither names nor URLs contain NUL. */
function endpointKeys(upstream: string, endpoints: readonly { readonly url: string }[]): string[] {
  const seen = new Map<string, number>();
  return endpoints.map(({ url }) => {
    const count = seen.get(url) ?? 0;
    seen.set(url, count + 1);
    return `${upstream}\0${url}\0${count}`;
  });
}
