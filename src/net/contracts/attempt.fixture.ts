/**
 * Plays the exchange for a driver of the endpoint's side (`UpstreamStream`): sends one request, records what the driver tells it, and notes every
 * call that the port does not allow as a breach. It uses every right that the ports give: it overwrites response bytes after each call, and
 * request bytes as soon as they are taken. So a driver that relies on either is found out.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import { buildRequestHead } from "../../http/build-head.ts";
import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { connectionOptions } from "../../http/connection-options.ts";
import { RequestEdits } from "../../http/head-edits.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import type { Failure } from "../../proxy/exchange/failure.ts";
import type { SourceOwner } from "../../proxy/exchange/source-stream.ts";
import type { OutgoingRequest } from "../../proxy/ports/outgoing-request.ts";
import type { ByteDuplex, TunnelEvents } from "../../proxy/ports/tunnel.ts";
import type { OwnedUpstream, UpstreamStream } from "../../proxy/ports/upstream-stream.ts";
import { useUp } from "../../proxy/ports/use-up.fixture.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import type { EndpointAbilities } from "./test-endpoint.fixture.ts";
import { bytesOf } from "./world.fixture.ts";

/** The request that an `Attempt` sends. */
export interface Asking {
  /** Default: GET. */
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Fields;
  /** Length of the body. Default: no body. */
  readonly length?: BodyLength;
  /** Whether the request asks to switch protocols. */
  readonly switches?: boolean;
}

const SWITCH: Fields = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Key", "x"],
];

export class Attempt implements SourceOwner {
  upstream: UpstreamStream | null = null;
  /** What the driver told the attempt, in order, except body bytes and notices of waiting. */
  readonly told: string[] = [];
  received: string = "";
  readonly inTunnel: Listener = new Listener();
  duplex: ByteDuplex | null = null;
  /** Whether request bytes wait: `flush` returned false, or `upstreamBlocked` came. */
  waits: boolean = false;
  blocked: number = 0;
  unblocked: number = 0;
  isPaused: boolean = false;
  /** Whether to check that lent response bytes do not change while they must not, instead of overwriting them. */
  keepsResponse: boolean = false;
  /** What the test does within the driver's call of the same name. */
  onFlush: (() => void) | null = null;
  onHead: (() => void) | null = null;
  onEnd: (() => void) | null = null;
  takesInterims: boolean = true;
  /** What `responseEnd` returns: whether the whole response was written. */
  isWritten: boolean = true;
  owned: OwnedUpstream | null = null;
  private readonly breaches: string[];
  private readonly learnsLateOfPauses: boolean;
  private isDialling: boolean = false;
  private isReady: boolean = false;
  private hasHead: boolean = false;
  private isOver: boolean = false;
  private isFlushing: boolean = false;
  /** Whether data may still come after a pause, because the driver is delivering what it has read. */
  private mayStillGet: boolean = false;
  private isDelivering: boolean = false;
  private lastBytes: Buffer | null = null;
  private lastEnd: number = 0;
  private readonly lent: Buffer[] = [];
  private readonly kept: { readonly slice: Buffer; readonly text: string }[] = [];

  constructor(breaches: string[], { learnsLateOfPauses }: EndpointAbilities) {
    this.breaches = breaches;
    this.learnsLateOfPauses = learnsLateOfPauses;
  }

  // ---- what the exchange does ---------------------------------------------------------------------------------------

  dials(dial: (attempt: Attempt) => UpstreamStream): void {
    this.isDialling = true;
    this.upstream = dial(this);
    this.isDialling = false;
  }

  /** Takes an idle connection; returns false if there is none. */
  takes(take: (attempt: Attempt) => UpstreamStream | null): boolean {
    this.upstream = take(this);
    this.isReady = this.upstream !== null;
    return this.isReady;
  }

