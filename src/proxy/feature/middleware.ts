/**
 * What a feature implements: a `Middleware`, whose hooks the exchange calls at fixed points of its life. A middleware is built once for a
 * route, with the snapshot. All hooks are optional, and a hook that returns a plain value costs no promise. The order of a route's
 * middleware is fixed in features/registry.ts; the order of keys in the configuration has no effect.
 *
 * A middleware that refuses a part of the paths and marks every response of the route:
 *
 * ```ts
 * const closedShop: Middleware = {
 *   name: "closed-shop",
 *   onRequest: ({ request }) => (request.path.startsWith("/shop/") ? answer(503, "closed_shop", "The shop opens at nine.") : null),
 *   onResponse: (_exchange, response) => response.set("X-Robots-Tag", "noindex"),
 * };
 * ```
 */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { RequestChanges, ResponseChanges } from "../../http/head-edits.ts";
import type { ClientPlace } from "../../policy/geoip/client-place.ts";
import type { TokenUse } from "../../policy/tokens/token-use.ts";
import type { Failure } from "../exchange/failure.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "./fetch.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { Identity } from "../ports/identity.ts";
import type { ProxiedConnection } from "../ports/proxied-connection.ts";
import type { TlsFacts } from "../ports/tls-facts.ts";
import type { RelayOptions } from "./relay.ts";
import type { BodyStage } from "./body-stage.ts";
import type { ResponseHold } from "./response-hold.ts";
import type { ResponseSource } from "./response-source.ts";

export type { ClientPlace, TokenUse };

/** How a cache has dealt with a request. */
export type CacheResult = "cache_hits" | "cache_stale_hits" | "cache_revalidated" | "cache_misses" | "cache_bypassed";

