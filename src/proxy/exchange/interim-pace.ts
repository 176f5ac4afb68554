/** Interim responses that may come at once; nothing asks for more of them than one a second for long (docs/conformance.md, F14). */
const BURST = 32;
const PER_SECOND = 1;

/** Whether an origin's interim responses (1xx) come at a bearable pace: a bucket that holds a burst and empties with time. */
export class InterimPace {
  private level: number = 0;
  private levelAt: number;

  constructor(now: number) {
    this.levelAt = now;
  }

  /** One more has come, at `now` in milliseconds; false: too many too fast. */
  allows(now: number): boolean {
    this.level = Math.max(0, this.level - ((now - this.levelAt) * PER_SECOND) / 1000) + 1;
    this.levelAt = now;
    return this.level <= BURST;
  }
}
