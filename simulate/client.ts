/** A client that does what its plan says, and checks every byte that it receives. */
import { Buffer } from "node:buffer";
import { writeLatin1 } from "../src/base/latin1.ts";
import { RESPONSE_LIMITS } from "../src/http1/limits.ts";
import { Event } from "../src/http1/message-reader.ts";
import type { ResponseHead } from "../src/http/response-head.ts";
import { ResponseReader } from "../src/http1/response-reader.ts";
import type { MemoryTransport } from "../src/net/transport/memory/memory-transport.ts";
import type { TransportReader, TransportWriter } from "../src/net/transport/transport.ts";
import { bodyOf, strayByte } from "./bytes.ts";
import { PAGE, variantOf } from "./configs.ts";
import { fileAnswer, ownerOfFile } from "./files.ts";
import { editLines, faultOfEditedResponse, isTold, saidText } from "./edits.ts";
import { faultOfResponse } from "./expected.ts";
import { asksWho, faultOfChallenge, shownLines, shownTrailers } from "./identities.ts";
import { introductionBytes, isRight } from "./introductions.ts";
import { notedLines } from "./log-lines.ts";
import { TAKEN_OUT, isFeatured, isFlipped } from "./hooks.ts";
import { faultOfPatternResponse, patternTexts } from "./patterns.ts";
import { answerTo, ownerOfAnswer, ownerOfRequest, ownerOfTunnel, targetOf } from "./plan.ts";
import type { AnswerPlan, ClientPlan, Place, RequestPlan } from "./plan.ts";
import { Sending, lengthOf, readBuffer } from "./sending.ts";
import type { Message } from "./sending.ts";
import { flipped } from "./stages.ts";
import { TunnelEnd } from "./tunnel-end.ts";
import type { World } from "./world.ts";

/**
 * The `X-Answer` of a response that an endpoint sends without a request. A request that was sent on the same connection before the proxy read this
 * response gets it as its answer; nobody can prevent that. World.checkRequestStart checks that no request is sent after it was read.
 */
export const UNASKED = "0.0";
const UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/** The most bytes that the two lines around a chunk take. */
const CHUNK_LINES_MAX = 12;
/** When a load balancer closes a connection whose header it has not finished. */
const CUT_MS = 100;
/** How often a slow client pauses reading, so that it comes to an end. */
const PAUSES_MAX = 15;

/** What a client knows of the response to one request. */
export interface Seen {
  status: number;
  isWhole: boolean;
  /** Whether it says that it is the connection's last. */
  saysClose: boolean;
  /** The field X-Answer; "": it has none. */
  readonly answers: string;
}

export class SimulatedClient implements TransportReader, TransportWriter {
  readBuffer: Buffer = readBuffer;
  readonly plan: ClientPlan;
  /** Responses whose final head has come, by request id. */
  readonly seen: Map<number, Seen> = new Map();
  /** Whether the client has not done anything that ends its connection early. */
  isPatient: boolean = true;
  /** When the client has reset its connection; Infinity if it did not. */
  leftAtMs: number = Infinity;
  connectedAtMs: number = Infinity;
  /** How many final responses have begun. */
  private responses: number = 0;
  private readonly world: World;
  private readonly sending: Sending;
  private readonly reader: ResponseReader = new ResponseReader(RESPONSE_LIMITS);
  private transport: MemoryTransport | null = null;
  /** Since when the client rests: it has all its responses and has nothing to send for now. Null while it does not rest. */
  restsSinceMs: number | null = null;
  /** When the client last sent a request while it awaited no response. */
  private restedUntilMs: number = 0;
  /** By request id: when its connection last awaited no response. Configurations from before that time do not count for the request. */
  readonly knownFromMs: Map<number, number> = new Map();
  /** Requests that were sent and are not answered, oldest first. */
  private readonly awaited: RequestPlan[] = [];
  private next: number = 0;
  /** Bytes of all requests so far; the map has that number at the end of each request, by id. */
  private askedBytes: number = 0;
  private readonly askedBefore: Map<number, number> = new Map();
  private receivedBytes: number = 0;
  /** The client's side of a tunnel, after a switch of protocols. */
  tunnel: TunnelEnd | null = null;
  private pauses: number = 0;
  /** The owner of the current response's body; null for an answer of the proxy's own. */
  private owner: number | null = null;
  private answer: AnswerPlan | null = null;
  /** Whether a stage flips the bits of the current response's body. */
  private isFlipped: boolean = false;
  /** The texts of which an answer of the proxy's own must have one, and what has come of it; null: nothing is known of it. */
  private texts: readonly string[] | null = null;
  private heard: string = "";
  private bodyAt: number = 0;
  private current: Seen | null = null;
  /** How many 103 responses came for the request that is being answered. */
  private hints: number = 0;
  /** Whether the proxy has sent its FIN. */
  hasEnded: boolean = false;
  private hasFailedToWrite: boolean = false;
  /** Whether the current response says that it is the connection's last. */
  private saysClose: boolean = false;
  /** Whether the connection's last response is over. */
  private hasLast: boolean = false;

