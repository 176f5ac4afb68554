/** Makes a response source look like a connection to an endpoint, so that an exchange treats both alike. Checks what the source does. */
import type { Buffer } from "node:buffer";
import { isBodyLength } from "../../http/body-length.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { ResponseHead } from "../../http/response-head.ts";
import { mayHaveBody } from "../../http/status.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { LocalAnswer } from "../local-answer.ts";
import { NO_INPUT } from "../feature/response-source.ts";
import type { ResponseSource, SourceResponse } from "../feature/response-source.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";
import type { ByteDuplex } from "../ports/tunnel.ts";
import type { ResponseSink, UpstreamStream } from "../ports/upstream-stream.ts";
import { BodyProducer } from "./body-producer.ts";
import { Output } from "./producer-state.ts";

/** The exchange that the source answers. */
export interface SourceOwner extends ResponseSink {
  /** The source reads the request's body, so a client that waits for a 100 (Continue) should get it. */
  bodyWanted(): void;
  /** The source has the proxy answer, or cut the response that has begun, and is over. */
  sourceAnswers(from: SourceStream, answer: LocalAnswer): void;
  /** The source threw, broke the rules of {@link SourceResponse}, or was silent too long. It has been given up. */
  sourceFailed(from: SourceStream, error: unknown): void;
}

export class SourceStream extends BodyProducer implements UpstreamStream {
  /** Name of the middleware whose source it is. */
  readonly middleware: string;
  private readonly source: ResponseSource;
  private readonly owner: SourceOwner;
  private readonly bodyIsWhole: boolean;
  /** The response has no body: bytes written are dropped. Before the response it is known only for HEAD. */
  private isBodiless: boolean = false;

  /** @param bodyIsWhole false: a part of the request's body was sent to an endpoint and not kept, so the source gets nothing of the body */
  constructor(source: ResponseSource, middleware: string, owner: SourceOwner, thread: ExchangeThread, bodyIsWhole: boolean) {
    super(thread, "a response source", NO_INPUT, null);
    this.bodyIsWhole = bodyIsWhole;
    this.source = source;
    this.middleware = middleware;
    this.owner = owner;
  }

  // ---- UpstreamStream -----------------------------------------------------------------------------------------------------

  send(request: OutgoingRequest): void {
    this.isBodiless = request.request.method === "HEAD";
    this.attempt(() => {
      this.callbacks = this.source.start(request, this.response());
      // The source may have answered within `start`. If the exchange ended within `start`, the source could not be told yet.
      if (this.output === Output.aborted) this.tellAbort();
      if (this.isOver) return;
      if (this.callbacks.data !== undefined && this.bodyIsWhole) this.owner.bodyWanted();
    });
  }

  override data(bytes: Buffer, start: number, end: number): void {
    if (this.bodyIsWhole) super.data(bytes, start, end);
  }

  override end(trailers: FieldSection | null): void {
    if (this.bodyIsWhole) super.end(trailers);
  }

  pauseResponse(): void {
    this.outputBlocked();
  }

  resumeResponse(): void {
    this.outputUnblocked();
  }

  enterTunnel(): ByteDuplex {
    throw new Error("a source switches no protocols");
  }

  // ---- SourceResponse -----------------------------------------------------------------------------------------------

  private response(): SourceResponse {
    const respond = (head: ResponseHead, length: BodyLength): void => {
      // The call may come from a promise or a callback, long after the last event for which the clock was read.
      this.thread.tick();
      this.respond(head, length);
    };
    const answer = (given: LocalAnswer): void => {
      this.thread.tick();
      this.answer(given);
    };
    return { respond, answer, ...this.outputCalls() };
  }

  private answer(given: LocalAnswer): void {
    if (this.isOver) return;
    this.close(Output.ended);
    this.owner.sourceAnswers(this, given);
  }

  private respond(head: ResponseHead, length: BodyLength): void {
    if (this.isOver) return;
    if (this.said !== null) return this.fail(new Error("a response source responds twice"));
    // Code without types may pass something else.
    if (!(head instanceof ResponseHead))
      return this.fail(new TypeError("a response source responds with something that is no head: make one with buildResponseHead"));
    if (head.status < 200) return this.fail(new Error(`a response source responds with ${head.status}, which is not final`));
    if (!isBodyLength(length)) return this.fail(new RangeError(`a response source cannot have the length ${length}`));
    this.isBodiless ||= !mayHaveBody(head.status);
    this.said = this.isBodiless ? -1 : length;
    this.watch();
    this.owner.responseHead(this, head, length);
  }

  // ---- BodyProducer -------------------------------------------------------------------------------------------------

  /** The exchange has no other way to an answer. */
  protected get isAwaited(): boolean {
    return this.source.hasOwnLimits !== true;
  }

  protected inputFreed(): void {
    this.owner.upstreamUnblocked(this);
  }

  protected deliver(bytes: Buffer): void {
    if (!this.isBodiless) this.owner.responseData(this, bytes, 0, bytes.length);
  }

  protected flushOutput(): boolean {
    if (!this.isOver && this.said !== null) this.owner.responseFlush(this);
    return this.output !== Output.blocked;
  }

  protected deliverEnd(trailers: FieldSection | null): void {
    this.owner.responseEnd(this, trailers);
  }

  protected failed(error: unknown): void {
    this.abort();
    this.owner.sourceFailed(this, error);
  }
}