/** What a hook sees of its exchange: one request and its response. The same object in every hook of the exchange. */
export interface ExchangeView {
  /** The request's head. Valid until the exchange has finished; `detach()` gives a copy to keep. */
  readonly request: RequestHead;
  /** The client's address without port: behind a proxy of `trusted_proxies`, the address that this proxy tells. */
  readonly client: string;
  /** `http` or `https`: how the client sent the request, as far as trusted proxies tell it. */
  readonly scheme: "http" | "https";
  /**
   * Host and port that the client asked for, as far as trusted proxies tell it; "": it named none.
   * @internal
   */
  readonly authority: string;
  /**
   * The TLS connection of the client, or of the trusted proxy in front, with the verified certificate that it has shown. Null: the connection is
   * not encrypted, or ends in the program around the proxy.
   */
  readonly tls: TlsFacts | null;
  /**
   * What a load balancer has said of the client's connection in the PROXY protocol: addresses with ports, and the client's TLS where it ends there.
   * Null: the listener has no `proxy_protocol`.
   */
  readonly proxied: ProxiedConnection | null;
  /** Name of the route; "": no route took the request. */
  readonly routeName: string;
  /**
   * Host and port in the URL of the endpoint of the current or last attempt, as `Host` names them: without the port that the scheme has by
   * default. "": none was chosen yet.
   */
  readonly endpointAuthority: string;
  /** URL of that endpoint, as configured; "": none was chosen yet. */
  readonly endpointUrl: string;
  /**
   * The request's id: what a believed `X-Request-Id` says (`request_id` of the configuration), else a new UUID of version 7. It is made when it is
   * first read, and stays the same for the whole exchange. It goes into the access log and into the proxy's own answers.
   */
  readonly requestId: string;
  /**
   * Gives the request that id in the place of a new one.
   * @internal
   */
  identify(requestId: string): void;
  /**
   * Length of the request's body as received: 0 for none, -1 where it is not known beforehand.
   * @internal
   */
  readonly requestLength: BodyLength;
  /**
   * How many bytes of the body `collectBody` has got so far. -1: there is no exchange whose body could be collected.
   * @internal
   */
  readonly collectedBytes: number;
  /**
   * What is wrong with the request or the response; "": nothing that anybody has noted.
   * @internal
   */
  readonly fault: string;
  /**
   * What the cache of the route has said of the request; "": nothing.
   * @internal
   */
  readonly cached: string;
  /**
   * Says in a few words what is wrong with the request or the response, for the access log. Nothing of it may be the client's own text.
   * @internal
   */
  noteFault(fault: string): void;
  /**
   * Says how the cache of the route has dealt with the request: counts it, and `told` goes to the access log.
   * @internal
   */
  noteCache(result: CacheResult, told: string): void;
  /** Who the client is; null: the route has no `authentication`, it has not been asked yet, or it lets clients in that it does not know. */
  readonly identity: Identity | null;
  /**
   * Says who the client is.
   * @internal
   */
  authenticate(identity: Identity): void;
  /** Where the client is, as the databases of the route's `access` say. Null: it has none, or has not been asked yet. */
  readonly place: ClientPlace | null;
  /**
   * Says where the client is.
   * @internal
   */
  locate(place: ClientPlace): void;
  /**
   * Whether the connection's other end is one of `trusted_proxies`.
   * @internal
   */
  readonly peerTrusted: boolean;
  /** What a group of the route's `path_regex` has matched, by name or number; "" when there is no such group, or it has matched nothing. */
  pathGroup(name: string): string;
  /**
   * The exchange whose request this one sends a copy of (`mirror` of the route); null: it sends no copy. Of a middleware's hooks only
   * `onUpstreamRequest` is called for copies.
   */
  readonly original?: ExchangeView | null;
  /** When the exchange began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /**
   * Aborted when the exchange ends for whatever reason: completed, the client has left, a hook took too long. Made when it is first read.
   */
  readonly signal: AbortSignal;
  /**
   * Collects the request's whole body, for `onRequest` and `source` only. The body is still sent to the endpoint or the source afterwards,
   * so do not change the bytes. Null: the body is larger than `bytesMax`, all held bodies together would exceed `limits.buffered_bytes`, the client did
   * not send the whole body (the exchange ends), or an endpoint or source was already chosen. The client's time limits hold while the body
   * arrives; the ten seconds of the hook begin when the wait for the body is over.
   */
  collectBody(bytesMax: number): Promise<Buffer | null>;
  /**
   * Sends a request of the middleware's own to the upstream with that name, and collects the whole response. Ends with the exchange unless
   * `options` has another signal. Rejects with a TypeError if the request cannot be sent as it is; every other failure is a value, see
   * {@link FetchResult}.
   */
  fetch(upstream: string, request: FetchRequest, options?: FetchOptions): Promise<FetchResult>;
  /**
   * A source that sends a request of the middleware's own to the upstream with that name and answers with its response, which streams to the client: for
   * `source` and `onUpstreamResponse`. The time limits are those of the upstream. Fields of the client's request are sent only as far as `request` has them.
   * Where no endpoint responds, the client gets the proxy's answer for that. Throws a TypeError if there is no such upstream, or the request cannot be sent
   * as it is.
   */
  relay(upstream: string, request: FetchRequest, options?: RelayOptions): ResponseSource;
  /**
   * Sends the request, which has no body, to the route's upstream once more, soon, whatever becomes of this exchange. All middleware edit it; the hooks of its response and of its
   * end are called for `asker` only.
   * @param begun called at once with that exchange
   * @internal
   */
  refresh(asker: Middleware, begun: (exchange: ExchangeView) => void): void;
}

/** An exchange that has ended, with the facts that go to the access log and the metrics. */
export interface FinishedExchange extends ExchangeView {
  /** Status that the client got. 499: the client left before it got one. 101: the connection became a tunnel. */
  readonly status: number;
  /** `completed`, or why the exchange ended otherwise; docs/observability.md lists the values. */
  readonly outcome: string;
  /** How many attempts at endpoints were made. */
  readonly attempts: number;
  /** Milliseconds from the request's first byte to the end of the exchange. */
  readonly durationMs: number;
  /** Milliseconds from the request's first byte to the head of the endpoint's response; -1: no endpoint responded. */
  readonly originHeadMs: number;
  /** Bytes of the request, including the head. */
  readonly bytesReceived: number;
  /** Bytes of the response, including heads. */
  readonly bytesSent: number;
  /** What the exchange has cost in tokens of a language model. Null: nothing, or the route has no `token_limit`. */
  readonly tokens: TokenUse | null;
  /**
   * Says what it has cost.
   * @internal
   */
  spend(tokens: TokenUse): void;
}

