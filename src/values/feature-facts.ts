/** Facts about a feature that all threads need and that do not require its code. Plain data. */
export interface FeatureFacts {
  /**
   * Whether the feature may refuse requests. Two things depend on it: a path that origin servers read in different ways is only taken by a
   * route that has every guard of the other route (policy/route/guards.ts), and `millrace check` warns of a guard that no request reaches.
   */
  readonly guard: boolean;
  /**
   * Whether the feature is what a route does with its requests, in the place of an upstream: a route has one such key or `upstream`. It acts
   * after all other middleware, the user's own included. Absent: no.
   */
  readonly endsRoute?: true;
  /**
   * Whether the feature acts after the user's own middleware, before what answers in the place of an upstream: it wants responses as the client is to get
   * them. Such a feature refuses no request in `onRequest`. Absent: no.
   */
  readonly afterOwn?: true;
  /** The answers that the feature gives itself: the answer's `reason`, with its status and meaning (`429: above the rate.`). */
  readonly outcomes: Readonly<Record<string, string>>;
  readonly counters: Readonly<Record<string, FeatureCounter>>;
  /** The feature's events in the application log, each with a sentence that says what it means. */
  readonly events: Readonly<Record<string, string>>;
}

/** A metric that counts the exchanges which end in certain outcomes, or what the feature itself counts (`FeatureContext.count`). */
export interface FeatureCounter {
  /** The metric's name, `millrace_..._total`. */
  readonly metric: string;
  /** One sentence for the scrape and the page of metrics. */
  readonly help: string;
  /** The outcomes that are counted, each a key of the feature's `outcomes`. None: the feature counts. */
  readonly outcomes: readonly string[];
}
