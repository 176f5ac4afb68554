import type { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { EmbedHost } from "./embed-host.ts";

/** Takes over the connection of a request that asks for an upgrade: for the event `upgrade` of Node's http. The socket is the proxy's from then on. */
export function handleUpgrade(_host: EmbedHost, _request: IncomingMessage, socket: Duplex, _head: Buffer): void {
  socket.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
}