  sends({ method = "GET", path = "/", fields = [], length = 0, switches = false }: Asking = {}): this {
    const lines = [...fields, ...(length > 0 ? [["Content-Length", String(length)] as const] : []), ...(switches ? SWITCH : [])];
    const head = buildRequestHead({ method, target: path, authority: "a.test" }, lines);
    const request: OutgoingRequest = {
      request: head,
      requestLength: length,
      isBackground: false,
      connection: connectionOptions(head),
      facts: {
        peer: "192.0.2.1",
        client: "192.0.2.1",
        trusted: false,
        secure: false,
        tls: null,
        certificateLines: "",
        ownAnswers: null,
        forwarded: null,
        proxied: null,
        unsafeFieldNames: "drop",
        forwardedPathFields: "drop",
      },
      upgrade: switches ? "websocket" : "",
      responseLimits: null,
      awaitsContinue: false,
    };
    const edits = new RequestEdits();
    if (length < 0) edits.bodyLength = length;
    this.to.send(request, edits);
    if (length === 0) this.ends();
    else this.flushes();
    return this;
  }

  /**
   * Sends these slices of the request's body, which one read of the client brought in one buffer.
   * @param room bytes in the buffer before the first slice, such as a head
   * @param between bytes between two slices, such as the frame of a chunk
   */
  brings(slices: readonly string[], { room = 0, between = 0 }: { room?: number; between?: number } = {}): this {
    const total = slices.reduce((sum, { length }) => sum + length + between, room);
    const bytes = Buffer.alloc(total, "~");
    this.deliver(bytes, slices, room, between);
    this.lent.push(bytes);
    this.flushes();
    return this;
  }

  /** As `brings`, with the buffer that all connections of the thread read into. It is overwritten after the call. */
  bringsShared(slices: readonly string[]): this {
    this.deliver(sharedBuffer, slices, 100, 7);
    this.flushes();
    sharedBuffer.fill("#");
    return this;
  }

  private deliver(bytes: Buffer, slices: readonly string[], room: number, between: number): void {
    let at = room;
    const places = slices.map((text) => {
      const start = at;
      bytes.write(text, start, "latin1");
      at = start + text.length + between;
      return [start, start + text.length] as const;
    });
    for (const [start, end] of places) this.to.data(bytes, start, end);
  }

  ends(trailers: FieldSection | null = null): this {
    this.to.end(trailers);
    this.flushes();
    return this;
  }

  private flushes(): void {
    this.isFlushing = true;
    const isWritten = this.to.flush();
    this.isFlushing = false;
    if (!isWritten) this.waits = true;
    else if (this.waits) this.breaches.push("flush says true before upstreamUnblocked");
    else this.overwriteLent();
  }

  private overwriteLent(): void {
    for (const bytes of this.lent.splice(0)) bytes.fill("#");
  }

  pauses(): void {
    this.isPaused = true;
    this.mayStillGet = this.isDelivering || this.learnsLateOfPauses;
    this.to.pauseResponse();
  }

  resumes(): void {
    this.checkKept();
    this.isPaused = false;
    this.to.resumeResponse();
  }

  aborts(): void {
    this.isOver = true;
    this.to.abort();
  }

  tunnelSends(text: string): boolean {
    const bytes = bytesOf(text);
    const isTaken = this.tunnel.write(bytes, 0, bytes.length);
    if (isTaken) bytes.fill("#");
    return isTaken;
  }

  get tunnel(): ByteDuplex {
    return this.duplex ?? assert.fail("there is no tunnel");
  }

  /** Checks that the lent response slices have not changed. */
  checkKept(): void {
    for (const { slice, text } of this.kept.splice(0)) {
      if (slice.toString("latin1") !== text) this.breaches.push("bytes of the response changed before they were taken");
    }
  }

  private get to(): UpstreamStream {
    return this.upstream ?? assert.fail("there is no connection");
  }

  // ---- ResponseSink -------------------------------------------------------------------------------------------------

  upstreamReady(from: UpstreamStream): void {
    this.hears("ready", from);
    if (this.isReady) this.breach("ready twice");
    this.isReady = true;
  }

  interim(from: UpstreamStream, { status }: ResponseHead): boolean {
    this.hears(`interim ${status}`, from);
    if (this.hasHead) this.breach("an interim response after the head");
    if (this.takesInterims && status === 101) this.duplex = from.enterTunnel(this.inTunnel);
    return this.takesInterims;
  }

