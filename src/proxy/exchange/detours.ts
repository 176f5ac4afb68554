import type { ClientPlace } from "../../policy/geoip/client-place.ts";
import type { TokenUse } from "../../policy/tokens/token-use.ts";
import type { Mirror } from "../mirror.ts";
import type { BodyPipe } from "./body-pipe.ts";
import type { CollectedBody } from "./collected-body.ts";
import type { Exchange } from "./exchange.ts";
import type { HeldResponse } from "./held-response.ts";
import type { InterimPace } from "./interim-pace.ts";
import type { HookWait } from "./hook-wait.ts";
import type { LaterAttempt } from "./later-attempt.ts";
import type { ResponseBuffer } from "./response-buffer.ts";
import type { RequestCopy } from "./request-copy.ts";
import type { RequestLimit } from "./request-limit.ts";
import type { SourceStream } from "./source-stream.ts";

/** What only some exchanges need: stages, a source, a collected body and so on. A plain exchange does not make this object. */
export class Detours {
  /** The stages of the request's body in the current attempt. */
  request: BodyPipe | null = null;
  /** The stages of the response's body. */
  response: BodyPipe | null = null;
  /** Holds the response's body for a slow client. */
  buffer: ResponseBuffer | null = null;
  /** The source that answers in place of an endpoint. */
  source: SourceStream | null = null;
  /**
   * The request's body so far: for a middleware that asked for it, because the route holds bodies until they have come, or because it may have
   * to be sent again.
   */
  collected: CollectedBody | null = null;
  /** The upstream that is to get a copy of the request, as soon as an endpoint gets the request itself. */
  mirror: Mirror | null = null;
  /** The copy of the request that goes to another upstream. */
  copy: RequestCopy | null = null;
  /** The exchange whose request this one sends a copy of. */
  original: Exchange | null = null;
  /** The method sent to the endpoint, if middleware has changed it. */
  method: string | null = null;
  /** The wait for the promise of a hook. */
  pending: HookWait | null = null;
  /** Makes the `signal` that hooks see. */
  controller: AbortController | null = null;
  /** The proxy itself has sent the 100 (Continue) that the client waited for. */
  hasAskedForBody: boolean = false;
  /** Limits interim responses; made at the first one. */
  interims: InterimPace | null = null;
  /** The wait for a further attempt; made when one first waits. */
  later: LaterAttempt | null = null;
  /** The values of the response's fields that the access log shows. */
  responseValues: readonly string[] | null = null;
  /** The response that is held back. */
  held: HeldResponse | null = null;
  /** Bytes that the response had when it was let go on; 0: it was not held. */
  heldBytes: number = 0;
  /** What is wrong with the request or the response; "": nothing. */
  fault: string = "";
  /** What the cache of the route says of the request; "": it has none. */
  cached: string = "";
  /** Where the client is, as databases say. */
  place: ClientPlace | null = null;
  /** What the exchange has cost in tokens of a language model. */
  tokens: TokenUse | null = null;
  /** The time limit of the whole exchange. */
  limit: RequestLimit | null = null;

  /** The attempt is over: gives up the stages of the request's body. */
  endRequest(): void {
    this.request?.abort();
    this.request = null;
  }

  /** The response that was held does not go on. */
  endHold(): void {
    this.held?.abort();
    this.held = null;
  }

  /** A response is passed on: nothing is sent again. */
  endAttempts(): void {
    this.collected?.letGo();
    this.later?.settled();
  }

  /** The exchange is over: gives up everything. */
  end(): void {
    this.endRequest();
    this.endHold();
    this.response?.abort();
    this.buffer?.abort();
    this.copy?.originalEnded();
    this.collected?.letGo();
    this.later?.end();
    this.limit?.end();
    this.controller?.abort();
  }
}
