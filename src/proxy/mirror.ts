import type { Route } from "./snapshot.ts";
import type { UpstreamGroup } from "./upstream/upstream-group.ts";

/** The upstream that gets copies of a route's requests, with the limits for these copies. */
export interface Mirror {
  readonly upstream: UpstreamGroup;
  /** The part of the requests, from 0 to 1. */
  readonly share: number;
  /** Largest body of a request that is copied. */
  readonly bodyBytesMax: number;
  /** No copy is sent while the upstream has that many exchanges in flight. */
  readonly inFlightMax: number;
  /** The route as it is for the copies: only its edits of requests act. */
  readonly route: Route;
}
