/**
 * Runs a request of a feature's own (`ExchangeView.fetch`) as an exchange without a client. `Fetch` stands in for the client's connection:
 * it delivers the body that it was given, and collects the response.
 */
import { Buffer } from "node:buffer";
import { CallersMistake, messageOf } from "../../base/errors.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { buildRequestHead } from "../../http/build-head.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import { RequestHead } from "../../http/request-head.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { FetchFailure, FetchOptions, FetchRequest, FetchResult, HeadRequest, PlainRequest } from "../feature/fetch.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ClientFacts } from "../ports/client-facts.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { BackgroundClient } from "./background-client.ts";
import { Exchange } from "./exchange.ts";
import { GatheredBytes } from "./gathered-bytes.ts";

const TIMEOUT_MS = 10_000;
const BODY_BYTES_MAX = 1024 * 1024;

/** The client facts of an exchange that has no client. */
export const ITSELF: ClientFacts = {
  peer: "",
  client: "",
  trusted: false,
  secure: false,
  tls: null,
  certificateLines: "",
  ownAnswers: null,
  forwarded: null,
  unsafeFieldNames: "forward",
  forwardedPathFields: "forward",
  proxied: null,
};

function factsOf({ ofClient = "" }: FetchOptions): ClientFacts {
  return ofClient === "" ? ITSELF : { ...ITSELF, certificateLines: ofClient };
}

/**
 * Sends the request to an endpoint of the set. Resolves when the whole response is there or has failed. Rejects with a CallersMistake if the
 * request cannot be sent as it is.
 */
export async function fetchFrom(
  thread: ExchangeThread,
  set: EndpointSet,
  request: FetchRequest,
  options: FetchOptions = {},
): Promise<FetchResult> {
  // The caller may be in the middle of another exchange's event, with which this exchange would share its edits (scratch-edits.ts).
  await Promise.resolve();
  const sent = checkedFetch(request, options, set);
  return new Promise((resolve) => new Fetch(thread, sent, options, resolve).begin(set));
}

/**
 * The request as it is sent. Throws a CallersMistake if it cannot be: callers may be code without types, and a wrong request must not become a fault of the
 * connection that it is sent on.
 */
export function checkedRequest(request: FetchRequest, set: EndpointSet): HeadRequest {
  try {
    const sent = "head" in request ? request : withHead(request, set);
    if (!(sent.head instanceof RequestHead)) throw new TypeError("the head was not made with buildRequestHead");
    if (sent.body !== undefined && !Buffer.isBuffer(sent.body)) throw new TypeError("the body is neither a text nor a Buffer");
    return sent;
  } catch (error) {
    throw cannotBeSent(error);
  }
}

function cannotBeSent(error: unknown): CallersMistake {
  return new CallersMistake(`the request cannot be sent: ${messageOf(error)}`, { cause: error });
}

function checkedFetch(request: FetchRequest, options: FetchOptions, set: EndpointSet): HeadRequest {
  const sent = checkedRequest(request, set);
  try {
    const { timeoutMs = TIMEOUT_MS, bodyBytesMax = BODY_BYTES_MAX, signal } = options;
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) throw new TypeError("timeoutMs is no time");
    if (typeof bodyBytesMax !== "number" || !(bodyBytesMax >= 0)) throw new TypeError("bodyBytesMax is no number of bytes");
    if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError("the signal is no AbortSignal");
    return sent;
  } catch (error) {
    throw cannotBeSent(error);
  }
}

function withHead(request: PlainRequest, set: EndpointSet): HeadRequest {
  const { method = "GET", path, host = set.endpoints[0]?.authority ?? "", headers = [], body } = request;
  const fields = Symbol.iterator in headers ? headers : Object.entries(headers);
  const head = buildRequestHead({ method, target: path, authority: host }, fields);
  if (body === undefined) return { head };
  return { head, body: typeof body === "string" ? Buffer.from(body, "utf8") : body };
}

class Fetch extends BackgroundClient {
  private readonly thread: ExchangeThread;
  protected readonly exchange: Exchange;
  private readonly body: Buffer;
  private readonly options: FetchOptions;
  private readonly resolve: (result: FetchResult) => void;
  private readonly onAbort: () => void = () => this.fail("fetch_aborted");
  private head: ResponseHead | null = null;
  private readonly gathered: GatheredBytes = new GatheredBytes();
  private ended: boolean = false;
  private failure: FetchFailure | null = null;

  constructor(
    thread: ExchangeThread,
    { head, body = Buffer.alloc(0) }: HeadRequest,
    options: FetchOptions,
    resolve: (result: FetchResult) => void,
  ) {
    super(null);
    this.thread = thread;
    this.body = body;
    this.options = options;
    this.resolve = resolve;
    this.exchange = new Exchange(thread, this, head, body.length, connectionOptions(head), factsOf(options), "", thread.now);
  }

  begin(set: EndpointSet): void {
    const { signal, timeoutMs = TIMEOUT_MS } = this.options;
    if (signal?.aborted === true) return this.fail("fetch_aborted");
    signal?.addEventListener("abort", this.onAbort);
    this.thread.deadlines.set(this, this.thread.now + timeoutMs);
    this.exchange.beginAt(set);
  }

  override onDeadline(): void {
    this.fail("fetch_timeout");
  }

  private fail(failure: FetchFailure): void {
    this.failure ??= failure;
    this.giveUp();
  }

  // ---- ClientStream ---------------------------------------------------------------------------------------------------

  protected override requestBody(): Buffer {
    return this.body;
  }

  override respond(head: ResponseHead, _length: BodyLength): void {
    this.head = head.detach();
  }

  override answer({ reason }: LocalAnswer): void {
    this.failure ??= reason;
  }

  override data(bytes: Buffer, start: number, end: number): void {
    if (this.gathered.size + end - start > (this.options.bodyBytesMax ?? BODY_BYTES_MAX)) return this.fail("fetch_too_large");
    this.gathered.add(bytes, start, end);
  }

  override end(): void {
    this.ended = true;
  }

  override cut(): void {
    this.failure ??= this.exchange.outcome;
  }

  override exchangeFinished(): void {
    this.thread.deadlines.remove(this);
    this.options.signal?.removeEventListener("abort", this.onAbort);
    const { head, failure } = this;
    if (failure !== null || head === null || !this.ended) return this.resolve({ head: null, failure: failure ?? this.exchange.outcome });
    this.resolve({ head, body: this.gathered.bytes, failure: null });
  }
}
