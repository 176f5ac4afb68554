/** Watches how late the thread is in its work while something is compressed: the time by which a timer is late. */

import type { FineClock } from "../../proxy/feature/fine-clock.ts";

/** A timer is set that often. */
const EVERY_MS = 20;
/** How much of a difference each timer takes over. If it fell as fast as it rises, all would be compressed and nothing, in turns. */
const RISE = 0.5;
const FALL = 0.05;
/** How long it goes on after something was compressed. */
const WATCHED_MS = 1000;

type Clock = Pick<FineClock, "now" | "after">;

export class LoadGauge {
  /** Milliseconds by which the thread is late, smoothed: it rises fast, and falls slowly. */
  delayMs: number = 0;
  /** What is left of the share of responses that is compressed. Less than one: the next response passes. */
  private credit: number = 1;
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

  /**
   * Whether the next response is to be compressed: all are up to half of the greatest delay, and from there on fewer and fewer, none at the greatest. A
   * thread that is late finds the share that it has time for.
   */
  admits(delayMaxMs: number): boolean {
    const share = Math.min(1, 2 - (2 * this.delayMs) / delayMaxMs);
    if (share <= 0) return false;
    this.credit = Math.min(2, this.credit + share);
    if (this.credit < 1) return false;
    this.credit -= 1;
    return true;
  }

  private watch(): void {
    const { now, after } = this.clock;
    const dueMs = now() + EVERY_MS;
    after(EVERY_MS, () => {
      const lateMs = Math.max(0, now() - dueMs);
      this.delayMs += (lateMs - this.delayMs) * (lateMs > this.delayMs ? RISE : FALL);
      if (now() < this.untilMs) return this.watch();
      this.isWatching = false;
      this.delayMs = 0;
    });
  }
}
