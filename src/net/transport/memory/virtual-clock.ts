/**
 * A clock for tests whose time passes only by `step`. Timers fire in the order of their times; timers with the same time in the order in
 * which they were set.
 */

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly isTick: boolean;
  readonly fire: () => void;
}

export class VirtualClock {
  /** Milliseconds since the clock was made. */
  nowMs: number = 0;
  /** Whether the timer that fired last was set by `every`. */
  wasTick: boolean = false;
  /** Sorted, the earliest last, so that the next timer can be popped. */
  private readonly timers: Timer[] = [];
  private order: number = 0;

  /** Calls `fire` after `ms` milliseconds. Returns a function that cancels the timer. */
  after(ms: number, fire: () => void): () => void {
    return this.set(ms, fire, false);
  }

  /** Calls `fire` every `ms` milliseconds. Returns a function that cancels the timer. */
  every(ms: number, fire: () => void): () => void {
    let cancel = (): void => {};
    const again = (): void => {
      const tick = (): void => {
        again();
        fire();
      };
      cancel = this.set(ms, tick, true);
    };
    again();
    return () => cancel();
  }

  /** When the next timer is due; Infinity: there is none. */
  get nextDueMs(): number {
    return this.timers.at(-1)?.dueMs ?? Infinity;
  }

  /** Moves to the next timer and fires it, if it is due by `limitMs`. Else moves to `limitMs` and returns false. */
  step(limitMs: number): boolean {
    const next = this.timers.at(-1);
    if (next === undefined || next.dueMs > limitMs) {
      this.nowMs = Math.max(this.nowMs, limitMs);
      return false;
    }
    this.timers.pop();
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    this.wasTick = next.isTick;
    next.fire();
    return true;
  }

  private set(ms: number, fire: () => void, isTick: boolean): () => void {
    const timer: Timer = { dueMs: this.nowMs + Math.max(0, ms), order: this.order++, isTick, fire };
    let at = this.timers.length;
    while (at > 0 && isEarlier(this.timers[at - 1], timer)) at--;
    this.timers.splice(at, 0, timer);
    return () => {
      const index = this.timers.indexOf(timer);
      if (index !== -1) this.timers.splice(index, 1);
    };
  }
}

function isEarlier(one: Timer | undefined, other: Timer): boolean {
  return one !== undefined && (one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order));
}
