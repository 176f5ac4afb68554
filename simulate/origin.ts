/** The endpoint's side of one connection: answers as the plan says, and checks every byte of the requests. */
import { Buffer } from "node:buffer";
import { DEFAULT_LIMITS } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import { RequestReader } from "../src/http1/request-reader.ts";
import type { Transport, TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import { bodyOf, strayByte } from "./bytes.ts";
import { UNASKED, chunked, hasBody } from "./client.ts";
import { ANSWER_FIELDS, isFeatured, isFlipped } from "./hooks.ts";
import { answerLines, pathsOf } from "./edits.ts";
import { SMALL_BODY_MAX, answerTo, ownerOfAnswer, ownerOfRequest, ownerOfTunnel } from "./plan.ts";
import type { AnswerPlan, RequestPlan } from "./plan.ts";
import { readHeader } from "../src/proxy-protocol/header-reader.ts";
import type { ProxyHeader } from "../src/proxy-protocol/header.ts";
import { Sending, beginningOf, lengthOf, readBuffer } from "./sending.ts";
import type { Message } from "./sending.ts";
import { flipped } from "./stages.ts";
import { TunnelEnd } from "./tunnel-end.ts";
import type { World } from "./world.ts";

/** How long after an answer an endpoint closes the connection, if the plan says that it dies idle. */
const DIES_IDLE_MS = 300;
/** How often a slow endpoint pauses reading on one connection, so that it comes to an end. */
const PAUSES_MAX = 15;
/** Bytes that some endpoints send after a complete answer. */
const EXTRA: Readonly<Partial<Record<AnswerPlan["after"], Buffer>>> = {
  extra: Buffer.from(`HTTP/1.1 200 OK\r\nX-Answer: ${UNASKED}\r\nContent-Length: 8\r\n\r\nsmuggled`),
  "line-end": Buffer.from("\r\n"),
};

export class SimulatedOrigin implements TransportReader, TransportWriter {
  readBuffer: Buffer = readBuffer;
  /** How many bytes were sent at the end of each response, including responses that nobody asked for. */
  readonly ends: number[] = [];
  /** Whether the endpoint has begun a response that says that it is the connection's last. */
  hasSaidClose: boolean = false;
  private readonly world: World;
  private readonly endpoint: number;
  private readonly reader: RequestReader = new RequestReader(DEFAULT_LIMITS);
  /** What has come of a connection that may begin with a PROXY header; null: it is known whether it does. */
  private beginning: Buffer | null;
  /** What the header said; null: there was none. */
  private header: ProxyHeader | null = null;
  private transport: Transport | null = null;
  private sending: Sending | null = null;
  private request: RequestPlan | null = null;
  private answer: AnswerPlan | null = null;
  private readonly held: Buffer[] = [];
  /** Lines of the answer to the current request, from edits.ts. */
  private answerFields: string = "";
  private bodyAt: number = 0;
  /** Whether a stage flips the bits of the request's body. */
  private isFlipped: boolean = false;
  private pauses: number = 0;
  private sentBytes: number = 0;
  /** The endpoint's side of a tunnel, after a switch of protocols. */
  private tunnel: TunnelEnd | null = null;
  /** Whether the endpoint has sent a response that nobody asked for. From then on its answers may be taken for those to later requests. */
  private isUnasked: boolean = false;
  private requestIsWhole: boolean = false;
  private answerIsBegun: boolean = false;
  private answerIsWhole: boolean = false;

  constructor(world: World, endpoint: number) {
    this.world = world;
    this.endpoint = endpoint;
    this.beginning = world.parts.announced ? Buffer.alloc(0) : null;
  }

  start(transport: Transport): void {
    this.transport = transport;
  }

  onRead(buffer: Buffer, count: number): void {
    if (this.tunnel !== null) this.tunnel.takes(buffer, 0, count);
    else this.take(buffer, count);
    if (!this.requestIsWhole) this.pauseReading(this.answer?.readPauseMs ?? 0);
  }

  private pauseReading(ms: number): void {
    const { transport } = this;
    if (ms === 0 || this.pauses++ >= PAUSES_MAX || transport === null) return;
    transport.pause();
    this.world.clock.after(ms, () => transport.resume());
  }

  /**
   * Reads bytes, or holds them until the current request is answered. The proxy may send a request before that: it has read the whole answer
   * when this side does not know yet that its last write is done, or it took another response for the answer.
   */
  private take(buffer: Buffer, count: number): void {
    if (this.request !== null && this.requestIsWhole) {
      this.held.push(Buffer.from(buffer.subarray(0, count)));
      return;
    }
    if (this.beginning !== null) return this.begins(Buffer.concat([this.beginning, buffer.subarray(0, count)]));
    this.reader.feed(buffer, 0, count);
    this.read();
  }

  /** Takes the PROXY header off, if the connection begins with one. */
  private begins(bytes: Buffer): void {
    const read = readHeader(bytes, 0, bytes.length);
    if (read.kind === "fault" && read.fault !== "no_header") return this.world.fail(`an endpoint gets a PROXY header with ${read.fault}`);
    this.beginning = read.kind === "more" ? bytes : null;
    if (read.kind === "more") return;
    if (read.kind === "header") this.header = read.header;
    const start = read.kind === "header" ? read.end : 0;
    if (start === bytes.length) return;
    this.reader.feed(bytes, start, bytes.length);
    this.read();
  }

  private read(): void {
    const { reader } = this;
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          if (this.request !== null) return this.world.fail(`an endpoint gets a request while it answers ${this.request.id}`);
          if (reader.head.path === "/health") return this.answerProbe();
          if (!this.begin()) return;
          break;
        case Event.data:
          this.onData(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          if (this.request !== null && !this.requestIsWhole) this.world.ends(this.request, reader.trailers);
          if (!this.requestIsWhole) this.onWhole();
          if (this.request !== null) {
            if (reader.hasRest) this.held.push(reader.takeRest());
            return;
          }
          break;
        case Event.fault:
          return this.world.fail(`an endpoint was sent what is no request: ${reader.fault.code}`);
        default:
          return;
      }
    }
  }

  /** Answers a health check. The probe has a connection of its own, and closes it. */
  private answerProbe(): void {
    const status = this.world.probeStatus(this.endpoint);
    if (status !== 0) this.transport?.write(`HTTP/1.1 ${status} Whatever\r\nContent-Length: 0\r\n\r\n`);
  }

  private begin(): boolean {
    const { head } = this.reader;
    const id = Number(head.get("x-request"));
    const request = this.world.requests.get(id)?.request;
    if (request === undefined || !pathsOf(request).includes(head.path) || head.method !== request.method) {
      this.world.fail(`an endpoint gets ${head.method} ${head.path} with X-Request ${id}, which nobody sent`);
      return false;
    }
    const time = this.world.arrived(request, head, this.endpoint);
    if (this.header !== null) this.world.arrivedFor(request, this.header.addresses, this);
    this.answerFields = answerLines(request, head.path, head.get("host") ?? "");
    if (this.isUnasked) this.world.misled.add(id);
    this.request = request;
    this.isFlipped = isFlipped(this.world.seed, id, request.route, "requestStage");
    this.bodyAt = 0;
    this.requestIsWhole = false;
    this.answerIsBegun = false;
    this.answerIsWhole = false;
    const answer = answerTo(this.world.seed, id, time);
    this.answer = answer;
    if (answer.after === "extra" && answer.pieceEveryMs > 0) this.world.misleadsSlowly = true;
    this.sending = new Sending(this.world.clock, answer.pieceBytes, answer.pieceEveryMs);
    if (this.transport !== null) this.sending.start(this.transport);
    if (answer.isEarly) this.later(() => this.respond(time));
    return true;
  }

  private onData(bytes: Buffer, start: number, end: number): void {
    const { request } = this;
    if (request === null) return this.world.fail("an endpoint gets body bytes of no request");
    const owner = ownerOfRequest(request.id);
    const stray = this.isFlipped
      ? strayByte(owner, this.bodyAt, flipped(bytes, start, end), 0, end - start)
      : strayByte(owner, this.bodyAt, bytes, start, end);
    if (stray >= 0) this.world.fail(`the request's body of ${request.id} is another one from byte ${stray} on`);
    this.bodyAt += end - start;
    if (request.route === "small" && this.bodyAt > SMALL_BODY_MAX)
      this.world.fail(`an endpoint gets ${this.bodyAt} body bytes of request ${request.id}, more than its route allows`);
    if (this.bodyAt > request.bodyBytes) this.world.fail(`the request's body of ${request.id} is too long`);
  }

  private onWhole(): void {
    const { request, answer } = this;
    this.requestIsWhole = true;
    if (request === null || answer === null) return;
    if (this.bodyAt !== request.bodyBytes || request.isMalformed) {
      this.world.fail(`an endpoint takes request ${request.id} for whole with ${this.bodyAt} of ${request.bodyBytes} bytes`);
    }
    const time = (this.world.arrivals.get(request.id) ?? 1) - 1;
    if (!answer.isEarly) this.later(() => this.respond(time));
    else this.finishIfDone();
  }

  private later(then: () => void): void {
    const { request, answer } = this;
    this.world.clock.after(answer?.delayMs ?? 0, () => {
      if (this.request === request && this.transport?.destroyed === false) then();
    });
  }

  private respond(time: number): void {
    const { request, answer, sending } = this;
    if (request === null || answer === null || sending === null || this.answerIsBegun) return;
    this.answerIsBegun = true;
    if (request.tunnelBytes >= 0 && answer.status === 200 && !this.isUnasked) return this.switches(request, answer, time);
    this.hasSaidClose ||= answer.after === "says-close";
    const message = answerMessage(request, answer, time, this.isUnasked ? UNASKED : `${request.id}.${time}`, this.answerFields);
    const length = lengthOf(message);
    const isCut = answer.ending !== "whole" && answer.endAt < length;
    const extra = isCut || answer.framing === "close" ? undefined : EXTRA[answer.after];
    this.ends.push((this.sentBytes += length));
    if (extra !== undefined) {
      this.sentBytes += extra.length;
      if (answer.after === "extra") {
        this.ends.push(this.sentBytes);
        this.isUnasked = true;
      }
    }
    if (isCut) sending.add(beginningOf(message, answer.endAt));
    else sending.add(extra === undefined ? message : [...message, extra]);
    sending.onEmpty = () => (isCut ? this.cut(answer) : this.answered(answer));
    // A short message has been sent already, before `onEmpty` was set: this calls it.
    sending.add([]);
  }

  private switches({ id, tunnelBytes }: RequestPlan, answer: AnswerPlan, time: number): void {
    const { transport, sending } = this;
    if (transport === null || sending === null) return;
    const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Answer: ${id}.${time}\r\n\r\n`;
    const message = [Buffer.from(head, "latin1"), bodyOf(ownerOfAnswer(id, time), 0, answer.bytes)];
    const length = lengthOf(message);
    const isCut = answer.ending !== "whole" && answer.endAt < length;
    const tunnel = new TunnelEnd(
      transport,
      (message) => this.world.fail(`endpoint of ${id}: ${message}`),
      ownerOfTunnel(id),
      tunnelBytes,
      id % 2 === 0,
    );
    this.tunnel = tunnel;
    this.world.tunnels.set(id, tunnel);
    this.ends.push((this.sentBytes += length));
    sending.add(isCut ? beginningOf(message, answer.endAt) : message);
    sending.onEmpty = () => (isCut ? this.cut(answer) : tunnel.sent());
    sending.add([]);
  }

  private cut({ ending }: AnswerPlan): void {
    if (ending === "reset") this.transport?.reset();
    else if (ending === "close") this.transport?.destroy();
    else if (ending === "malformed") this.transport?.write("\0no HTTP\r\n\r\n");
  }

  private answered(answer: AnswerPlan): void {
    if (this.answerIsWhole) return;
    this.answerIsWhole = true;
    if (answer.framing === "close" || answer.after === "close" || answer.after === "says-close") this.transport?.destroySoon();
    else if (answer.after === "dies-idle") this.world.clock.after(DIES_IDLE_MS, () => this.dieIfIdle());
    this.finishIfDone();
  }

  /** Closes the connection if no request has come. One may be on its way nevertheless. */
  private dieIfIdle(): void {
    if (this.request === null) this.transport?.destroy();
  }

  private finishIfDone(): void {
    if (!this.requestIsWhole || !this.answerIsWhole) return;
    this.request = null;
    this.answer = null;
    this.sending = null;
    this.reader.restart(this.reader.head);
    for (const bytes of this.held.splice(0)) this.take(bytes, bytes.length);
  }

  onEnd(): void {
    if (this.tunnel !== null) return this.tunnel.otherEnds();
    this.transport?.destroy();
  }

  onClosed(): void {
    this.sending?.stop();
  }

  onWritten(): void {
    this.sending?.written();
  }

  onWriteFailed(): void {
    this.sending?.stop();
    this.transport?.destroy();
  }
}

function answerMessage(request: RequestPlan, answer: AnswerPlan, time: number, label: string, fields: string): Message {
  const { id } = request;
  const { status, interim, framing, bytes, after } = answer;
  let head = interim.map((code) => `HTTP/1.1 ${code} Wait\r\n\r\n`).join("");
  head += `HTTP/1.1 ${status} Whatever\r\nX-Answer: ${label}\r\n${fields}`;
  if (isFeatured(request.route)) head += ANSWER_FIELDS.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  if (after === "says-close") head += "Connection: close\r\n";
  if (framing === "length" && status !== 204) head += `Content-Length: ${bytes}\r\n`;
  else if (framing === "chunked" && status !== 204) head += "Transfer-Encoding: chunked\r\n";
  const start = Buffer.from(`${head}\r\n`, "latin1");
  if (!hasBody(answer, request)) return [start];
  const body = bodyOf(ownerOfAnswer(id, time), 0, bytes);
  return [start, framing === "chunked" ? chunked(body, 1 + (bytes >> 4), "0\r\n\r\n") : body];
}
