/** The endpoint kinds of the HTTP/1.1 driver, in memory: one speaks HTTP/1.1, the other HTTP/1.0. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { Fields } from "../../http/build-head.ts";
import { mayHaveBody } from "../../http/status.ts";
import { DEFAULT_LIMITS } from "../../http1/limits.ts";
import { Event } from "../../http1/message-reader.ts";
import { RequestReader } from "../../http1/request-reader.ts";
import type { UpstreamStream } from "../../proxy/ports/upstream-stream.ts";
import type { OpenTransport, Transport, TransportReader, TransportWriter } from "../transport/transport.ts";
import type { Attempt } from "./attempt.fixture.ts";
import type { EndpointKind, GotRequest, TestEndpoint } from "./test-endpoint.fixture.ts";
import { ENDPOINT } from "./world.fixture.ts";
import type { World } from "./world.fixture.ts";

const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

export const HTTP_1_1: EndpointKind = {
  name: "an HTTP/1.1 connection",
  can: {
    connects: true,
    sendsInterims: true,
    sendsTrailers: true,
    seesTrailers: true,
    switches: true,
    persists: true,
    tellsFailures: true,
    learnsLateOfPauses: false,
  },
  make: (world) => new Http1Endpoint(world, "1.1"),
};

/** An endpoint whose bodies of unknown length end with the connection. */
export const HTTP_1_0: EndpointKind = {
  name: "an HTTP/1.1 connection to an endpoint that speaks HTTP/1.0",
  can: { ...HTTP_1_1.can, sendsInterims: false, sendsTrailers: false, switches: false, persists: false },
  make: (world) => new Http1Endpoint(world, "1.0"),
};

class Http1Endpoint implements TestEndpoint {
  private readonly world: World;
  private readonly version: "1.0" | "1.1";
  private readonly sides: Side[] = [];
  private isChunked: boolean = false;
  private endsBody: boolean = false;
  private turnedTo: number = -1;

  constructor(world: World, version: "1.0" | "1.1") {
    this.world = world;
    this.version = version;
    world.network.listen(ENDPOINT, (open) => this.sides.push(new Side(open)));
  }

  dial(attempt: Attempt): UpstreamStream {
    return this.world.thread.dial(this.world.endpoint, attempt);
  }

  take(attempt: Attempt): UpstreamStream | null {
    return this.world.thread.take(this.world.endpoint, attempt);
  }

  isAbsent(how: "refuses" | "silent"): void {
    this.world.network.listen(ENDPOINT, how === "refuses" ? "ECONNREFUSED" : "silent");
  }

  turnTo(connection: number): void {
    this.turnedTo = connection;
  }

  head(status: number, length: BodyLength, fields: Fields = []): void {
    this.isChunked = length < 0 && this.version === "1.1";
    this.endsBody = length < 0 && this.version === "1.0";
    const lines = [...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const hasLength = length >= 0 && mayHaveBody(status) && !lines.includes("Content-Length");
    const framing = this.isChunked ? "Transfer-Encoding: chunked\r\n" : hasLength ? `Content-Length: ${length}\r\n` : "";
    this.write(`HTTP/${this.version} ${status} \r\n${lines}${framing}\r\n`);
  }

  body(text: string): void {
    this.write(this.isChunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text);
  }

  end(trailers: Fields = []): void {
    if (this.isChunked) this.write(`0\r\n${[...trailers].map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
    if (this.endsBody) this.wire.end();
  }

  interim(status: number): void {
    this.write(`HTTP/1.1 ${status} \r\n\r\n`);
  }

  switches(): void {
    this.side.hasTunnel = true;
    this.write(SWITCH);
  }

  sendInTunnel(text: string): void {
    this.write(text);
  }

  garble(): void {
    this.write("no response\r\n\r\n");
  }

  stopReading(): void {
    this.wire.pause();
  }

  readOn(): void {
    this.wire.resume();
  }

  closes(): void {
    this.wire.destroy();
  }

  resets(): void {
    this.wire.reset();
  }

  get requests(): readonly GotRequest[] {
    return this.sides.flatMap(({ requests }) => requests);
  }

  get tunnelled(): string {
    return this.side.tunnelled;
  }

  get tunnelEnded(): boolean {
    return this.side.hasEnded;
  }

  get isLeft(): boolean {
    return this.sides.at(-1)?.isLeft ?? true;
  }

  get connections(): number {
    return this.sides.length;
  }

  private write(text: string): void {
    this.wire.write([Buffer.from(text, "latin1")]);
  }

  private get side(): Side {
    return this.sides.at(this.turnedTo) ?? assert.fail("nobody has connected");
  }

  private get wire(): Transport {
    return this.side.transport;
  }
}

interface Request extends GotRequest {
  body: string;
  isWhole: boolean;
  trailers: string | null;
}

/** The endpoint's end of a connection. */
class Side implements TransportReader, TransportWriter {
  readBuffer: Buffer = Buffer.alloc(64 * 1024);
  readonly requests: Request[] = [];
  readonly transport: Transport;
  isLeft: boolean = false;
  hasTunnel: boolean = false;
  tunnelled: string = "";
  hasEnded: boolean = false;
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);

  constructor(open: OpenTransport) {
    const transport = open(this, this);
    this.transport = transport;
    transport.start();
  }

  onRead(buffer: Buffer, count: number): void {
    if (this.hasTunnel) return void (this.tunnelled += latin1(buffer, 0, count));
    const { reader, requests } = this;
    reader.feed(buffer, 0, count);
    for (;;) {
      const request = requests.at(-1);
      switch (reader.next()) {
        case Event.head:
          requests.push({ method: reader.head.method, path: reader.head.path, body: "", isWhole: false, trailers: null });
          break;
        case Event.data:
          if (request !== undefined) request.body += latin1(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          if (request !== undefined) {
            request.isWhole = true;
            request.trailers = reader.trailers === null ? null : reader.trailers.text;
          }
          reader.restart(reader.head);
          break;
        case Event.fault:
          return assert.fail(`the endpoint cannot read its request: ${reader.fault.code}`);
        default:
          return;
      }
    }
  }

  onEnd(): void {
    this.hasEnded = true;
    this.isLeft = true;
  }

  onClosed(): void {
    this.isLeft = true;
  }

  onWritten(): void {}

  onWriteFailed(): void {}
}
