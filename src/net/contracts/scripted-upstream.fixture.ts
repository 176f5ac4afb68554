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
 * A fake endpoint for exchanges: it does what the test says, without a connection. It uses every right that `proxy/ports/` gives: it overwrites
 * request bytes after each call, and response bytes as soon as they are taken.
 */
export class ScriptedUpstream implements OwnedUpstream {
  readonly key: string;
  readonly announced: string = "";
  readonly isAuthenticated: boolean = true;
  /** Whether the endpoint takes no more of the request's body: after further bytes `flush` returns false. */
  isFull: boolean = false;
  /** Whether to check that request bytes do not change while they must not, instead of overwriting them. */
  keepsRequest: boolean = false;
  isPaused: boolean = false;
  isAborted: boolean = false;
  isClosed: boolean = false;
  asked: string = "";
  got: string = "";
  gotEnd: boolean = false;
  gotTrailers: string | null = null;
  duplex: ScriptedDuplex | null = null;
  /** Whether bytes of the request wait: `upstreamUnblocked` follows. */
  private waits: boolean = false;
  private tunnel: TunnelEvents | null = null;
  private readonly breaches: string[];
  private exchange: Exchange | null;
  /** Slices of the request that must not change yet, and the text that they held. */
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
   * Delivers these slices of the response's body, which came in one read.
   * @param room bytes in the buffer before the first slice, such as a head
   * @param between bytes between two slices, such as the frame of a chunk
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

  /** As `brings`, with the buffer that all connections of the thread read into. It is overwritten after the call. */
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

  /** Completes the response; returns whether all of it was written. */
  completes(trailers: FieldSection | null = null): boolean {
    const { sink } = this;
    this.exchange = null;
    const isWritten = sink.responseEnd(this, trailers);
    if (isWritten) for (const bytes of this.lent.splice(0)) bytes.fill("#");
    return isWritten;
  }

  /** The connection is lost, or was never established. */
  fails(kind: FailureKind = "connection_terminated"): void {
    const { sink } = this;
    this.exchange = null;
    sink.upstreamFailed(this, { kind, reused: false, answered: kind === "connection_terminated", sent: true });
  }

  /** One read brings the last bytes of a response, followed by a fault. */
  failsAfter(slices: readonly string[]): void {
    const bytes = Buffer.alloc(slices.join("").length + 100);
    this.deliver(bytes, slices, 100, 0);
    this.fails("malformed_response");
    bytes.fill("#");
  }

  /** The endpoint takes what waits, and everything after that. */
  unblocks(): void {
    this.isFull = false;
    this.takesAll();
  }

  /** The endpoint takes what waits, and stays full if it was. */
  takesAll(): void {
    this.waits = false;
    this.checkKept();
    this.sink.upstreamUnblocked(this);
  }

  /** The endpoint is full after all, although `flush` had returned true. */
  blocks(): void {
    this.isFull = true;
    this.waits = true;
    this.sink.upstreamBlocked(this);
  }

  /** A user was authenticated on this connection: the exchange is told that it belongs to the client from now on. */
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
    // The shared buffer is used again at once, so its bytes are never lent.
    else if (bytes !== sharedBuffer) this.kept.push({ slice: bytes.subarray(start, end), text });
  }

  end(trailers: FieldSection | null): void {
    assert.equal(this.gotEnd, false, "the request ends once");
    this.gotEnd = true;
    this.gotTrailers = trailers === null ? null : trailers.text;
  }

  flush(): boolean {
    if (!this.waits) this.checkKept();
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

  /** Checks that the delivered request bytes have not changed. From now on they may. */
  private checkKept(): void {
    for (const { slice, text } of this.kept.splice(0)) {
      if (slice.toString("latin1") !== text) this.breaches.push("bytes of the request changed before they were taken");
    }
  }
}

/** The endpoint's side of a tunnel, played by the test. */
export class ScriptedDuplex implements ByteDuplex {
  isGone: boolean = false;
  isBlocked: boolean = false;
  readonly hasFailed: boolean = false;
  /** Whether the next write blocks. */
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
