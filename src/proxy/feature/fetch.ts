/**
 * The arguments and the result of `ExchangeView.fetch`: a feature sends a request of its own to an upstream, for example to ask who a
 * token belongs to. The request has the same connection pools, balancing, retries and time limits as requests of clients.
 */
import type { Buffer } from "node:buffer";
import type { Fields } from "../../http/build-head.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";

/**
 * A request of the proxy's own. It speaks for no client: the proxy adds no fields such as X-Forwarded-For. The proxy writes the length of
 * the body. The promise rejects with a TypeError if the request cannot be sent as it is.
 */
export type FetchRequest = PlainRequest | HeadRequest;

/** A request by its parts. */
export interface PlainRequest {
  /** Default: GET. */
  readonly method?: string;
  /** Path and query, beginning with "/". */
  readonly path: string;
  /** Value of Host. Default: host and port of the upstream's first endpoint. */
  readonly host?: string;
  /** Field lines. Names keep their spelling. A value is latin1: one character per byte. */
  readonly headers?: Readonly<Record<string, string>> | Fields;
  /** A text is sent in UTF-8. Do not change bytes before the promise has settled. */
  readonly body?: Buffer | string;
}

/** A request by its head. */
export interface HeadRequest {
  /** A head made with `buildRequestHead`, or a detached copy of another one. */
  readonly head: RequestHead;
  /** Do not change these bytes before the promise has settled. */
  readonly body?: Buffer;
}

/** Limits of a request of the proxy's own. */
export interface FetchOptions {
  /** Milliseconds from the call to the end of the response. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Largest response body in bytes; a larger one fails with `fetch_too_large`. Default: 1 MiB. */
  readonly bodyBytesMax?: number;
  /** Ends the request when aborted, with `fetch_aborted`. Default: the signal of the exchange. */
  readonly signal?: AbortSignal;
  /**
   * Field lines that say for which client the request is, such as X-Forwarded-For: made by the caller, because such fields of a head are not sent.
   * @internal
   */
  readonly ofClient?: string;
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
