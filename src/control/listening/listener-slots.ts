/**
 * Assigns each listener a slot of the worker table in shared memory.
 *
 * A listener is identified by its address. It keeps its slot over a reload, and with the slot its sockets, its connections and their
 * counts. The slot of a removed listener is reused only after its last connection has ended: otherwise those connections would be
 * counted for the new listener.
 */
import { formatListenAddress, parseListenAddress } from "../../base/listen-address.ts";
import type { Config } from "../../config/schema/schema.ts";

type Settings = Config["listeners"][number];

export interface PlacedListener {
  readonly slot: number;
  /** As written in the configuration. */
  readonly address: string;
}

export interface NewListener extends PlacedListener {
  /** Index in the configuration's `listeners`. */
  readonly position: number;
  readonly settings: Settings;
}

export interface ListenerPlan {
  /** Slot of every listener, in file order. */
  readonly slots: readonly number[];
  /** Listeners that the configuration adds. */
  readonly opened: readonly NewListener[];
  /** Listeners that the configuration no longer has. */
  readonly closed: readonly PlacedListener[];
  /** Call when the configuration is in use. A plan that is not committed has no effect. */
  commit(): void;
}

export class ListenerSlots {
  private readonly capacity: number;
  private readonly isIdle: (slot: number) => boolean;
  /** The listeners of the configuration in use, by key (see `listenerKeys`). */
  private used: ReadonlyMap<string, PlacedListener> = new Map();

  /** @param isIdle whether the slot has no connection left */
  constructor(capacity: number, isIdle: (slot: number) => boolean) {
    this.capacity = capacity;
    this.isIdle = isIdle;
  }

  /**
   * How many slots a reload to this configuration needs at once. What it removes is closed only after what it adds is open, so both count.
   */
  needed(listeners: readonly Settings[]): number {
    return new Set([...this.used.keys(), ...listenerKeys(listeners)]).size;
  }

  /** Plans the slots of a new configuration. Null: there are too few slots. */
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

/** One key per listener. `*:80` and `:80` get the same key; port 0 twice makes two listeners. No address contains NUL. */
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
