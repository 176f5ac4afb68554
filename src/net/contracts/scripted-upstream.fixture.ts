import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import { buildResponseHead } from "../../http/build-head.ts";
import type { Fields } from "../../http/build-head.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { mayHaveBody } from "../../http/status.ts";
import type { Exchange } from "../../proxy/exchange/exchange.ts";
import type { FailureKind } from "../../proxy/exchange/failure.ts";
import type { OutgoingRequest } from "../../proxy/ports/outgoing-request.ts";
import type { ByteDuplex, TunnelEvents } from "../../proxy/ports/tunnel.ts";
import type { OwnedUpstream, ResponseSink } from "../../proxy/ports/upstream-stream.ts";
import { useUp } from "../../proxy/ports/use-up.fixture.ts";
import { sharedBuffer } from "../buffers/read-buffers.ts";
import { bytesOf } from "./world.fixture.ts";

const SWITCH: Fields = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
];

/**
 * An endpoint's side without a connection, which does what the test says and uses every right that `proxy/ports/` gives it: it writes over
 * request bytes that it was given, and over response bytes as soon as it may.
 */
export class ScriptedUpstream implements OwnedUpstream {
  readonly key: string;
  /** It takes no more of the request's body than it has: after further bytes `flush` says false. */
  isFull: boolean = false;
  /** Request bytes are looked at until they may change, and not written over. */
  keepsRequest: boolean = false;
  isPaused: boolean = false;
  isAborted: boolean = false;
  isClosed: boolean = false;
  asked: string = "";
  got: string = "";
  gotEnd: boolean = false;
  gotTrailers: string | null = null;
  duplex: ScriptedDuplex | null = null;
  /** Bytes of the request wait: `upstreamUnblocked` follows. */
  private waits: boolean = false;
  private tunnel: TunnelEvents | null = null;
  private readonly breaches: string[];
  private exchange: Exchange | null;
  /** Slices of the request that must not change yet, and what they said. */
  private readonly kept: { readonly slice: Buffer; readonly text: string }[] = [];
  /** Response bytes that may not be written over yet. */
  private readonly lent: Buffer[] = [];

  constructor(key: string, exchange: Exchange, breaches: string[]) {
    this.key = key;
    this.exchange = exchange;
    this.breaches = breaches;
  }

  // ---- what the endpoint does ---------------------------------------------------------------------------------------

  connects(): void {
    this.sink.upstreamReady(this);
  }

  interim(status: number): boolean {
    return this.sink.interim(this, buildResponseHead({ status }, []));
  }

  head(status: number, length: BodyLength, fields: Fields = []): this {
    const lines = [...fields];
    if (length >= 0 && mayHaveBody(status) && lines.length === 0) lines.push(["Content-Length", String(length)]);
    this.sink.responseHead(this, buildResponseHead({ status }, lines), length);
    return this;
  }

  /**
   * One read brings those slices of the body.
   * @param room bytes before the first one, of which nobody needs anything any more, as of a head
   * @param between the same between two slices, as of a chunk's frame
   */
  brings(slices: readonly string[], { room = 0, between = 0 }: { room?: number; between?: number } = {}): this {
    const total = slices.reduce((sum, { length }) => sum + length + between, room);
    const bytes = Buffer.alloc(total, "~");
    this.deliver(bytes, slices, room, between);
    this.exchange?.responseFlush(this);
    if (this.isPaused) this.lent.push(bytes);
    else bytes.fill("#");
    return this;
  }

  /** The same with the buffer that every connection of the thread reads into: it is overwritten by whatever comes next. */
  bringsShared(slices: readonly string[]): this {
    this.deliver(sharedBuffer, slices, 100, 7);
    this.exchange?.responseFlush(this);
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
    for (const [start, end] of places) this.exchange?.responseData(this, bytes, start, end);
  }

  /** The response is complete. True: all of it was written. */
  completes(trailers: FieldSection | null = null): boolean {
    const { sink } = this;
    this.exchange = null;
    const isWritten = sink.responseEnd(this, trailers);
    if (isWritten) for (const bytes of this.lent.splice(0)) bytes.fill("#");
    return isWritten;
  }

  /** The connection is lost, or never came about. */
  fails(kind: FailureKind = "connection_terminated"): void {
    const { sink } = this;
    this.exchange = null;
    sink.upstreamFailed(this, { kind, reused: false, answered: kind === "connection_terminated", sent: true });
  }

