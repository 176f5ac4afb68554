import type { UnsafeFieldNames } from "../../config/listener-schema.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { BelievedForwarded } from "../../http/forwarded.ts";
import type { RequestHead } from "../../http/request-head.ts";

/** All that a driver may know of a request that it sends to an endpoint. */
export interface OutgoingRequest {
  readonly request: RequestHead;
  /** Of the body that is sent, which stages may have made of the client's. */
  readonly bodyLength: BodyLength;
  readonly connection: ConnectionOptions;
  /** Address of the client connection's other end, without port; "" where the proxy asks for itself, and speaks for nobody. */
  readonly peer: string;
  /** That is a trusted proxy: what it says about the client is passed on. */
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  /** The request asks to switch to the WebSocket protocol and may. */
  readonly upgrade: boolean;
  /** What trusted proxies said in Forwarded; null where that field is not the one to believe. */
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
  /** The client may wait for a 100 (Continue) before it sends its body, and the origin has not said it yet. */
  readonly awaitsContinue: boolean;
}
