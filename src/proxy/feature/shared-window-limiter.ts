/**
 * Counts within an hour, a day or a month in a store that several machines share, as `SharedLimiter` does for buckets. Machines whose clocks differ count the
 * requests of that difference in different windows.
 */
import type { Window } from "../../policy/rate-limit/window-count.ts";
import type { DecidedBy } from "./shared-limiter.ts";
import type { SharedLimit, SharedStore, StoreAnswer } from "./shared-store.ts";
import type { Moment, WindowLimiter } from "./window-limiter.ts";

export interface WindowDecided {
  readonly by: DecidedBy;
  /** Null: nobody can say, and then nobody passes. */
  readonly isAllowed: boolean | null;
  /** How many were left before. */
  readonly left: number;
}

export class SharedWindowLimiter {
  private readonly local: WindowLimiter;
  private readonly id: string;
  private readonly store: SharedStore;

  /**
   * @param local the same limit as this process knows it
   * @param id as `local` has it
   */
  constructor(local: WindowLimiter, id: string, store: SharedStore) {
    this.local = local;
    this.id = `${id}\n${local.per}`;
    this.store = store;
  }

  /** Counts `cost` in that window. Never rejects, and settles within the store's `timeout`. */
  take(key: string, window: Window, moment: Moment, cost: number): WindowDecided | Promise<WindowDecided> {
    const asked = this.store.take(this.nameOf(key, window), this.limit(window, moment), cost, 0);
    const decided = (answer: StoreAnswer | null): WindowDecided =>
      answer === null || answer.used === undefined
        ? this.alone(key, window, moment, cost)
        : this.learned(key, window, moment, answer.taken, answer.used);
    return asked instanceof Promise ? asked.then(decided) : decided(asked);
  }

  /** As `WindowLimiter.settle`. @param by who has counted the request */
  settle(key: string, window: Window, moment: Moment, count: number, by: DecidedBy): void {
    if (by === "nobody" || moment.epochMs >= window.endMs) return;
    this.local.settle(key, window, moment, count);
    if (by === "store") this.store.settle(this.nameOf(key, window), this.limit(window, moment), count);
  }

  private learned(key: string, window: Window, moment: Moment, taken: number, used: number): WindowDecided {
    this.local.learn(key, window, moment, used);
    return { by: "store", isAllowed: taken > 0, left: Math.max(0, this.local.max - used + taken) };
  }

  /** The store has not answered. */
  private alone(key: string, window: Window, moment: Moment, cost: number): WindowDecided {
    const { local } = this;
    switch (this.store.onFailure) {
      case "open":
        return { by: "nobody", isAllowed: true, left: 0 };
      case "closed":
        return { by: "nobody", isAllowed: null, left: 0 };
      case "local":
        return { by: "local", isAllowed: local.take(key, window, moment, cost), left: local.left };
    }
  }

  private nameOf(key: string, window: Window): string {
    return this.store.nameOf(this.id, `${window.name} ${key}`);
  }

  private limit({ endMs }: Window, { epochMs }: Moment): SharedLimit {
    const { max } = this.local;
    return { rate: { requests: max, windowSeconds: 1, burst: max }, debtMax: 0, isLeased: false, windowMs: Math.max(0, endMs - epochMs) };
  }
}
