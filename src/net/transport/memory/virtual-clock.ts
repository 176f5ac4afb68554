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
    const tick = (): void => {
      cancel = this.set(ms, tick, true);
      fire();
    };
    cancel = this.set(ms, tick, true);
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
    const { timers } = this;
    let at = timers.length;
    timers.push(timer);
    for (; at > 0; at--) {
      const before = timers[at - 1] as Timer;
      if (!isEarlier(before, timer)) break;
      timers[at] = before;
    }
    timers[at] = timer;
    return () => {
      const index = this.timers.indexOf(timer);
      if (index !== -1) this.timers.splice(index, 1);
    };
  }
}

function isEarlier(one: Timer, other: Timer): boolean {
  return one.dueMs < other.dueMs || (one.dueMs === other.dueMs && one.order < other.order);
}
