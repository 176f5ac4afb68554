/**
 * The port to the client: what an exchange calls to send its response. The driver of an HTTP version implements it, for a connection or for
 * a stream of a connection. In the other direction the driver calls the exchange when the client does something (`requestData` ...
 * `clientGone` of exchange/exchange.ts). So the exchange knows neither sockets nor HTTP versions.
 */
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldEdits } from "../../http/field-edits.ts";
import type { ResponseEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { OwnedConnections } from "../upstream/connector.ts";
import type { BodySink } from "./body-sink.ts";
import type { OwnedUpstream, UpstreamStream } from "./upstream-stream.ts";

export interface ClientStream extends BodySink {
  /** True for a request of the proxy's own, made by a feature: no client waits for the response. */
  readonly isBackground: boolean;
  /** Bytes written to the client so far, heads included. */
  readonly bytesWritten: number;
  /** Connections to endpoints that serve only this client connection; null: there are none. */
  readonly owned: OwnedConnections | null;
  /** The two ends of the client's connection; null: they are not known, or there is no client. */
  addresses(): ConnectionAddresses | null;
  /** Sends an interim response of the origin server (1xx, except 101). */
  interim(head: ResponseHead): void;
  /** Sends the head of the final response; `data` and `end` follow. */
  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void;
  /** Sends a complete answer of the proxy's own. Throws, and sends nothing, if a field cannot be sent. */
  answer(answer: LocalAnswer, edits: FieldEdits): void;
  /** Sends what was collected. Returns false if the client reads too slowly; `exchange.clientUnblocked` follows. */
  flush(): boolean;
  /** Ends a response that cannot be completed, so that the client sees that it is incomplete. */
  cut(): void;
  /** Starts or continues to deliver the request's body to the exchange. */
  resumeRequest(): void;
  /** Stops delivering the request's body until `resumeRequest`. */
  pauseRequest(): void;
  /** Sends the 101 of the origin server, then passes bytes both ways until both sides are done. */
  startTunnel(head: ResponseHead, upstream: UpstreamStream): void;
  /** Keeps that idle connection for this client connection alone, and closes it together with the client connection. */
  own(upstream: OwnedUpstream): void;
  /** The exchange is over: the driver reads the connection's next request, or ends the connection. */
  exchangeFinished(): void;
}

/** Why an exchange ended on the client's side before its response was complete. */
export type ClientEnd = "client_gone" | "client_reset" | "client_stalled" | "drain_timeout";