/** The result of an attempt at an endpoint: the head of its response, or why there is none. */
export type UpstreamResult = { readonly head: ResponseHead; readonly failure: null } | { readonly head: null; readonly failure: Failure };

/**
 * The hooks of a middleware, in the order in which an exchange reaches them. Where several middleware have the same hook, each
 * is called in turn. When a hook throws or rejects, the application log names the middleware, and the client gets a 500. Only an error in
 * `onFinish`, or in `onResponse` for an answer of the proxy's own, changes nothing for the client.
 */
export interface ExchangeHooks {
  /**
   * Admits or answers the request; nothing has been sent upstream. Null: the request goes on. A {@link LocalAnswer}: the client gets that,
   * and the exchange ends. If a promise has not settled after ten seconds, the client gets a 504 and `signal` is aborted. To keep a value
   * for later hooks use an {@link ExchangeState}.
   */
  onRequest?(exchange: ExchangeView): LocalAnswer | null | Promise<LocalAnswer | null>;
  /**
   * Called when every `onRequest` has admitted the request. A {@link ResponseSource} answers in place of an endpoint. Null: the next
   * middleware is asked, and after the last one an endpoint is. The time limit is that of `onRequest`.
   */
  source?(exchange: ExchangeView): ResponseSource | null | Promise<ResponseSource | null>;
  /**
   * Called before each attempt at an endpoint: edits fields, method, target and Host of the request that is sent. Each attempt begins
   * without edits. A returned {@link BodyStage} transforms the request's body; it is ignored if there is no body. Several stages transform
   * the body one after the other, in the order of the middleware.
   */
  onUpstreamRequest?(exchange: ExchangeView, request: RequestChanges): BodyStage | null | void;
  /**
   * Called with the result of an attempt, before the client gets any of it: the head of a final response, or a failure that is not tried
   * again. Null: the next middleware is asked, and after the last one the result stands. A {@link ResponseSource} answers in its place.
   * `"retry"` asks another endpoint, if the request may be sent again and an endpoint is left; else, and after a failure, the result
   * stands. The first result that is not null decides.
   */
  onUpstreamResponse?(exchange: ExchangeView, result: UpstreamResult): "retry" | ResponseSource | null;
  /**
   * Called before the final response goes out: edits its fields, and the status of a response from an endpoint or a source. The `head` of
   * `response` is null for the proxy's own answers, which need edits too: a page can only read a 429 that has the CORS fields.
   *
   * A returned {@link BodyStage} transforms the body of a response that is not the proxy's own; several act in the order of the middleware.
   * The middleware must adapt the fields that describe the body (ETag, Content-Encoding, digests); the proxy writes its length. A response
   * without a body (to HEAD, with 204 or 304) passes no stage, but gets the same fields as one with a body.
   */
  onResponse?(exchange: ExchangeView, response: ResponseChanges): BodyStage | null | void;
  /** Called exactly once at the end of every exchange of the route, however it ends. */
  onFinish?(exchange: FinishedExchange): void;
}

/** The hooks of one feature or of one middleware of the user's, for one route. */
export interface Middleware extends ExchangeHooks {
  /** Name in logs and metrics. */
  readonly name: string;
  /**
   * Called before an answer of the proxy's own goes out, whether a middleware has given it or not. Returns the answer to send in its place; null: none.
   * Where several middleware have this hook, each gets what the one before has returned. Middleware at the top of the configuration also get the answers
   * to requests that no route takes. If the hook throws, the error goes to the application log.
   */
  onAnswer?(exchange: ExchangeView, answer: LocalAnswer): LocalAnswer | null;
  /**
   * Called with the head of a response that an endpoint has given and that nobody has turned down, before the client gets any of it. A
   * {@link LocalAnswer} goes to the client in its place; a {@link ResponseHold} has it held back until its body has come. The first result that is not
   * null decides. If the hook throws, the client gets a 500.
   * @internal
   */
  judgeResponse?(exchange: ExchangeView, head: ResponseHead): LocalAnswer | ResponseHold | null;
}
