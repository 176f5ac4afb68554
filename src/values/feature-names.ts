/** What a feature shows to the outside under a name: in the access log, in the application log, and as metrics. Plain data. */
export interface FeatureNames {
  /** How an exchange ends that the feature answers: the answer's `reason`, with its status and what it means (`429: above the rate`). */
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
