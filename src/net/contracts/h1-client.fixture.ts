/** The client kinds of the HTTP/1 driver, in memory: one speaks HTTP/1.1, the other HTTP/1.0. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { Fields } from "../../http/build-head.ts";
import { Event } from "../../http1/message-reader.ts";
import { RESPONSE_LIMITS } from "../../http1/limits.ts";
import { ResponseReader } from "../../http1/response-reader.ts";
import { ListenerContext, trustOf } from "../accept/listener-context.ts";
import { connectionOf } from "../protocols.ts";
import type { Transport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { Asked, ClientKind, Got, TestClient } from "./test-client.fixture.ts";
import { PROXY } from "./world.fixture.ts";
import type { World } from "./world.fixture.ts";

const SWITCH = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n";

export const HTTP_1_1: ClientKind = {
  name: "an HTTP/1.1 connection",
  can: {
    sendsPieces: true,
    sendsUnknownLength: true,
    sendsTrailers: true,
    stopsReading: true,
    resets: true,
    halfCloses: true,
    persists: true,
    switches: true,
    seesInterims: true,
    seesTrailers: true,
    seesParts: true,
    seesAnswers: true,
    blocksLater: true,
    countsBytes: true,
  },
  make: (world) => listened(world, "1.1"),
};

export const HTTP_1_0: ClientKind = {
  name: "an HTTP/1.0 connection",
  can: {
    ...HTTP_1_1.can,
    sendsUnknownLength: false,
    sendsTrailers: false,
    persists: false,
    switches: false,
    seesInterims: false,
    seesTrailers: false,
  },
  make: (world) => listened(world, "1.0"),
};

function listened(world: World, version: "1.0" | "1.1"): Http1Client {
  Http1Client.listen(world);
  return new Http1Client(world, version);
}

interface Response extends Got {
  interims: number[];
  status: number;
  body: string;
  trailers: string | null;
  end: "open" | "whole" | "cut";
}

export class Http1Client implements TestClient, TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(64 * 1024);
  readonly responses: Response[] = [];
  tunnelled: string = "";
  isOver: boolean = false;
  connections: number = 0;
  private readonly world: World;
  private readonly version: "1.0" | "1.1";
  private transport: Transport | null = null;
  private reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private isChunked: boolean = false;
  private hasTunnel: boolean = false;
  /** Methods of the requests that wait for a response. */
  private waiting: string[] = [];

  constructor(world: World, version: "1.0" | "1.1") {
    this.world = world;
    this.version = version;
  }

  /** Makes the proxy listen for clients of this kind. */
  static listen(world: World): void {
    const [listening = assert.fail("there is no listener")] = world.config.listeners;
    const trust = trustOf(world.config);
    const context = new ListenerContext(world.thread, 0, listening, trust, connectionOf);
    world.network.listen(PROXY, (open, peer) => context.admission.accept(open, peer));
  }

  // ---- what the client does -----------------------------------------------------------------------------------------

  ask({ method = "GET", path = "/", fields = [], length = 0, body = "", switches = false }: Asked): void {
    if (this.transport === null || this.isOver) this.connect();
    this.isChunked = length < 0;
    this.waiting.push(method);
    const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const framing = this.isChunked ? "Transfer-Encoding: chunked\r\n" : length > 0 ? `Content-Length: ${length}\r\n` : "";
    const head = `${method} ${path} HTTP/${this.version}\r\nHost: a.test\r\n${lines}${framing}${switches ? SWITCH : ""}\r\n`;
    this.write(head + this.framed(body));
  }

  send(text: string): void {
    this.write(this.framed(text));
  }

  finish(trailers: Fields = []): void {
    if (this.isChunked) this.write(`0\r\n${[...trailers].map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  }

  garble(): void {
    this.write("no chunk\r\n");
  }

  stopReading(): void {
    this.wire.pause();
  }

  readOn(): void {
    this.wire.resume();
  }

  leave(): void {
    this.wire.destroy();
  }

  reset(): void {
    this.wire.reset();
  }

  halfClose(): void {
    this.wire.end();
  }

  sendInTunnel(text: string): void {
    this.write(text);
  }

  private framed(text: string): string {
    return this.isChunked && text !== "" ? `${text.length.toString(16)}\r\n${text}\r\n` : text;
  }

  private connect(): void {
    this.connections++;
    this.isOver = false;
    this.hasTunnel = false;
    this.reader = new ResponseReader(RESPONSE_LIMITS);
    this.waiting = [];
    this.transport = this.world.network.connect(PROXY, this, this, () => {});
    this.world.network.settle();
  }

  private write(text: string): void {
    this.wire.write([Buffer.from(text, "latin1")]);
  }

  private get wire(): Transport {
    return this.transport ?? assert.fail("it is not connected");
  }

  // ---- what the client receives -------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    if (this.hasTunnel) return void (this.tunnelled += latin1(buffer, 0, count));
    this.reader.feed(buffer, 0, count);
    this.read();
  }

  private read(): void {
    const { reader } = this;
    for (;;) {
      reader.toHead = this.waiting[0] === "HEAD";
      switch (reader.next()) {
        case Event.head:
          this.onHead(reader.head.status);
          if (this.hasTunnel) return;
          break;
        case Event.data:
          this.open.body += latin1(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          this.open.trailers = reader.trailers === null ? null : reader.trailers.text;
          this.ends("whole");
          reader.restart(reader.head);
          break;
        case Event.fault:
          return assert.fail(`the client cannot read its response: ${reader.fault.code}`);
        default:
          return;
      }
    }
  }

  private onHead(status: number): void {
    const { reader } = this;
    if (status === 101) {
      this.open.status = status;
      this.hasTunnel = true;
      this.tunnelled = reader.takeRest().toString("latin1");
    } else if (status < 200) {
      this.open.interims.push(status);
      reader.next();
      reader.restart(reader.head);
    } else this.open.status = status;
  }

  onEnd(): void {
    const event = this.reader.endOfInput();
    if (!this.hasTunnel && event === Event.end && this.responses.at(-1)?.end === "open") this.ends("whole");
    this.closes();
  }

  onClosed(): void {
    this.closes();
  }

  onWritten(): void {}

  onWriteFailed(): void {}

  private closes(): void {
    this.isOver = true;
    if (this.responses.at(-1)?.end === "open") this.ends("cut");
  }

  private ends(end: "whole" | "cut"): void {
    this.open.end = end;
    this.waiting.shift();
  }

  private get open(): Response {
    const last = this.responses.at(-1);
    if (last !== undefined && last.end === "open") return last;
    const next: Response = { interims: [], status: 0, body: "", trailers: null, end: "open" };
    this.responses.push(next);
    return next;
  }
}