  constructor(world: World, plan: ClientPlan) {
    this.world = world;
    this.plan = plan;
    this.sending = new Sending(world.clock, plan.pieceBytes, plan.pieceEveryMs);
    this.sending.onSent = () => this.meetFate();
    world.clock.after(plan.startMs, () => this.connect());
  }

  /**
   * Whether the client reads everything at once. Only then must a completed response have arrived: for the proxy a response is complete once the
   * system has all of it, and a slow reader may be cut after that.
   */
  get isReadingOn(): boolean {
    return this.isPatient && this.plan.readPauseMs === 0;
  }

  /**
   * Whether the client sent more after a request that it said to be its last one. The proxy may close without reading that, and the reset may
   * take the end of the response along.
   */
  hasSpokenOn(id: number): boolean {
    const { requests } = this.plan;
    const index = requests.findIndex((request) => request.id === id);
    const said = requests[index];
    return this.hasFailedToWrite && index < requests.length - 1 && (said?.closes === true || said?.isOld === true);
  }

  /** Whether the connection is gone, even if the client does not know: a client that stops reading does not learn it. */
  get isGone(): boolean {
    return this.transport !== null && (this.transport.destroyed || this.transport.peer?.destroyed === true);
  }

  /** How many bytes the proxy has read beyond the request that it is answering. */
  get heldBytes(): number {
    if (this.awaited.length < 2 || this.isGone) return 0;
    const current = this.awaited.find(({ id }) => !this.world.ended.has(id));
    // After its last response the proxy reads and throws away what comes.
    if (current === undefined || this.world.attempts.count(current.id) === 0) return 0;
    return (this.transport?.peer?.readBytes ?? 0) - (this.askedBefore.get(current.id) ?? 0);
  }

  private connect(): void {
    this.connectedAtMs = this.world.clock.nowMs;
    const { introduction, address } = this.plan;
    const first = introduction === null ? null : introductionBytes(introduction, address);
    if (introduction !== null && !isRight(introduction)) this.isPatient = false;
    this.transport = this.world.connect(this, (transport) => {
      this.sending.start(transport);
      if (first !== null) this.sending.add([first]);
      this.askedBytes = first?.length ?? 0;
      // Of those that are refused, some close, and the others wait.
      if (introduction?.kind === "cut" || (introduction?.kind === "refused" && this.plan.startMs % 2 === 0))
        this.world.clock.after(CUT_MS, () => this.close());
      else if (introduction?.kind !== "silent" && introduction?.kind !== "refused") this.ask();
    });
  }

  private ask(): void {
    const { requests, ahead, garbage } = this.plan;
    if (this.awaited.length === 0) this.restedUntilMs = this.world.clock.nowMs;
    while (this.awaited.length < ahead && this.next < requests.length) {
      const request = requests[this.next++];
      if (request === undefined) return;
      this.awaited.push(request);
      this.knownFromMs.set(request.id, this.restedUntilMs);
      const message = requestMessage(request, this.plan, this.world.parts.logged ? notedLines(request.id) : "");
      this.askedBytes += lengthOf(message);
      this.askedBefore.set(request.id, this.askedBytes);
      this.sending.add(message);
      if (this.next === requests.length && garbage !== "") this.sending.add([Buffer.from(garbage, "latin1")]);
    }
    if (this.awaited.length === 0 && this.next === requests.length && garbage === "") this.close();
  }

  private goOn(): void {
    const { restMs, requests } = this.plan;
    if (restMs === 0 || this.awaited.length > 0 || this.next === requests.length) return this.ask();
    // A request that was answered early may still be on its way: its connection is not idle.
    if (this.sending.isEmpty) this.restsSinceMs = this.world.clock.nowMs;
    this.world.clock.after(restMs, () => {
      this.restsSinceMs = null;
      if (this.isPatient && !this.hasEnded && !this.isGone) this.ask();
    });
  }

