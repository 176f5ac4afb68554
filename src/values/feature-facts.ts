/** What all threads know of a feature without its code. Plain data. */
export interface FeatureFacts {
  /**
   * Whether it keeps requests away. A path that origins may read in two ways is only taken by a route that has every guard of the other route
   * (policy/route/guards.ts); and a guard on a route that no request reaches is warned about.
   */
  readonly guard: boolean;
  /** How an exchange ends that the feature answers: the answer's `reason`, with its status and what it means (`429: above the rate.`). */
  readonly outcomes: Readonly<Record<string, string>>;
  readonly counters: Readonly<Record<string, FeatureCounter>>;
  /** Events of the application log, each with a sentence that says what it tells. */
  readonly events: Readonly<Record<string, string>>;
}

/** Counts the exchanges that end in certain outcomes. */
export interface FeatureCounter {
  /** `millrace_..._total`. */
  readonly metric: string;
  /** One sentence. */
  readonly help: string;
  /** Each is one of the feature's own. */
  readonly outcomes: readonly string[];
}
