/** Watches how late the thread is in its work while something is compressed: the time by which a timer is late. */

import type { FineClock } from "../../proxy/feature/fine-clock.ts";

/** A timer is set that often. */
const EVERY_MS = 20;
/** How long it goes on after something was compressed. */
const WATCHED_MS = 1000;

type Clock = Pick<FineClock, "now" | "after">;

export class LoadGauge {
  /** Milliseconds by which the thread is late, smoothed: it rises at once, and falls slowly. */
  delayMs: number = 0;
  private readonly clock: Clock;
  private untilMs: number = 0;
  private isWatching: boolean = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Something is compressed. */
  touch(): void {
    this.untilMs = this.clock.now() + WATCHED_MS;
    if (this.isWatching) return;
    this.isWatching = true;
    this.watch();
  }

  private watch(): void {
    const { now, after } = this.clock;
    const dueMs = now() + EVERY_MS;
    after(EVERY_MS, () => {
      const lateMs = Math.max(0, now() - dueMs);
      this.delayMs = lateMs > this.delayMs ? lateMs : this.delayMs * 0.75 + lateMs * 0.25;
      if (now() < this.untilMs) return this.watch();
      this.isWatching = false;
      this.delayMs = 0;
    });
  }
}