  private close(): void {
    this.sending.stop();
    this.transport?.destroy();
  }

  private meetFate(): void {
    const { kind, atSent, atReceived } = this.plan.fate;
    if (!this.isPatient || kind === "patient" || (this.sending.sentBytes < atSent && this.receivedBytes < atReceived)) return;
    this.isPatient = false;
    // One that closes in order may have half-closed, for all that can be seen.
    if (kind === "resets") this.leftAtMs = this.world.clock.nowMs;
    this.sending.stop();
    if (kind === "resets") this.transport?.reset();
    else if (kind === "closes") this.transport?.destroy();
    else if (kind === "half-closes") this.transport?.end();
    else if (kind === "stops-reading") this.transport?.pause();
  }

  onRead(buffer: Buffer, count: number): void {
    this.receivedBytes += count;
    if (this.tunnel !== null) this.tunnel.takes(buffer, 0, count);
    else this.readResponses(buffer, count);
    this.meetFate();
    const { readPauseMs } = this.plan;
    if (readPauseMs > 0 && this.pauses++ < PAUSES_MAX && this.transport?.destroyed === false) {
      this.transport.pause();
      this.world.clock.after(readPauseMs, () => {
        if (this.isPatient || this.plan.fate.kind !== "stops-reading") this.transport?.resume();
      });
    }
  }

  private readResponses(buffer: Buffer, count: number): void {
    this.reader.toHead = this.awaited[0]?.method === "HEAD";
    this.reader.feed(buffer, 0, count);
    this.read();
  }

