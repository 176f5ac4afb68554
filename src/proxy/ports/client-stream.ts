/**
 * The client's side of an exchange. A driver implements it for a connection of its HTTP version, or for a stream of one, and tells the exchange
 * what the client does (`requestData` ... `clientGone` of exchange/exchange.ts); the exchange knows neither sockets nor versions.
 */
import type { UnsafeFieldNames } from "../../config/listener-schema.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldEdits } from "../../http/field-edits.ts";
import type { BelievedForwarded } from "../../http/forwarded.ts";
import type { ResponseEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { OwnedConnections } from "../upstream/connector.ts";
import type { BodySink } from "./body-sink.ts";
import type { OwnedUpstream, UpstreamStream } from "./upstream-stream.ts";

export interface ClientStream extends BodySink {
  /** Nobody outside waits for the response: the proxy asks for itself. */
  readonly isBackground: boolean;
  /** Bytes written to the client so far, heads included. */
  readonly bytesWritten: number;
  /** Connections to endpoints that are this client connection's alone; null: it has none. */
  readonly owned: OwnedConnections | null;
  /** An interim response (1xx but 101) of the origin. */
  interim(head: ResponseHead): void;
  /** The final response's head; `data` and `end` follow. */
  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void;
  /** A whole answer of the proxy's own. */
  answer(answer: LocalAnswer, edits: FieldEdits): void;
  /** Sends what was collected; false: the client does not read fast enough, `exchange.clientUnblocked` will be called. */
  flush(): boolean;
  /** The response cannot be completed: makes that visible to the client. */
  cut(): void;
  /** Delivers the request body (again), or stops delivering it. */
  resumeRequest(): void;
  pauseRequest(): void;
  /** The origin switched protocols: from here on bytes pass both ways until both ends are done. */
  startTunnel(head: ResponseHead, upstream: UpstreamStream): void;
  /** From now on that connection, which idles, serves this client connection alone, and ends with it. */
  own(upstream: OwnedUpstream): void;
  /** The exchange is over: go on with the connection's next request, or end it. */
  exchangeFinished(): void;
}

/** Who sends a request, and what is believed of what it says about itself. */
export interface ClientFacts {
  /** Address of the connection's other end. */
  readonly peer: string;
  /** The client's address as far as trusted proxies tell it, else the peer. */
  readonly client: string;
  readonly trusted: boolean;
  readonly secure: boolean;
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
}

/** Why a client gets no more of its response. */
export type ClientEnd = "client_gone" | "client_reset" | "client_stalled" | "drain_timeout";
