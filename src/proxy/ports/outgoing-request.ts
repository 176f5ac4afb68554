import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ResponseLimits } from "../route-policy.ts";
import type { ClientFacts } from "./client-facts.ts";

/** What the driver of an endpoint's connection, or a response source, may know of the request that it is given. */
export interface OutgoingRequest {
  readonly request: RequestHead;
  /** Length of the body as received. Another one is sent if the edits have a `bodyLength`. */
  readonly requestLength: BodyLength;
  readonly connection: ConnectionOptions;
  /** True for a request of the proxy's own: it speaks for no client, and says nothing of one. */
  readonly isBackground: boolean;
  /** Who sends the request. */
  readonly facts: ClientFacts;
  /** The protocols to which the endpoint may switch, as in the field Upgrade; "": none. */
  readonly upgrade: string;
  /** Time limits that the request's route has in place of the upstream's; null: none. */
  readonly responseLimits: ResponseLimits | null;
  /** The client may wait for a 100 (Continue) before it sends its body, and has not got one yet. */
  readonly awaitsContinue: boolean;
}
