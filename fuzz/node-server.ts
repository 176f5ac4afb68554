/**
 * The other judge of requests: the server of `node:http`, with strict parsing. Each wire gets a connection of its own, which exists in
 * memory only. The parser hands everything over while it is fed, so one reading takes no turn of the event loop; what a connection
 * leaves behind is freed in the next turn, which the caller must grant from time to time.
 */
import type { Buffer } from "node:buffer";
import { IncomingMessage, ServerResponse, createServer } from "node:http";
import type { Server } from "node:http";
import { MemorySocket } from "./memory-socket.ts";
import { pairsOf } from "./node-fields.ts";
import type { Message, Reading } from "./reading.ts";

/** Larger than our own limits: those are not what is compared. */
export const NODE_HEAD_BYTES_MAX: number = 1024 * 1024;

export class NodeServer {
  private readonly server: Server<typeof RecordedRequest, typeof WatchedResponse>;
  private seen: RecordedRequest[] = [];
  private fault: string | null = null;

  constructor() {
    this.server = createServer({
      IncomingMessage: RecordedRequest,
      ServerResponse: WatchedResponse,
      insecureHTTPParser: false,
      maxHeaderSize: NODE_HEAD_BYTES_MAX,
      keepAliveTimeout: 0,
      requestTimeout: 0,
      headersTimeout: 0,
    });
    this.server.maxHeadersCount = 0;
    const record = (request: RecordedRequest, response: WatchedResponse): void => {
      request.last = !response.shouldKeepAlive;
      // Node goes on with what it was fed behind a request that it refused; nothing of that is processed any more.
      if (this.fault === null) this.seen.push(request);
    };
    this.server.on("request", record);
    this.server.on("checkContinue", record);
    this.server.on("checkExpectation", record);
    // Node ends its reading at a request that asks to switch, whether that is done or not.
    const recordLast = (request: RecordedRequest): void => {
      request.last = true;
      if (this.fault === null) this.seen.push(request);
    };
    this.server.on("connect", recordLast);
    this.server.on("upgrade", recordLast);
    this.server.on("clientError", (error: NodeJS.ErrnoException) => {
      this.fault ??= error.code ?? error.message;
    });
  }

  /** Reads one connection that carries these bytes and ends. */
  read(wire: Buffer): Reading {
    this.seen = [];
    this.fault = null;
    const socket = new MemorySocket();
    refusals.set(socket, () => {
      this.fault ??= "NO_HOST";
    });
    this.server.emit("connection", socket);
    socket.receive(wire);
    if (this.fault === null) socket.emit("end");
    const reading: Reading = { messages: this.seen.map(messageOf), fault: this.fault };
    refusals.delete(socket);
    socket.destroy();
    return reading;
  }
}

/** Told when Node answers by itself: it does so for a request of HTTP/1.1 without Host, and for nothing else here. */
const refusals = new WeakMap<object, () => void>();

class RecordedRequest extends IncomingMessage {
  last: boolean = false;
  ended: boolean = false;
  body: string = "";

  /** The parser hands a body over by this call, and null at its end. */
  override push(chunk: Buffer | null): boolean {
    if (chunk === null) this.ended = true;
    else this.body += chunk.toString("latin1");
    return true;
  }
}

class WatchedResponse extends ServerResponse<RecordedRequest> {
  override end(): this {
    refusals.get(this.req.socket)?.();
    return this;
  }
}

function messageOf(request: RecordedRequest): Message {
  return {
    start: `${request.method ?? ""} ${request.url ?? ""} ${request.httpVersion}`,
    fields: pairsOf(request.rawHeaders),
    body: request.body,
    trailers: pairsOf(request.rawTrailers),
    complete: request.ended,
    last: request.last,
    raw: "",
  };
}
