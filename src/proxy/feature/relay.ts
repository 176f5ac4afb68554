/** The arguments of `ExchangeView.relay`: a feature answers a request with the response of another upstream, which streams to the client. */
import type { ResponseHead } from "../../http/response-head.ts";
import type { ResponseSource } from "./response-source.ts";

/** What may take the place of the response. */
export interface RelayOptions {
  /**
   * Called before the client gets anything, with the head of the response, or with null when there is none: no endpoint has answered. Returns a source that
   * answers in its place, such as another relay; null: the client gets what there is.
   */
  readonly otherwise?: (head: ResponseHead | null) => ResponseSource | null;
}