  responseHead(from: UpstreamStream, { status }: ResponseHead, length: BodyLength): void {
    this.hears(`head ${status} ${length}`, from);
    if (!this.isReady) this.breach("a head before the connection stands");
    if (this.hasHead) this.breach("a second head");
    this.hasHead = true;
    this.isDelivering = true;
    this.onHead?.();
  }

  responseData(from: UpstreamStream, bytes: Buffer, start: number, end: number): void {
    this.hears(null, from);
    if (!this.hasHead) this.breach("data before the head");
    if (start >= end) this.breach("data without a byte");
    if (bytes === this.lastBytes && start < this.lastEnd) this.breach("a slice that lies before one of the same delivery");
    this.lastBytes = bytes;
    this.lastEnd = end;
    if (this.isPaused && !this.mayStillGet) this.breach("data while paused");
    this.isDelivering = true;
    const text = latin1(bytes, start, end);
    this.received += text;
    if (!this.keepsResponse) useUp(bytes, start, end);
    else if (bytes !== sharedBuffer) this.kept.push({ slice: bytes.subarray(start, end), text });
  }

  responseFlush(from: UpstreamStream): void {
    this.hears(null, from);
    this.isDelivering = false;
    this.lastBytes = null;
    this.onFlush?.();
    if (!this.isPaused) this.checkKept();
    this.mayStillGet = false;
  }

  responseEnd(from: UpstreamStream, trailers: FieldSection | null): boolean {
    this.hears(trailers === null ? "end" : `end with ${trailers.text.trim()}`, from);
    if (!this.hasHead) this.breach("an end before the head");
    this.isOver = true;
    this.isDelivering = false;
    this.onEnd?.();
    return this.isWritten;
  }

  upstreamFailed(from: UpstreamStream, { kind, reused, answered, sent }: Failure): void {
    const facts = [kind, ...(reused ? ["reused"] : []), ...(sent ? ["sent"] : []), ...(answered ? ["answered"] : [])];
    this.hears(`failed ${facts.join(" ")}`, from);
    this.isOver = true;
  }

  upstreamBlocked(from: UpstreamStream): void {
    this.hears(null, from);
    if (this.waits) this.breach("upstreamBlocked although flush had said false");
    this.waits = true;
    this.blocked++;
  }

  upstreamUnblocked(from: UpstreamStream): void {
    this.hears(null, from);
    if (!this.waits) this.breach("upstreamUnblocked although nothing waited");
    if (this.isFlushing) this.breach("upstreamUnblocked from within flush");
    this.waits = false;
    this.unblocked++;
    this.overwriteLent();
  }

  readonly ownedConnections: null = null;

  clientAddresses(): null {
    return null;
  }

  ownConnection(upstream: OwnedUpstream): void {
    this.hears("own", upstream);
    this.owned = upstream;
  }

  bodyWanted(): void {}

  sourceAnswers(from: UpstreamStream): void {
    this.hears("answered", from);
    this.isOver = true;
  }

  sourceFailed(from: UpstreamStream): void {
    this.hears("failed", from);
    this.isOver = true;
  }

  private hears(what: string | null, from: UpstreamStream): void {
    if (what !== null) this.told.push(what);
    if (this.isDialling) this.breach(`${what ?? "a call"} from within dial`);
    else if (from !== this.upstream) this.breach(`${what ?? "a call"} from another connection`);
    if (this.isOver) this.breach(`${what ?? "a call"} after the end`);
    if (this.duplex !== null) this.breach(`${what ?? "a call"} after the switch of protocols`);
  }

  private breach(text: string): void {
    this.breaches.push(text);
  }
}

/** Records what the endpoint's side of a tunnel tells. */
class Listener implements TunnelEvents {
  readonly told: string[] = [];
  text: string = "";

  received(_: ByteDuplex, bytes: Buffer, count: number): void {
    this.text += latin1(bytes, 0, count);
    bytes.fill("#", 0, count);
  }

  flowing(): boolean {
    return true;
  }

  unblocked(): void {
    this.told.push("unblocked");
  }

  ended(): void {
    this.told.push("ended");
  }

  writeFailed(): void {
    this.told.push("write failed");
  }

  closed(): void {
    this.told.push("closed");
  }
}
