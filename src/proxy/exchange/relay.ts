/**
 * Answers a request with the response of another upstream (`ExchangeView.relay`). The request to it is an exchange without a client, and `Relay` stands
 * between the two: to that exchange it is the client, to the exchange of the client it is a source. The response streams, with back-pressure.
 *
 * ```text
 *   client <-- Exchange <-- SourceStream <-- Relay <-- Exchange of its own <-- endpoint
 * ```
 */
import { Buffer } from "node:buffer";
import type { BodyLength } from "../../http/body-length.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { HeadRequest } from "../feature/fetch.ts";
import type { RelayOptions } from "../feature/relay.ts";
import type { ResponseSource, SourceInput, SourceRequest, SourceResponse } from "../feature/response-source.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { INTERNAL_ERROR } from "./answers.ts";
import { BackgroundClient } from "./background-client.ts";
import { Exchange } from "./exchange.ts";
import { ITSELF } from "./fetch.ts";

/** Makes the source. It can answer several requests, each by an exchange of its own. */
export function relaySource(thread: ExchangeThread, set: EndpointSet, request: HeadRequest, { otherwise }: RelayOptions): ResponseSource {
  return {
    hasOwnLimits: true,
    start: (answered, response) => {
      const relay = new Relay(thread, request, answered, response, otherwise ?? (() => null));
      // The caller is in the middle of another exchange's event, with which this exchange would share its edits (scratch-edits.ts).
      void Promise.resolve().then(() => relay.begin(set));
      // Of the request that is answered nothing is read.
      return { writable: () => relay.clientTakesMore(), abort: () => relay.giveUp() };
    },
  };
}

class Relay extends BackgroundClient {
  protected readonly exchange: Exchange;
  private readonly body: Buffer;
  private readonly answered: SourceRequest;
  private readonly response: SourceResponse;
  private readonly otherwise: (head: ResponseHead | null) => ResponseSource | null;
  private hasResponded: boolean = false;
  /** Nothing more of the exchange is passed on: the client is gone, or another source answers. */
  private isOver: boolean = false;
  /** The source that answers in the place of this one. */
  private instead: SourceInput | null = null;

  constructor(
    thread: ExchangeThread,
    { head, body = Buffer.alloc(0) }: HeadRequest,
    answered: SourceRequest,
    response: SourceResponse,
    otherwise: (head: ResponseHead | null) => ResponseSource | null,
  ) {
    super(null);
    this.body = body;
    this.answered = answered;
    this.response = response;
    this.otherwise = otherwise;
    this.exchange = new Exchange(thread, this, head, body.length, connectionOptions(head), ITSELF, "", thread.now);
  }

  begin(set: EndpointSet): void {
    if (!this.isOver) this.exchange.beginAt(set);
  }

  // ---- called for the client's exchange ------------------------------------------------------------------------------

  clientTakesMore(): void {
    if (this.instead === null) this.exchange.clientUnblocked();
    else this.instead.writable?.();
  }

  override giveUp(): void {
    if (this.instead !== null) return this.instead.abort?.();
    this.isOver = true;
    super.giveUp();
  }

  // ---- ClientStream, called for the exchange of the request ----------------------------------------------------------

  protected override requestBody(): Buffer {
    return this.body;
  }

  override respond(head: ResponseHead, length: BodyLength): void {
    if (this.isOver || this.isReplaced(head)) return;
    this.hasResponded = true;
    this.response.respond(head, length);
  }

  override answer(answer: LocalAnswer): void {
    if (!this.isOver && !this.isReplaced(null)) this.response.answer(answer);
  }

  override data(bytes: Buffer, start: number, end: number): void {
    if (!this.isOver) this.response.write(Buffer.from(bytes.subarray(start, end)));
  }

  override flush(): boolean {
    return this.isOver || this.response.flush();
  }

  override end(trailers: FieldSection | null): void {
    if (!this.isOver) this.response.end(trailers);
  }

  /** The response cannot be completed. */
  override cut(): void {
    if (!this.isOver) this.response.answer({ ...INTERNAL_ERROR, reason: this.exchange.outcome });
  }

  /** Whether another source answers in the place of the response, which is then given up. */
  private isReplaced(head: ResponseHead | null): boolean {
    if (this.hasResponded) return false;
    try {
      const source = this.otherwise(head);
      if (source === null) return false;
      this.isOver = true;
      super.giveUp();
      this.instead = source.start(this.answered, this.response);
    } catch (error) {
      this.isOver = true;
      this.response.fail(error);
    }
    return true;
  }
}
