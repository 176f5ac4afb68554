/**
 * A middleware is a feature bound to phases of an exchange. It is built once with the snapshot; a hook that returns a plain
 * value costs no promise. The order of a route's middleware is fixed (features/registry.ts), never the file's order.
 */
import type { Buffer } from "node:buffer";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import type { Failure } from "../exchange/failure.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "./fetch.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { BodyStage } from "./body-stage.ts";
import type { ResponseSource } from "./response-source.ts";

/** What a hook may see of the exchange. */
export interface ExchangeView {
  /** Valid until the exchange has finished; `detach()` it to keep it longer. */
  readonly request: RequestHead;
  /** The client's address without port, after trusted_proxies was applied. */
  readonly client: string;
  /** Epoch milliseconds when the exchange began. */
  readonly startedAtMs: number;
  /** Aborted when the exchange is over, be it that its client has left or that a verdict took too long. Costs an object for who asks. */
  readonly signal: AbortSignal;
  /**
   * The request's whole body, for `onRequest` and `source`; whoever gets the request gets it still. Null: it is larger than that many
   * bytes, the process keeps too many already (64 MiB over all requests), or the client has not sent all of it, which ends the exchange.
   * The client's own limits of time hold until it has come, and only then the time of the middleware begins. Nobody may change the bytes.
   */
  collectBody(bytesMax: number): Promise<Buffer | null>;
  /**
   * Asks an upstream of the configuration, by its name, for the feature itself. The response is taken as a whole. Unless another signal is
   * given, the end of the exchange ends it too. Never rejects.
   */
  fetch(upstream: string, request: FetchRequest, options?: FetchOptions): Promise<FetchResult>;
}

/** An exchange that has ended, as the access log and the metrics see it. */
export interface FinishedExchange extends ExchangeView {
  /** What the client was answered; 499: it left before; 101: it got a tunnel. */
  readonly status: number;
  /** `completed`, or why it ended otherwise: docs/observability.md lists the words. */
  readonly outcome: string;
  /** Name of its route; "": none took it. */
  readonly routeName: string;
  /** The endpoint that was tried last; "": none was. */
  readonly endpointUrl: string;
  /** Attempts at endpoints. */
  readonly attempts: number;
  /** Milliseconds from the request's first byte to now. */
  readonly durationMs: number;
  /** Milliseconds from the request's first byte to the head of an endpoint's response; -1: there was none. */
  readonly originHeadMs: number;
  /** Of the request, its head included. */
  readonly bytesReceived: number;
  /** Of the response, heads included. */
  readonly bytesSent: number;
}

/** What came of an attempt: one of the two. */
export type UpstreamResult = { readonly head: ResponseHead; readonly failure: null } | { readonly head: null; readonly failure: Failure };

export interface Middleware {
  readonly name: string;
  /**
   * null: go on. An answer ends the exchange. A promise that has not settled after ten seconds is answered with 503, and `signal` is
   * aborted. For what later phases need of it: {@link ExchangeState}.
   */
  onRequest?(exchange: ExchangeView): LocalAnswer | null | Promise<LocalAnswer | null>;
  /** After every admission, before an endpoint is chosen: who answers instead of one; null: an endpoint does. A promise has the same time. */
  source?(exchange: ExchangeView): ResponseSource | null | Promise<ResponseSource | null>;
  /**
   * Edits the fields of the request that goes upstream, its method, its target and its Host; runs again for every attempt. A stage transforms its body on the way, and is not
   * asked for where there is none. With several stages a body passes them in the order of the middleware.
   */
  onUpstreamRequest?(exchange: ExchangeView, edits: RequestEdits): BodyStage | null | void;
  /**
   * What came of an attempt, before the client gets anything of it: the head of a final response, or a failure that is not tried again. A
   * source answers instead. `retry`: another endpoint is asked, where the request may be sent again and one is left; else the response
   * goes on as it is. The first one that says something is heard.
   */
  onUpstreamResponse?(exchange: ExchangeView, result: UpstreamResult): "retry" | ResponseSource | null;
  /**
   * Edits the fields of the final response, and the status of an origin's; the origin's and the proxy's own alike (a page may read a 429 only if it
   * carries the CORS fields). `response` is null for the proxy's own answers.
   *
   * A stage transforms the body of an origin's response on the way, in the order of the middleware; what the fields say of the body
   * (ETag, Content-Encoding, digests) is the middleware's to mend, its length is the proxy's. A response without a body (to HEAD, 204,
   * 304) passes no stage, and its fields are as if it did.
   */
  onResponse?(exchange: ExchangeView, response: ResponseHead | null, edits: ResponseEdits): BodyStage | null | void;
  /** Always, exactly once. */
  onFinish?(exchange: FinishedExchange): void;
}
