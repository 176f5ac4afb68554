import type { MakeConnection } from "./accept/protocol.ts";
import { ClientConnection } from "./h1/client/client-connection.ts";

/** The protocols that listeners speak: HTTP/1.1 so far. Another one is chosen by what TLS agreed on with the client (ALPN). */
export const connectionOf: MakeConnection = (context, open, facts, isTrusted) => new ClientConnection(context, open, facts, isTrusted);
