/**
 * The other judge of responses: the client of `node:http`, with strict parsing. Each wire answers a request of its own on a connection
 * in memory. A request needs one turn of the event loop before it reads, so they are made in advance.
 */
import type { Buffer } from "node:buffer";
import { request as makeRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { MemorySocket } from "./memory-socket.ts";
import { pairsOf } from "./node-fields.ts";
import { NODE_HEAD_BYTES_MAX } from "./node-server.ts";
import type { Message, Reading } from "./reading.ts";

interface Slot {
  readonly request: ClientRequest;
  readonly socket: MemorySocket;
}

export class NodeClient {
  private readonly slots: Record<"GET" | "HEAD", Slot[]> = { GET: [], HEAD: [] };

  /** Makes requests ready for so many readings. */
  async prepare(gets: number, heads: number): Promise<void> {
    for (const [method, count] of [
      ["GET", gets],
      ["HEAD", heads],
    ] as const) {
      while (this.slots[method].length < count) this.slots[method].push(makeSlot(method));
    }
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }

  /** Reads the answer to one request on a connection that carries these bytes and ends: interim responses, the final one, no more. */
  read(wire: Buffer, toHead: boolean): Reading {
    const slot = this.slots[toHead ? "HEAD" : "GET"].pop();
    if (slot === undefined) throw new RangeError("no request is prepared");
    const { request, socket } = slot;
    const messages: Message[] = [];
    let fault: string | null = null;
    request.on("information", (info) => messages.push(interim(info.statusCode, info.httpVersion, info.rawHeaders)));
    request.on("upgrade", (response) => messages.push(interim(response.statusCode ?? 0, response.httpVersion, response.rawHeaders)));
    request.on("error", (error: NodeJS.ErrnoException) => {
      fault ??= error.code ?? error.message;
    });
    request.on("response", (response) => messages.push(record(response)));
    socket.receive(wire);
    socket.emit("end");
    socket.destroy();
    return { messages, fault };
  }
}

function makeSlot(method: string): Slot {
  const socket = new MemorySocket();
  const request = makeRequest({
    method,
    createConnection: () => socket,
    insecureHTTPParser: false,
    maxHeaderSize: NODE_HEAD_BYTES_MAX,
  });
  request.maxHeadersCount = 0;
  // Destroying a slot that was never used is no failure.
  request.on("error", () => {});
  return { request, socket };
}

function interim(status: number, version: string, rawHeaders: readonly string[]): Message {
  return {
    start: `${status} ${version}`,
    fields: pairsOf(rawHeaders),
    body: "",
    trailers: [],
    complete: true,
    last: status === 101 || status >= 200,
    raw: "",
  };
}

function record(response: IncomingMessage): Message {
  const message: Message = { ...interim(response.statusCode ?? 0, response.httpVersion, response.rawHeaders), complete: false };
  // The parser hands a body over by this call, and null at its end.
  response.push = (chunk: Buffer | null): boolean => {
    if (chunk !== null) {
      message.body += chunk.toString("latin1");
      return true;
    }
    message.trailers = pairsOf(response.rawTrailers);
    message.complete = true;
    return true;
  };
  return message;
}
