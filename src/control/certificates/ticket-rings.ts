/** Ticket keys that the process makes itself, for each listener its own, and renews from time to time. */
import { newTicketKey } from "../../certificates/ticket-keys.ts";
import type { TicketKey } from "../../shared/listener-tls.ts";

interface Ring {
  /** The one in use, and the one before. */
  keys: readonly TicketKey[];
  rotateMs: number;
  madeAtMs: number;
}

export interface TicketRingsOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back after that many milliseconds; the returned function cancels the call. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Called when keys were renewed. */
  readonly renewed: () => void;
}

export class TicketRings {
  private readonly options: TicketRingsOptions;
  /** By slot of the listener. */
  private readonly rings: Map<number, Ring> = new Map();
  private cancel: (() => void) | null = null;

  constructor(options: TicketRingsOptions) {
    this.options = options;
  }

  /** The keys of a listener, the first of which encrypts. Makes them when they are first asked for. */
  keysOf(slot: number, rotateMs: number): readonly TicketKey[] {
    const known = this.rings.get(slot);
    const ring = known ?? { keys: [newTicketKey()], rotateMs, madeAtMs: this.options.now() };
    ring.rotateMs = rotateMs;
    this.rings.set(slot, ring);
    return ring.keys;
  }

  /** The listeners that have such keys now: those of others are forgotten. */
  keep(slots: ReadonlySet<number>): void {
    for (const slot of this.rings.keys()) if (!slots.has(slot)) this.rings.delete(slot);
    this.plan();
  }

  stop(): void {
    this.rings.clear();
    this.plan();
  }

  private plan(): void {
    this.cancel?.();
    this.cancel = null;
    if (this.rings.size === 0) return;
    const dueAtMs = Math.min(...[...this.rings.values()].map(({ madeAtMs, rotateMs }) => madeAtMs + rotateMs));
    this.cancel = this.options.after(Math.max(0, dueAtMs - this.options.now()), () => {
      this.cancel = null;
      this.renew();
      this.plan();
    });
  }

  private renew(): void {
    const now = this.options.now();
    for (const ring of this.rings.values()) {
      if (now - ring.madeAtMs < ring.rotateMs) continue;
      ring.keys = [newTicketKey(), ...ring.keys.slice(0, 1)];
      ring.madeAtMs = now;
    }
    this.options.renewed();
  }
}
