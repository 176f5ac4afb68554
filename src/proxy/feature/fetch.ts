/**
 * The arguments and the result of `ExchangeView.fetch`: a feature sends a request of its own to an upstream, for example to ask who a
 * token belongs to. The request has the same connection pools, balancing, retries and time limits as requests of clients.
 */
import type { Buffer } from "node:buffer";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";

export interface FetchRequest {
  /**
   * A head made with `buildRequestHead`, or a detached copy of another one. The request speaks for no client:
   * the proxy adds no fields such as X-Forwarded-For. The proxy writes the length of the body.
   */
  readonly head: RequestHead;
  /** Do not change these bytes before the promise has settled. */
  readonly body?: Buffer;
}

export interface FetchOptions {
  /** Milliseconds from the call to the end of the response. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Largest response body in bytes; a larger one fails with `fetch_too_large`. Default: 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Ends the request when aborted, with `fetch_aborted`. Default: the signal of the exchange. */
  readonly signal?: AbortSignal;
}

/**
 * Why there is no response: `fetch_timeout`, `fetch_aborted`, `fetch_too_large`, `no_upstream`, or an outcome listed in
 * docs/observability.md.
 */
export type FetchFailure = string;

/** The whole response, or why there is none. An error status such as 503 from the origin server is a response. */
export type FetchResult =
  | { readonly head: ResponseHead; readonly body: Buffer; readonly failure: null }
  | { readonly head: null; readonly failure: FetchFailure };
