/** Largest burst of interim responses. Nothing that interim responses are used for needs more than one a second for long (docs/conformance.md, F14). */
const BURST = 32;
const PER_SECOND = 1;

/** Limits the rate of an endpoint's interim responses (1xx) to one exchange: a leaky bucket that holds `BURST` and leaks `PER_SECOND`. */
export class InterimPace {
  private level: number = 0;
  private levelAt: number;

  constructor(now: number) {
    this.levelAt = now;
  }

  /** Counts an interim response that came at `now`, in milliseconds. Returns false if there are too many. */
  allows(now: number): boolean {
    this.level = Math.max(0, this.level - ((now - this.levelAt) * PER_SECOND) / 1000) + 1;
    this.levelAt = now;
    return this.level <= BURST;
  }
}
