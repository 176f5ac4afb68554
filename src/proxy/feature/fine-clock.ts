/** A clock and timers of a thread that are exact to about a millisecond. */
export interface FineClock {
  /** Monotonic milliseconds at this very moment. */
  readonly now: () => number;
  /** Calls `then` once after that many milliseconds, until the returned function is called. */
  readonly after: (ms: number, then: () => void) => () => void;
  /** Calls `then` once, after what the current turn of the event loop has brought. */
  readonly atTurnEnd: (then: () => void) => void;
}

/** Where no time passes. */
export const NO_FINE_CLOCK: FineClock = { now: () => 0, after: () => () => {}, atTurnEnd: () => {} };
