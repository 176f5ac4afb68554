/**
 * Which slot of the worker table belongs to which listener. A listener is its address: over a reload it keeps its slot, and with it its
 * sockets, its connections and what is counted of them. The slot of a listener that is gone is given away only when its last connection
 * has ended, or the newcomer would inherit them.
 */
import { formatListenAddress, parseListenAddress } from "../base/listen-address.ts";
import type { Config } from "../config/schema.ts";

type Settings = Config["listeners"][number];

export interface PlacedListener {
  readonly slot: number;
  /** As the configuration writes it. */
  readonly address: string;
}

export interface NewListener extends PlacedListener {
  /** In the configuration. */
  readonly position: number;
  readonly settings: Settings;
}

export interface ListenerPlan {
  /** Slot of every listener, in file order. */
  readonly slots: readonly number[];
  readonly opened: readonly NewListener[];
  readonly closed: readonly PlacedListener[];
  /** The configuration is in use. Without it the plan has had no effect. */
  commit(): void;
}

export class ListenerSlots {
  private readonly capacity: number;
  private readonly isIdle: (slot: number) => boolean;
  private used: ReadonlyMap<string, PlacedListener> = new Map();

  /** @param isIdle whether no connection is left on that slot */
  constructor(capacity: number, isIdle: (slot: number) => boolean) {
    this.capacity = capacity;
    this.isIdle = isIdle;
  }

  /** Null when there are too few slots. */
  plan(listeners: readonly Settings[]): ListenerPlan | null {
    const keys = listenerKeys(listeners);
    const taken = new Set([...this.used.values()].map(({ slot }) => slot));
    const used = new Map<string, PlacedListener>();
    const opened: NewListener[] = [];
    for (const [position, settings] of listeners.entries()) {
      const key = keys[position] ?? "";
      const { address } = settings;
      const known = this.used.get(key);
      const slot = known?.slot ?? this.freeSlot(taken);
      if (slot === null) return null;
      taken.add(slot);
      used.set(key, { slot, address });
      if (known === undefined) opened.push({ slot, address, position, settings });
    }
    return {
      slots: [...used.values()].map(({ slot }) => slot),
      opened,
      closed: [...this.used].filter(([key]) => !used.has(key)).map(([, listener]) => listener),
      commit: () => void (this.used = used),
    };
  }

  private freeSlot(taken: ReadonlySet<number>): number | null {
    for (let slot = 0; slot < this.capacity; slot++) if (!taken.has(slot) && this.isIdle(slot)) return slot;
    return null;
  }
}

/** `*:80` and `:80` are written differently and mean the same. Port 0 twice is two listeners. NUL stands in no address. */
function listenerKeys(listeners: readonly Settings[]): string[] {
  const seen = new Map<string, number>();
  return listeners.map(({ address }) => {
    const parsed = parseListenAddress(address).address;
    const name = parsed === undefined ? address : formatListenAddress(parsed);
    const count = seen.get(name) ?? 0;
    seen.set(name, count + 1);
    return `${name}\0${count}`;
  });
}
