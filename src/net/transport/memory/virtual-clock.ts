/** Time that passes only when it is told to. Timers fire in the order of their times, those of one time in the order in which they were set. */

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly isTick: boolean;
  readonly fire: () => void;
}

export class VirtualClock {
  /** Milliseconds since the clock was made. */
  nowMs: number = 0;
  /** The timer that fired last was one of `every`. */
  wasTick: boolean = false;
  /** Earliest last, so that the next one is popped. */
  private readonly timers: Timer[] = [];
  private order: number = 0;

  /** Calls `fire` in `ms` milliseconds, unless the returned function is called before. */
  after(ms: number, fire: () => void): () => void {
    return this.set(ms, fire, false);
  }

  /** Calls `fire` every `ms` milliseconds, until the returned function is called. */
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

  /** When the next timer is due; Infinity without one. */
  get nextDueMs(): number {
    return this.timers.at(-1)?.dueMs ?? Infinity;
  }

  /** Moves to the next timer, if that is due by `limitMs`, and fires it; else moves to `limitMs` and answers false. */
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
