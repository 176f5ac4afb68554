/**
 * The endpoint that gets copies of requests (`mirror`). It does whatever hurts: nobody may notice. It checks that what comes is the copy of a
 * request that a client sent, marked, whole and with its own bytes.
 */
import { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import { RequestReader } from "../src/http1/request-reader.ts";
import type { Transport, TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import { bodyOf, strayByte } from "./bytes.ts";
import { Draw, seedOf } from "./draw.ts";
import { pathsOf } from "./edits.ts";
import { ownerOfRequest } from "./plan.ts";
import type { RequestPlan } from "./plan.ts";
import { Sending, readBuffer } from "./sending.ts";
import type { World } from "./world.ts";

export const SHADOW = "shadow.test:80";
/** The largest body that is copied, in bytes. */
export const COPY_BYTES_MAX = 40 * 1024;
/** Above what the proxy reads of the answer to a copy. */
const LONG_ANSWER_BYTES = 1_200_000;
const PIECE_BYTES = 256 * 1024;
const LATE_MS = 5000;

const WAYS = [
  "answers",
  "fails",
  "is late",
  "says nothing",
  "reads nothing",
  "resets",
  "closes",
  "babbles",
  "switches",
  "never ends",
] as const;

export class Shadow implements TransportReader, TransportWriter {
  readBuffer: Buffer = readBuffer;
  private readonly world: World;
  private readonly way: (typeof WAYS)[number];
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);
  private readonly sending: Sending;
  private transport: Transport | null = null;
  private request: RequestPlan | null = null;
  private bodyAt: number = 0;

  /** @param index of the connection, which decides what it does */
  constructor(world: World, index: number) {
    this.world = world;
    const draw = new Draw(seedOf(seedOf(world.seed, -117), index));
    this.way = draw.oneIn(3) ? "answers" : draw.pick(...WAYS);
    this.sending = new Sending(world.clock, PIECE_BYTES, 0);
  }

  start(transport: Transport): void {
    this.transport = transport;
    this.sending.start(transport);
    if (this.way === "reads nothing") transport.pause();
  }

  onRead(buffer: Buffer, count: number): void {
    this.reader.feed(buffer, 0, count);
    for (;;) {
      switch (this.reader.next()) {
        case Event.head:
          if (!this.begin()) return;
          break;
        case Event.data:
          if (!this.takesBody()) return;
          break;
        case Event.end:
          this.respond();
          this.reader.restart(this.reader.head);
          break;
        case Event.fault:
          return this.world.fail(`a copy is no request: ${this.reader.fault.code}`);
        default:
          return;
      }
    }
  }

  private begin(): boolean {
    const { head } = this.reader;
    const id = Number(head.get("x-request"));
    const request = this.world.requests.get(id)?.request;
    if (request === undefined || !pathsOf(request).includes(head.path) || head.method !== request.method) {
      this.world.fail(`a copy of ${head.method} ${head.path} with X-Request ${id} comes, which nobody sent`);
      return false;
    }
    if (head.get("x-mirrored") !== "true" || head.has("expect")) this.world.fail(`the copy of ${id} is not marked, or waits for a 100`);
    if (request.isMalformed || request.tunnelBytes >= 0) this.world.fail(`request ${id} is not one to copy`);
    this.world.tells(request, head, "whose copy comes to an endpoint");
    this.request = request;
    this.bodyAt = 0;
    if (this.way === "resets") this.transport?.reset();
    return this.way !== "resets";
  }

  private takesBody(): boolean {
    const { request } = this;
    const { bytes, dataStart, dataEnd } = this.reader;
    if (request === null) return false;
    const stray = strayByte(ownerOfRequest(request.id), this.bodyAt, bytes, dataStart, dataEnd);
    if (stray >= 0) this.world.fail(`the body of the copy of ${request.id} is another one from byte ${stray} on`);
    this.bodyAt += dataEnd - dataStart;
    return true;
  }

  private respond(): void {
    const { request, transport } = this;
    if (request === null) return;
    if (this.bodyAt !== request.bodyBytes || this.bodyAt > COPY_BYTES_MAX)
      this.world.fail(`the copy of ${request.id} is whole with ${this.bodyAt} of ${request.bodyBytes} bytes`);
    switch (this.way) {
      case "answers":
        return this.say("200 OK", 300);
      case "fails":
        return this.say("503 Service Unavailable", 0);
      case "is late":
        return void this.world.clock.after(LATE_MS, () => this.say("200 OK", 10));
      case "closes":
        return transport?.destroy();
      case "babbles":
        return this.sending.add([Buffer.from("\0no HTTP\r\n\r\nHTTP/1.1 200 OK\r\nX-Answer: 0.0\r\nContent-Length: 8\r\n\r\nsmuggled")]);
      case "switches":
        return this.sending.add([Buffer.from("HTTP/1.1 101 Whatever\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nsmuggled")]);
      case "never ends":
        return this.say("200 OK", LONG_ANSWER_BYTES);
      default:
    }
  }

  private say(status: string, bytes: number): void {
    const { request } = this;
    if (this.transport?.destroyed !== false) return;
    const hasBody = request?.method !== "HEAD";
    const pieces = Array.from({ length: hasBody ? Math.ceil(bytes / PIECE_BYTES) : 0 }, (_, at) =>
      bodyOf(0, 0, Math.min(PIECE_BYTES, bytes - at * PIECE_BYTES)),
    );
    this.sending.add([Buffer.from(`HTTP/1.1 ${status}\r\nX-Answer: 0.0\r\nContent-Length: ${bytes}\r\n\r\n`), ...pieces]);
  }

  onEnd(): void {
    this.transport?.destroy();
  }

  onClosed(): void {
    this.sending.stop();
  }

  onWritten(): void {
    this.sending.written();
  }

  onWriteFailed(): void {
    this.sending.stop();
    this.transport?.destroy();
  }
}
