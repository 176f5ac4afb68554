import type { MakeConnection } from "./accept/protocol.ts";
import { ClientConnection } from "./h1/client/client-connection.ts";

/** Makes the connection object for an accepted client. HTTP/1.1 is the only protocol so far; a second one would be chosen by ALPN here. */
export const connectionOf: MakeConnection = (context, open, facts, isTrusted) => new ClientConnection(context, open, facts, isTrusted);
