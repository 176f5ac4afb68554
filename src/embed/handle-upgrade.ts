import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { DRAIN_TIMEOUT } from "../proxy/exchange/answers.ts";
import { StreamTransport } from "../net/transport/stream-transport.ts";
import { CHUNK_END, chunkStart, lastChunk } from "../http1/write-chunk.ts";
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
  socket.on("error", () => {});
  // Newer releases of Node read a body themselves; while some of it is to come, `socket` is a stream of what follows it. In older ones `head` begins
  // with the body.
  const isRead = socket !== request.socket || request.readableLength > 0;
  if (!isRead || !hasBody(request)) return takeOver(host, request, socket, head);
  collectBody(request, (body) => {
    if (body === null) socket.destroy();
    else takeOver(host, request, socket, Buffer.concat([framed(request, body), head]));
  });
}

/** @param rest what follows the request's head: its body, and bytes of the new protocol */
function takeOver(host: EmbedHost, request: IncomingMessage, socket: Duplex, rest: Buffer): void {
  host.thread.tick();
  const text = requestText(request);
  if (text === null || socket.destroyed || socket.readableEnded) return void socket.destroy();
  const peer = peerOf(request);
  const facts = { peer, client: peer, secure: isSecure(request), tls: null, proxied: null };
  if ("setTimeout" in socket && typeof socket.setTimeout === "function") socket.setTimeout(0);
  socket.unshift(Buffer.concat([Buffer.from(text, "latin1"), rest]));
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

/** The longest body, in bytes, of a request that asks for an upgrade. Docker's and Kubernetes' clients send some hundred. */
const BODY_BYTES_MAX = 64 * 1024;

function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

/** Gives the whole body; null: it is too long, or the client has left. */
function collectBody(request: IncomingMessage, then: (body: Buffer | null) => void): void {
  const pieces: Buffer[] = [];
  let size = 0;
  const end = (body: Buffer | null): void => {
    request.removeAllListeners("data").removeAllListeners("end").removeAllListeners("close");
    then(body);
  };
  request.on("error", () => {});
  request.on("data", (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    if (size > BODY_BYTES_MAX) end(null);
  });
  request.on("end", () => end(Buffer.concat(pieces)));
  request.on("close", () => end(null));
}

/** The body as the head announces it. Node has taken chunks apart, and keeps trailers to itself. */
function framed({ headers }: IncomingMessage, body: Buffer): Buffer {
  if (headers["transfer-encoding"] === undefined) return body;
  const chunk = body.length === 0 ? [] : [chunkStart(body.length), body, CHUNK_END];
  return Buffer.concat([...chunk, lastChunk(null)].map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
}
