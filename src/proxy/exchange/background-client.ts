/**
 * Stands in for the client's connection of an exchange that no client's connection belongs to: the request is a feature's own, or repeats that of another exchange.
 * It delivers the body of the request, which is in memory, and takes whatever the response brings. Subclasses override what they do with the response.
 */
import { Buffer } from "node:buffer";
import { Timed } from "../../base/deadlines.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ClientStream } from "../ports/client-stream.ts";
import type { OwnedUpstream } from "../ports/upstream-stream.ts";
import type { Exchange } from "./exchange.ts";

const NO_BODY = Buffer.alloc(0);

export abstract class BackgroundClient extends Timed implements ClientStream {
  readonly isBackground: boolean = true;
  readonly owned: null = null;
  readonly bytesWritten: number = 0;
  /** The exchange for which this is the client. */
  protected abstract readonly exchange: Exchange;
  /** The client whose request is repeated; null: there is none. */
  private readonly original: ClientStream | null;
  private bodyDelivered: boolean = false;

  constructor(original: ClientStream | null) {
    super();
    this.original = original;
  }

  /** Ends the exchange before its response is complete. */
  giveUp(): void {
    this.exchange.clientGone("client_gone");
  }

  onDeadline(): void {
    this.giveUp();
  }

  /** The whole body of the request. */
  protected requestBody(): Buffer {
    return NO_BODY;
  }

  // ---- ClientStream ---------------------------------------------------------------------------------------------------

  addresses(): ConnectionAddresses | null {
    return this.original?.addresses() ?? null;
  }

  resumeRequest(): void {
    const { exchange } = this;
    if (this.bodyDelivered || exchange.requestEnded || !exchange.takesBody) return;
    this.bodyDelivered = true;
    // A new view, because the receiver may write over the bytes before a slice (ports/body-sink.ts).
    const bytes = this.requestBody().subarray(0);
    exchange.requestData(bytes, 0, bytes.length);
    exchange.requestEnd(null);
  }

  pauseRequest(): void {}

  interim(): void {}

  respond(_head: ResponseHead, _length: BodyLength): void {}

  answer(_answer: LocalAnswer): void {}

  data(_bytes: Buffer, _start: number, _end: number): void {}

  flush(): boolean {
    return true;
  }

  end(_trailers: FieldSection | null): void {}

  cut(): void {}

  startTunnel(): void {
    throw new Error("no upgrade was asked for");
  }

  own(upstream: OwnedUpstream): void {
    upstream.close();
  }

  exchangeFinished(): void {}
}