  private read(): void {
    const { reader } = this;
    for (;;) {
      switch (reader.next()) {
        case Event.head:
          this.onHead();
          if (reader.head.status === 101) return this.onSwitch();
          break;
        case Event.data:
          this.onData(reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          if (this.onEndOfResponse()) break;
          return;
        case Event.fault:
          return this.world.fail(`a client was sent what is no response: ${reader.fault.code}, awaiting ${this.awaitedId}`);
        default:
          return;
      }
    }
  }

  private get awaitedId(): string {
    return String(this.awaited[0]?.id ?? "nothing");
  }

  private onHead(): void {
    const { head } = this.reader;
    const [request] = this.awaited;
    if (head.status < 200) {
      if (request === undefined) this.world.fail(`an interim response ${head.status} that nobody awaits`);
      if (head.status === 103) this.hints++;
      return;
    }
    const { hints } = this;
    this.hints = 0;
    this.world.front.mustBeIntroduced(this, "a response");
    if (this.hasLast) this.world.fail(`a response with ${head.status} after the connection's last`);
    if (++this.responses > this.world.responsesMax(this))
      this.world.fail(`response ${this.responses} on one connection, awaiting ${this.awaitedId}`);
    const answers = head.get("x-answer");
    this.bodyAt = 0;
    this.owner = null;
    this.answer = null;
    this.texts = null;
    this.heard = "";
    this.saysClose = head.values("connection").includes("close");
    const fault =
      request === undefined || answers === UNASKED ? null : faultOfResponse(head, request, this.world.seed, answers === undefined);
    if (fault !== null) this.world.fail(`in the response with ${head.status} to ${this.awaitedId} ${fault}`);
    if (request !== undefined && answers !== UNASKED) this.checkEdits(head, request, answers === undefined);
    if (request !== undefined && answers !== UNASKED)
      this.world.requestIds.answered(request, head, answers === undefined, this.world.idRules(this, request));
    const isFile = request?.route === "files" && head.status === 200;
    if (isFile) {
      this.owner = ownerOfFile(request.id);
      this.answer = fileAnswer(this.world.seed, request.id);
      this.isFlipped = false;
    } else if (answers === undefined) {
      const isFolder = request?.route === "files" && head.status === 308;
      const isOfRoute = request !== undefined && isTold(request, head.status);
      const mayBe = head.status >= 400 || isFolder || isOfRoute || (head.status === 204 && request?.isPreflight === true);
      if (!mayBe) this.world.fail(`an answer of the proxy's own with ${head.status}, awaiting ${this.awaitedId}`);
    } else if (answers !== UNASKED) {
      const [id = 0, time = 0] = answers.split(".").map(Number);
      if (request === undefined) return this.world.fail(`a response to ${answers} that nobody awaits`);
      if (id !== request.id) this.world.fail(`client awaits ${request.id} and gets the response to ${answers}`);
      const answer = answerTo(this.world.seed, id, time);
      if (answer.status !== head.status) this.world.fail(`the status of ${answers} is ${head.status} and was ${answer.status}`);
      const sent = request.isOld ? 0 : answer.interim.filter((status) => status === 103).length;
      // On routes with middleware, the 103s of several answers may have come.
      if (hints !== sent && !isFeatured(request.route)) this.world.fail(`${hints} of ${sent} interim responses 103 before ${answers}`);
      this.owner = ownerOfAnswer(id, time);
      this.answer = answer;
      this.isFlipped = isFlipped(this.world.seed, id, request.route, "responseStage");
      if (request.route === "paged" && head.status >= 400) this.getsPage(head);
    }
    this.current = { status: head.status, isWhole: false, saysClose: this.saysClose, answers: answers ?? "" };
    if (request !== undefined) this.seen.set(request.id, this.current);
  }

  private checkEdits(head: ResponseHead, request: RequestPlan, isOwn: boolean): void {
    const variants = this.world.configsOf(this, request.id, this.world.clock.nowMs).map(variantOf);
    const fault =
      faultOfEditedResponse(head, request, variants, isOwn) ??
      faultOfPatternResponse(head, request, variants, isOwn) ??
      (isOwn && asksWho(request.route) ? faultOfChallenge(head) : null);
    if (fault !== null) this.world.fail(`the response with ${head.status} to ${request.id}: ${fault}`);
    if (isOwn && request.route === "said" && isTold(request, head.status) && request.method !== "HEAD") this.texts = [saidText(request)];
    if (isOwn && request.path !== null && head.status === 200 && request.method !== "HEAD") this.texts = patternTexts(request, variants);
  }

  /** A page has taken the place of the endpoint's body. */
  private getsPage(head: ResponseHead): void {
    const length = PAGE.replace("{error.status}", String(head.status)).length;
    if (head.get("content-length") !== String(length)) this.world.fail(`the page for ${this.awaitedId} has another length`);
    this.owner = null;
    this.answer = null;
  }

  private onSwitch(): void {
    const { reader, transport } = this;
    const [request] = this.awaited;
    const [id = 0, time = 0] = (reader.head.get("x-answer") ?? "").split(".").map(Number);
    if (request === undefined || request.id !== id || request.tunnelBytes < 0 || transport === null) {
      return this.world.fail(`a switch of protocols for ${id}, awaiting ${this.awaitedId}`);
    }
    this.seen.set(id, { status: 101, isWhole: false, saysClose: true, answers: `${id}.${time}` });
    const { bytes } = answerTo(this.world.seed, id, time);
    this.tunnel = new TunnelEnd(
      transport,
      (message) => this.world.fail(`client of ${id}: ${message}`),
      ownerOfAnswer(id, time),
      bytes,
      false,
    );
    if (!this.sending.isStopped) this.tunnel.sends(this.sending, ownerOfTunnel(id), request.tunnelBytes);
    const rest = reader.takeRest();
    this.tunnel.takes(rest, 0, rest.length);
  }

  private onData(bytes: Buffer, start: number, end: number): void {
    if (this.texts !== null) this.heard += bytes.toString("latin1", start, end);
    if (this.owner === null) return;
    const { owner, bodyAt } = this;
    const stray = this.isFlipped
      ? strayByte(owner, bodyAt, flipped(bytes, start, end), 0, end - start)
      : strayByte(owner, bodyAt, bytes, start, end);
    if (stray >= 0) this.world.fail(`the response's body for ${this.awaitedId} is another one from byte ${stray} on`);
    this.bodyAt += end - start;
  }

  /** Returns false if the connection is over. */
  private onEndOfResponse(): boolean {
    const { reader } = this;
    if (reader.head.status < 200) {
      reader.restart(reader.head);
      return true;
    }
    if (this.current !== null) this.current.isWhole = true;
    if (this.texts?.includes(this.heard) === false) this.world.fail(`the text for ${this.awaitedId} is ${this.heard}`);
    if (this.answer !== null && hasBody(this.answer, this.awaited[0]) && !mayEndEarly(this.answer) && this.bodyAt !== this.answer.bytes) {
      this.world.fail(`the response to ${this.awaitedId} looks whole with ${this.bodyAt} of ${this.answer.bytes} bytes`);
    }
    this.current = null;
    const answered = this.awaited.shift();
    if (answered?.closes === true || answered?.isOld === true || this.saysClose) this.hasLast = true;
    reader.restart(reader.head);
    reader.toHead = this.awaited[0]?.method === "HEAD";
    if (this.hasEnded) return false;
    if (this.isPatient) this.goOn();
    return this.transport?.destroyed === false;
  }

  onEnd(): void {
    this.hasEnded = true;
    if (this.tunnel !== null) return this.tunnel.otherEnds();
    // The system reports a reset only once. After a failed write, reading reports an orderly end, which means nothing.
    if (!this.hasFailedToWrite && this.reader.endOfInput() === Event.end) this.onEndOfResponse();
    this.close();
  }

  onClosed(): void {
    this.sending.stop();
  }

  onWritten(): void {
    this.sending.written();
  }

  onWriteFailed(): void {
    this.hasFailedToWrite = true;
    this.sending.stop();
  }
}

/** Whether the answer to the request has a body (RFC 9112 section 6.3). */
export function hasBody({ status }: AnswerPlan, request: RequestPlan | undefined): boolean {
  return request?.method !== "HEAD" && status !== 204 && status !== 304;
}

/** Whether a shorter body may look complete: a body without a length ends with its connection, at any orderly close. */
function mayEndEarly({ framing, ending }: AnswerPlan): boolean {
  return framing === "close" && (ending === "close" || ending === "malformed");
}

function requestMessage(request: RequestPlan, place: Place, noted: string): Message {
  const { id, method, framing, bodyBytes, chunkBytes, isMalformed, expects, closes, isOld, tunnelBytes } = request;
  let head = `${method} ${targetOf(request)} HTTP/1.${isOld ? 0 : 1}\r\nHost: sim.test\r\nX-Request: ${id}\r\n${sayingLines(request, place)}${editLines(request)}${shownLines(request)}${noted}`;
  if (expects) head += "Expect: 100-continue\r\n";
  if (closes) head += "Connection: close\r\n";
  if (tunnelBytes >= 0) head += UPGRADE;
  if (framing === "length") head += `Content-Length: ${bodyBytes}\r\n`;
  if (framing === "chunked") head += "Transfer-Encoding: chunked\r\n";
  const start = Buffer.from(`${head}\r\n`, "latin1");
  if (framing === "none") return [start];
  const body = bodyOf(ownerOfRequest(id), 0, bodyBytes);
  return [
    start,
    framing === "length" ? body : chunked(body, chunkBytes, isMalformed ? "no size\r\n\r\n" : `0\r\n${shownTrailers(request)}\r\n`),
  ];
}

function sayingLines(
  { route, origin, isPreflight, token, isApiKey, hasUnsafeName, requestIds }: RequestPlan,
  { forwardedFor }: Place,
): string {
  let lines = "";
  if (forwardedFor !== "") lines += `X-Forwarded-For: ${forwardedFor}\r\n`;
  for (const id of requestIds) lines += `X-Request-Id: ${id}\r\n`;
  if (hasUnsafeName) lines += "X_Under: score\r\n";
  if (!isFeatured(route)) return lines;
  if (origin !== "") lines += `Origin: ${origin}\r\n`;
  if (isPreflight) lines += "Access-Control-Request-Method: PUT\r\n";
  if (token !== "") lines += isApiKey ? `X-API-Key: ${token}\r\n` : `Authorization: Bearer ${token}\r\n`;
  return `${lines}X-Remove-0: ${TAKEN_OUT}\r\nX-Hook: forged\r\nX-Remove-1: ${TAKEN_OUT}\r\n`;
}

/** `body` in chunks of about `chunkBytes`, followed by `after`. */
export function chunked(body: Buffer, chunkBytes: number, after: string): Buffer {
  // At most 200 chunks: bodies of a million chunks would take most of a run's time.
  const size = Math.max(chunkBytes, Math.ceil(body.length / 200));
  const count = Math.ceil(body.length / size);
  const bytes = Buffer.allocUnsafe(body.length + count * CHUNK_LINES_MAX + after.length);
  let length = 0;
  let lineEnd = "";
  for (let at = 0; at < body.length; at += size) {
    const end = Math.min(body.length, at + size);
    length = writeText(`${lineEnd}${(end - at).toString(16)}\r\n`, bytes, length);
    length += body.copy(bytes, length, at, end);
    lineEnd = "\r\n";
  }
  return bytes.subarray(0, writeText(`${lineEnd}${after}`, bytes, length));
}

/** Writes text into the bytes, and returns where it ends. */
function writeText(text: string, bytes: Buffer, at: number): number {
  writeLatin1(bytes, text, at);
  return at + text.length;
}
