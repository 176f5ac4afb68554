/** An origin on a raw socket that sends exactly what a test tells it to, and remembers every byte that it received. */
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface OriginRequest {
  /** Head as received, with the empty line. */
  readonly head: string;
  readonly body: string;
  readonly socket: Socket;
  /** How many requests came on this connection before this one. */
  readonly earlier: number;
}

export interface RawOrigin {
  readonly port: number;
  readonly url: string;
  /** All bytes of all connections, latin1, in order of arrival. */
  received(): string;
  /** Complete requests so far. */
  readonly requests: readonly OriginRequest[];
  readonly connections: ReadonlySet<Socket>;
  /** Connections accepted so far. */
  accepted(): number;
  close(): Promise<void>;
}

export type OnRequest = (request: OriginRequest) => void;

/** What the origin does with requests. */
export interface OriginOptions {
  readonly onRequest?: OnRequest;
  /** Called for every head as soon as it has come. Return true to handle the connection's further bytes yourself. */
  readonly onHead?: (head: string, socket: Socket) => boolean;
  readonly onConnection?: (socket: Socket) => void;
  readonly host?: string;
  readonly port?: number;
}

export async function startRawOrigin(options: OriginOptions): Promise<RawOrigin> {
  let bytes = "";
  let accepted = 0;
  const requests: OriginRequest[] = [];
  const connections = new Set<Socket>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    accepted++;
    connections.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(socket));
    socket.on("end", () => socket.end());
    options.onConnection?.(socket);
    let buffer = "";
    let earlier = 0;
    let handled = false;
    let headSeen = false;
    socket.on("data", (chunk: Buffer) => {
      const text = chunk.toString("latin1");
      bytes += text;
      if (handled) return;
      buffer += text;
      for (;;) {
        const parsed = parseRequest(buffer);
        if (parsed === null) return;
        if (!headSeen && options.onHead?.(parsed.head, socket) === true) {
          handled = true;
          return;
        }
        headSeen = parsed.body === null;
        if (parsed.body === null) return;
        buffer = parsed.rest;
        const request = { head: parsed.head, body: parsed.body, socket, earlier };
        earlier++;
        requests.push(request);
        (options.onRequest ?? answerOk)(request);
      }
    });
  });
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    received: () => bytes,
    requests,
    connections,
    accepted: () => accepted,
    close: async () => {
      for (const socket of connections) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Answers 200 with the body `ok`. */
export function answerOk(request: OriginRequest): void {
  const body = request.head.startsWith("HEAD ") ? "" : "ok";
  request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n${body}`);
}

export interface ParsedRequest {
  readonly head: string;
  /** Null while the body is not complete. */
  readonly body: string | null;
  readonly rest: string;
}

/** The first request in the text; null if its head is not complete. */
export function parseRequest(buffer: string): ParsedRequest | null {
  const end = buffer.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = buffer.slice(0, end + 4);
  const after = buffer.slice(end + 4);
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(head);
  if (length !== null) {
    const size = Number(length[1]);
    return after.length < size ? { head, body: null, rest: after } : { head, body: after.slice(0, size), rest: after.slice(size) };
  }
  if (!/\r\ntransfer-encoding: *chunked\r\n/i.test(head)) return { head, body: "", rest: after };
  return { head, ...parseChunked(after) };
}

function parseChunked(text: string): { body: string | null; rest: string } {
  let at = 0;
  let body = "";
  for (;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return { body: null, rest: text };
    const size = Number.parseInt(text.slice(at, line), 16);
    if (size === 0) {
      const end = text.indexOf("\r\n\r\n", line);
      return end < 0 ? { body: null, rest: text } : { body, rest: text.slice(end + 4) };
    }
    if (text.length < line + 2 + size + 2) return { body: null, rest: text };
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
