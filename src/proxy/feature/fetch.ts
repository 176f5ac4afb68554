/** A request of the proxy's own to an upstream, for a feature: through the same pools, balancing, retries and time limits as a client's. */
import type { Buffer } from "node:buffer";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";

export interface FetchRequest {
  /**
   * As `buildRequestHead` makes it, or a copy of another one. It names nobody the proxy speaks for: fields such as X-Forwarded-For are there
   * if they are in it. The length of the body is said by the proxy.
   */
  readonly head: RequestHead;
  /** Nobody may change it until the promise has settled. */
  readonly body?: Buffer;
}

export interface FetchOptions {
  /** Time for all of it. Default: 10 s. */
  readonly timeoutMs?: number;
  /** Bytes of a response's body that are taken. Default: 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Aborted: nobody wants the response any more. */
  readonly signal?: AbortSignal;
}

/** Why there is no response: `fetch_timeout`, `fetch_aborted`, `fetch_too_large`, `no_upstream`, or an outcome of docs/observability.md. */
export type FetchFailure = string;

export type FetchResult =
  | { readonly head: ResponseHead; readonly body: Buffer; readonly failure: null }
  | { readonly head: null; readonly failure: FetchFailure };
