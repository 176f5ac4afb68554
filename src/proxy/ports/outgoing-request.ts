import type { UnsafeFieldNames } from "../../config/listener-schema.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { BelievedForwarded } from "../../http/forwarded.ts";
import type { RequestHead } from "../../http/request-head.ts";

/** What the driver of an endpoint's connection, or a response source, may know of the request that it is given. */
export interface OutgoingRequest {
  readonly request: RequestHead;
  /** Length of the body that is sent, after all stages. */
  readonly bodyLength: BodyLength;
  readonly connection: ConnectionOptions;
  /** Address of the client connection's other end, without port; "" for a request of the proxy's own, which speaks for no client. */
  readonly peer: string;
  /** The peer is a trusted proxy: what it says about the client is passed on. */
  readonly peerTrusted: boolean;
  /** Whether the client's request came over https. */
  readonly secure: boolean;
  /** The request asks to switch to the WebSocket protocol, and the configuration allows it. */
  readonly upgrade: boolean;
  /** What trusted proxies said in Forwarded; null: that field is absent or not believed. */
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
  /** The client may wait for a 100 (Continue) before it sends its body, and has not got one yet. */
  readonly awaitsContinue: boolean;
}
