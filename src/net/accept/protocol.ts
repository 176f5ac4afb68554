import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { ListenerContext } from "./listener-context.ts";

/**
 * Makes a client's connection in the listener's protocol, such as HTTP/1.1, and starts to read from it.
 * @param open returns the transport; called once
 * @param isTrusted whether the client is one of `trusted_proxies`
 */
export type MakeConnection = (
  context: ListenerContext,
  open: OpenTransport,
  facts: ConnectionFacts,
  isTrusted: boolean,
) => AcceptedConnection;
