import { ClientConnection } from "../h1/client/client-connection.ts";
import type { OpenTransport } from "../transport/transport.ts";
import type { AcceptedConnection } from "./accepted-connection.ts";
import type { ConnectionFacts } from "./handshake.ts";
import type { ListenerContext } from "./listener-context.ts";

/**
 * The connection of the protocol that the client speaks: HTTP/1.1 so far. Another one is chosen by what TLS agreed on with the client (ALPN).
 * Reading starts at once.
 * @param isTrusted the client is one of `trusted_proxies`
 */
export function connectionOf(
  context: ListenerContext,
  open: OpenTransport,
  facts: ConnectionFacts,
  isTrusted: boolean,
): AcceptedConnection {
  return new ClientConnection(context, open, facts, isTrusted);
}
