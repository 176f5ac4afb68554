/**
 * An origin that keeps every byte it receives, by connection, and answers each request as soon as the strict reader says that it is
 * complete: 200, the body naming the request, `X-Origin` naming the connection and the request's place in it.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { readRequests } from "./strict-requests.ts";
import type { StrictRequest } from "./strict-requests.ts";
import { valuesOf } from "./strict-grammar.ts";

/** What came on one connection. */
export class OriginStream {
  /** Number of the connection, counted from 0 in order of arrival. */
  readonly index: number;
  /** Complete requests. */
  readonly requests: StrictRequest[] = [];
  /** What is wrong behind them, or null. */
  fault: string | null = null;
  /** Bytes behind the last complete request, and the head of the unfinished one, if that is complete. */
  rest: string = "";
  restHead: string = "";
  /** Bytes that came behind a request to switch protocols, once the origin had switched; null: it has not. */
  tunnel: string | null = null;
  closed: boolean = false;
  private readonly pieces: string[] = [];

  constructor(index: number) {
    this.index = index;
  }

  /** All bytes of requests, latin1. */
  get bytes(): string {
    return this.pieces.join("");
  }

  append(text: string): void {
    this.pieces.push(text);
    // Only what is new is read: a pooled connection carries thousands of requests.
    const reading = readRequests(this.rest + text, "origin");
    this.requests.push(...reading.requests);
    this.fault = reading.fault;
    this.rest = reading.rest;
    this.restHead = reading.restHead;
  }
}

/** The value of `X-Origin` on the answer to that request. */
export function originMark(stream: OriginStream, place: number): string {
  return `${stream.index}.${place}`;
}

export class Recorder {
  readonly streams: OriginStream[] = [];
  private readonly server: net.Server;
  private readonly sockets: Set<Socket> = new Set();
  private idleWaiters: (() => void)[] = [];

  private constructor() {
    // A FIN from Millrace is answered with ours only once we have said all: allowHalfOpen.
    this.server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => this.accept(socket));
  }

  static async start(): Promise<Recorder> {
    const recorder = new Recorder();
    recorder.server.listen(0, "127.0.0.1");
    await once(recorder.server, "listening");
    return recorder;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Resolves once no connection is open: everything that was sent is then recorded. */
  async idle(): Promise<void> {
    const deadline = AbortSignal.timeout(10_000);
    while (this.sockets.size > 0) {
      if (deadline.aborted) throw new Error(`connections to the origin stay open: ${JSON.stringify(this.open())}`);
      await new Promise<void>((resolve) => {
        this.idleWaiters.push(resolve);
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }

  private open(): string[] {
    return this.streams.filter(({ closed }) => !closed).map(({ bytes }) => bytes.slice(0, 200));
  }

  private accept(socket: Socket): void {
    const stream = new OriginStream(this.streams.length);
    this.streams.push(stream);
    this.sockets.add(socket);
    let answered = 0;
    let early = 0;
    socket.setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      stream.closed = true;
      this.sockets.delete(socket);
      for (const resolve of this.idleWaiters.splice(0)) resolve();
    });
    socket.on("data", (text: string) => {
      if (stream.tunnel !== null) {
        stream.tunnel += text;
        return;
      }
      stream.append(text);
      for (; answered < stream.requests.length; answered++) {
        const request = stream.requests[answered];
        if (request === undefined) break;
        if (answered >= early) answer(socket, request.head, originMark(stream, answered));
        if (switches(request)) stream.tunnel = "";
      }
      if (/^[A-Z]+ \/early/.test(stream.restHead) && early <= answered) {
        answer(socket, stream.restHead, originMark(stream, answered));
        early = answered + 1;
      }
      // What no strict parser understands: the test will say so; the case need not wait.
      if (stream.fault !== null) socket.end("HTTP/1.1 400 Malformed at the origin\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  }
}

/** The corpus: `GET /ws` that asks for WebSocket is answered 101. */
export function switches(request: StrictRequest): boolean {
  return request.method === "GET" && /^\/ws\b/.test(request.target) && valuesOf(request.fields, "upgrade").includes("websocket");
}

function answer(socket: Socket, head: string, mark: string): void {
  const [method = "", target = ""] = head.slice(0, head.indexOf("\r\n")).split(" ");
  if (method === "GET" && /^\/ws\b/.test(target) && /\r\nupgrade: *websocket\r\n/i.test(head)) {
    const key = /\r\nsec-websocket-key:[ \t]*([^\r]*?)[ \t]*\r\n/i.exec(head)?.[1] ?? "";
    // RFC 6455 section 4.2.2.
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, "latin1").digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-Origin: ${mark}\r\n\r\n`,
    );
    return;
  }
  const body = `${method} ${target}`;
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX-Origin: ${mark}\r\n\r\n${method === "HEAD" ? "" : body}`, "latin1");
}