  /** One read brings the last bytes of a response, and that it will not be completed. */
  failsAfter(slices: readonly string[]): void {
    const bytes = Buffer.alloc(slices.join("").length + 100);
    this.deliver(bytes, slices, 100, 0);
    this.fails("malformed_response");
    bytes.fill("#");
  }

  /** It takes what it was given. */
  unblocks(): void {
    this.isFull = false;
    this.takesAll();
  }

  /** The same, but the next bytes are too many again. */
  takesAll(): void {
    this.waits = false;
    this.letGo();
    this.sink.upstreamUnblocked(this);
  }

  /** It does not take what it had said to take. */
  blocks(): void {
    this.isFull = true;
    this.waits = true;
    this.sink.upstreamBlocked(this);
  }

  /** The response brings a connection that is the client's own from now on: this one. */
  isBound(): void {
    this.sink.ownConnection(this);
  }

  switches(): boolean {
    return this.sink.interim(this, buildResponseHead({ status: 101 }, SWITCH));
  }

  bringsInTunnel(text: string): void {
    const bytes = bytesOf(text);
    const { duplex } = this;
    assert.ok(duplex !== null);
    this.events.received(duplex, bytes, bytes.length);
    if (this.events.flowing(duplex)) bytes.fill("#");
  }

  get events(): TunnelEvents {
    return this.tunnel ?? assert.fail("there is no tunnel");
  }

  private get sink(): Exchange {
    return this.exchange ?? assert.fail("the exchange has left");
  }

  // ---- OwnedUpstream ------------------------------------------------------------------------------------------------

  get usable(): boolean {
    return !this.isClosed;
  }

  take(sink: ResponseSink): void {
    this.exchange = sink as Exchange;
    this.got = "";
    this.gotEnd = false;
  }

  close(): void {
    this.isClosed = true;
  }

  send({ request }: OutgoingRequest): void {
    this.asked = `${request.method} ${request.path}`;
  }

  data(bytes: Buffer, start: number, end: number): void {
    const text = latin1(bytes, start, end);
    this.got += text;
    if (this.isFull) this.waits = true;
    if (!this.keepsRequest) useUp(bytes, start, end);
    // The shared buffer is used again at once: whoever keeps bytes of it copies them.
    else if (bytes !== sharedBuffer) this.kept.push({ slice: bytes.subarray(start, end), text });
  }

  end(trailers: FieldSection | null): void {
    assert.equal(this.gotEnd, false, "the request ends once");
    this.gotEnd = true;
    this.gotTrailers = trailers === null ? null : trailers.text;
  }

  flush(): boolean {
    if (!this.waits) this.letGo();
    return !this.waits;
  }

  pauseResponse(): void {
    this.isPaused = true;
  }

  resumeResponse(): void {
    this.isPaused = false;
    for (const bytes of this.lent.splice(0)) bytes.fill("#");
  }

  abort(): void {
    this.exchange = null;
    this.isAborted = true;
    this.kept.length = 0;
  }

  enterTunnel(tunnel: TunnelEvents): ByteDuplex {
    this.tunnel = tunnel;
    return (this.duplex = new ScriptedDuplex(tunnel));
  }

  /** From now on the bytes that were delivered may change. */
  private letGo(): void {
    for (const { slice, text } of this.kept.splice(0)) {
      if (slice.toString("latin1") !== text) this.breaches.push("bytes of the request changed before they were taken");
    }
  }
}

/** The endpoint's end of a tunnel. */
export class ScriptedDuplex implements ByteDuplex {
  isGone: boolean = false;
  isBlocked: boolean = false;
  readonly hasFailed: boolean = false;
  /** It takes no more than what it is being given. */
  isFull: boolean = false;
  isPaused: boolean = false;
  wasReset: boolean = false;
  isEnded: boolean = false;
  got: string = "";
  private readonly tunnel: TunnelEvents;

  constructor(tunnel: TunnelEvents) {
    this.tunnel = tunnel;
  }

  write(bytes: Buffer, start: number, end: number): boolean {
    assert.equal(this.isEnded, false, "nothing is written after the end");
    this.got += latin1(bytes, start, end);
    this.isBlocked = this.isFull;
    return !this.isBlocked;
  }

  takesAll(): void {
    this.isFull = false;
    this.isBlocked = false;
    this.tunnel.unblocked(this);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.isEnded = true;
  }

  closeSoon(): void {
    this.close();
  }

  close(): void {
    this.isGone = true;
  }

  reset(): void {
    this.wasReset = true;
    this.close();
  }
}
