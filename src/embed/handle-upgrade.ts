import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { DRAIN_TIMEOUT } from "../proxy/exchange/answers.ts";
import { StreamTransport } from "../net/transport/stream-transport.ts";
import type { EmbedHost } from "./embed-host.ts";
import { isSecure, peerOf } from "./node-messages.ts";

/**
 * Takes over the connection of a request that asks for an upgrade: for the event `upgrade` of Node's http. The socket is the proxy's from then
 * on.
 *
 * The request goes through the driver of HTTP/1.1 as if it had come over a connection of the proxy's own: Node has parsed it and forgotten the
 * bytes, so they are written once more, in front of those that follow. It is the connection's last request, because what comes after it never
 * passes the program that the proxy is embedded in.
 */
export function handleUpgrade(host: EmbedHost, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  host.thread.tick();
  socket.on("error", () => {});
  const text = requestText(request);
  if (text === null || socket.destroyed || socket.readableEnded) return void socket.destroy();
  const peer = peerOf(request);
  const facts = { peer, client: peer, secure: isSecure(request) };
  if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
  socket.unshift(Buffer.concat([Buffer.from(text, "latin1"), head]));
  const connection = host.admission.adopt((reader, writer) => new StreamTransport(socket, reader, writer), facts);
  if (host.draining) connection.turnAway(DRAIN_TIMEOUT);
}

/**
 * The head of the request as HTTP/1.1 text, from what Node and the program have left of it. The codec judges it. Null: the program has put a line
 * end into it.
 */
function requestText({ method = "", url = "", httpVersion, rawHeaders }: IncomingMessage): string | null {
  const parts = [method, url, ...rawHeaders];
  if (parts.some((part) => LINE_END.test(part))) return null;
  let lines = "";
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) lines += `${rawHeaders[at] ?? ""}: ${rawHeaders[at + 1] ?? ""}\r\n`;
  return `${method} ${url} HTTP/${httpVersion}\r\n${lines}Connection: close\r\n\r\n`;
}

const LINE_END = /[\r\n]/;
