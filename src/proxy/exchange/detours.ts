import type { BodyLength } from "../../http/body-length.ts";
import type { BodyPipe } from "./body-pipe.ts";
import type { CollectedBody } from "./collected-body.ts";
import type { InterimPace } from "./interim-pace.ts";
import type { PendingAdmission } from "./pending-admission.ts";
import type { SourceStream } from "./source-stream.ts";

/** What only some exchanges have, in an object that a plain one is without. */
export class Detours {
  /** Stages of the request's body, in the current attempt. */
  request: BodyPipe | null = null;
  /** Length of what they hand on. */
  requestLength: BodyLength = -1;
  /** Stages of the response's body. */
  response: BodyPipe | null = null;
  /** What answers instead of an endpoint. */
  source: SourceStream | null = null;
  /** The request's body, for a middleware that wants it as a whole. */
  collected: CollectedBody | null = null;
  /** What the endpoint is asked with instead of the client's. */
  method: string | null = null;
  /** What a middleware says later is awaited. */
  pending: PendingAdmission | null = null;
  /** Of the exchange's signal. */
  controller: AbortController | null = null;
  /** From the first interim response on. */
  interims: InterimPace | null = null;
  /** The request is the proxy's own: its head says nothing of its body. */
  isOwn: boolean = false;

  /** The attempt is over: nobody takes what its stages make of the request's body. */
  endRequest(): void {
    this.request?.abort();
    this.request = null;
  }

  /** The exchange is over. */
  end(): void {
    this.endRequest();
    this.response?.abort();
    this.collected?.letGo();
    this.controller?.abort();
  }
}
