/** What `explain` gives. Apart from explanation.ts, because these types are public and need nothing of the proxy. */

/** What the proxy would do with a request. */
export interface Explanation {
  /** The route that takes the request. Null: none does, or the proxy answers before it looks for one. */
  readonly route: ExplainedRoute | null;
  /** All routes in the order of the configuration, each with the reason why it takes the request or does not. */
  readonly routes: readonly ExplainedRoute[];
  /** The names of the route's middleware, in the order in which they act. */
  readonly middleware: readonly string[];
  /**
   * The name of the upstream that gets the request; of a route that splits its requests by chance, the upstream with the greatest share. Null: the
   * proxy itself answers.
   */
  readonly upstream: string | null;
  /** The upstreams among which the route splits its requests; none where it does not. */
  readonly split: readonly ExplainedSide[];
  /** The upstream's endpoints. */
  readonly endpoints: readonly { readonly url: string; readonly weight: number }[];
  /** The status of the proxy's own answer. Null: an endpoint answers. */
  readonly status: number | null;
  /** The explanation as the command prints it. Values that may be secrets are hidden. */
  readonly lines: readonly string[];
}

/** A route of the configuration, and why it takes a request or does not. */
export interface ExplainedRoute {
  /** Position in the configuration, from 0. */
  readonly index: number;
  /** The route's name in logs and metrics. */
  readonly label: string;
  /** Whether the route takes the request. */
  readonly matched: boolean;
  /** A sentence without a full stop. */
  readonly why: string;
}

/** One of the upstreams among which a route splits its requests. */
export interface ExplainedSide {
  /** The upstream's name. */
  readonly upstream: string;
  /** The part of all requests that it gets, from 0 to 1. */
  readonly share: number;
  /** Whether it gets the request, as far as that is no matter of chance. */
  readonly taken: boolean;
}
