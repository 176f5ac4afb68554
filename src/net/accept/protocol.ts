import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./connection-facts.ts";
import type { ListenerContext } from "./listener-context.ts";

/**
 * Makes the connection of the protocol that a client speaks. Reading starts at once.
 * @param isTrusted the client is one of `trusted_proxies`
 */
export type MakeConnection = (
  context: ListenerContext,
  open: OpenTransport,
  facts: ConnectionFacts,
  isTrusted: boolean,
) => AcceptedConnection;
