/**
 * Driver of one HTTP/1.1 connection to an endpoint: one exchange at a time, then back to the pool.
 *
 * ```text
 *   connecting --> busy --response complete--> idle (in the pool) --> busy ...
 *       |           |-- 101 --> tunnel          |
 *       `-----------+---------------------------+--> closed
 * ```
 * Longer than most files here: it is the state of one connection, and its parts would share all of it.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../../../base/deadlines.ts";
import { authenticatesConnection, challengesConnection } from "../../../http/connection-authentication.ts";
import { connectionOptions } from "../../../http/connection-options.ts";
import type { FieldEdits } from "../../../http/field-edits.ts";
import type { FieldSection } from "../../../http/field-section.ts";
import { Known } from "../../../http/known-fields.ts";
import { Framing } from "../../../http1/body-framing.ts";
import { CR, LF } from "../../../http1/chars.ts";
import { Faults } from "../../../http1/faults.ts";
import { Event } from "../../../http1/message-reader.ts";
import type { ResponseHead } from "../../../http/response-head.ts";
import { EMPTY_LINES_MAX, RESPONSE_LIMITS } from "../../../http1/limits.ts";
import { ResponseReader } from "../../../http1/response-reader.ts";
import { lastChunk } from "../../../http1/write-chunk.ts";
import { connectFailure } from "../../../proxy/exchange/failure.ts";
import type { FailureKind } from "../../../proxy/exchange/failure.ts";
import type { ByteDuplex, OutgoingRequest, OwnedUpstream, ResponseSink, TunnelEvents } from "../../../proxy/ports.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSettings } from "../../../proxy/upstream/endpoint-settings.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import { Outlet } from "../../buffers/outlet.ts";
import type { OutletOwner } from "../../buffers/outlet.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import { ReadTarget } from "../../buffers/read-target.ts";
import { AddedFields, requestHeadText } from "../request-writer.ts";
import type { ForwardedTo } from "../request-writer.ts";
import { SocketDuplex } from "../../transport/socket-duplex.ts";
import type { Thread } from "../../thread.ts";
import type { Transport, TransportReader } from "../../transport/transport.ts";
import { isSwitchFor } from "../websocket-handshake.ts";

const State = { connecting: 0, busy: 1, idle: 2, tunnel: 3, closed: 4 } as const;

/** Of connections that await no response. */
const NO_READER = new ResponseReader(RESPONSE_LIMITS);

const added = new AddedFields();

/** Four line ends behind a response, as many as are skipped before a request. */
const LINE_END_BYTES_MAX = 2 * EMPTY_LINES_MAX;

/** Time for the system to tell what an endpoint said before it took no more. */
const LAST_WORDS_MS = 1000;

/** Part of `keep_alive.max_age` by which a connection may go earlier, so that those that were opened together do not end together. */
const AGE_SPREAD = 0.1;

/** Far from any tick of the deadlines. */
const NEVER = 2 ** 31 - 1;

export class UpstreamConnection extends Timed implements OwnedUpstream, ForwardedTo, TransportReader, OutletOwner {
  readBuffer: Buffer = sharedBuffer;
  readonly key: string;
  transport: Transport;
  readonly outlet: Outlet;
  /** In the pool: those that idle next to it. */
  above: UpstreamConnection | null = null;
  below: UpstreamConnection | null = null;

  private readonly thread: Thread;
  private readonly pool: EndpointPool;
  private readonly endpoint: Endpoint;
  /** The endpoint's when it was opened: a reload does not change them for it. */
  private readonly settings: EndpointSettings;
  /** From the first message on that does not come in one read. */
  private reads: ReadTarget | null = null;
  /** On loan from the upstream's idle ones while a response is awaited: few are in use at a time, and those stay in the caches. */
  private reader: ResponseReader = NO_READER;
  private state: number = State.connecting;
  /** Who is told what comes; null: nobody is, the connection idles or is given up. */
  private sink: ResponseSink | null;
  /** What is being asked. */
  private request: OutgoingRequest | null = null;
  /** The final response's head was told. */
  private headTold: boolean = false;
  private tunnel: TunnelEvents | null = null;
  private duplex: ByteDuplex | null = null;
  private reused: boolean = false;
  private answered: boolean = false;
  private chunked: boolean = false;
  private requestEnded: boolean = false;
  /** What the outlet had sent when the request began. */
  private sentBefore: number = 0;
  private reusable: boolean = false;
  /** Its user was authenticated, or asked to be: it carries requests of one client connection only. */
  private bound: boolean = false;
  /** The origin has said what no response has: what it sends behind that is not believed. */
  private doubtful: boolean = false;
  /** Bytes of line ends of the response before that came instead of the first of the awaited one. */
  private lineEndBytes: number = 0;
  private paused: boolean = false;
  private failure: FailureKind | null = null;
  /** The tick of the deadlines in which bytes moved last. */
  private lastProgress: number = 0;
  /** The tick of the deadlines in which the connection reaches its greatest age: no exchange begins on it any more. */
  private oldAtTick: number = 0;
  /** The tick of the deadlines in which no 102 gives the origin more time; 0 before the first one. */
  private processingUntil: number = 0;
  /** The last response left as a whole: nothing refers to the read buffer any more. */
  private bufferIsFree: boolean = false;

  constructor(thread: Thread, pool: EndpointPool, endpoint: Endpoint, sink: ResponseSink) {
    super();
    this.thread = thread;
    this.pool = pool;
    this.endpoint = endpoint;
    this.settings = endpoint.settings;
    this.key = endpoint.key;
    this.sink = sink;
    this.outlet = new Outlet(this);
    this.transport = thread.platform.dial(endpoint, thread.names, this, this.outlet, (transport) => this.onConnect(transport));
    this.setDeadline(this.settings.connectMs);
    thread.metrics.add(CounterId.upstream_connections_open, 1);
    thread.countSocket(1);
  }

  // ---- Upstream: what the exchange asks -----------------------------------------------------------------------------

  /** In the pool: it may not be taken out any more, for the origin closes it soon, or it has reached its greatest age. */
  get expired(): boolean {
    const { deadlines, now } = this.thread;
    return deadlines.isOver(this, now) || deadlines.hasPassed(this.oldAtTick);
  }

  get authority(): string {
    return this.endpoint.authority;
  }

  get via(): boolean {
    return this.settings.via;
  }

  get usable(): boolean {
    return this.state === State.idle && this.transport.readable && !this.expired;
  }

  /** Taken out of the pool, or of those that a client connection owns, for that exchange. */
  take(sink: ResponseSink): void {
    this.sink = sink;
    this.state = State.busy;
    this.reused = true;
    // The idle limit of the pool must not go on counting for the exchange.
    this.thread.deadlines.cancel(this);
  }

  send(request: OutgoingRequest, edits: FieldEdits): void {
    this.request = request;
    this.headTold = false;
    this.answered = false;
    this.lineEndBytes = 0;
    this.bufferIsFree = false;
    this.requestEnded = false;
    this.processingUntil = 0;
    this.reader = this.pool.readers.take();
    this.reader.toHead = request.request.method === "HEAD";
    this.chunked = request.bodyLength === -1;
    this.sentBefore = this.outlet.bytesSent;
    this.noteProgress();
    if (authenticatesConnection(request.request)) this.bind();
    this.outlet.append(requestHeadText(request, edits, added, this));
    if (request.awaitsContinue) this.setDeadline(this.settings.responseHeadMs);
  }

  /** From now on it carries requests of one client connection only, and for as long as that lasts: its end would end a login half-way. */
  private bind(): void {
    this.bound = true;
    this.oldAtTick = NEVER;
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.noteProgress();
    if (this.chunked) this.thread.chunk.add(this.outlet, bytes, start, end);
    else this.outlet.slice(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    this.requestEnded = true;
    if (this.chunked) {
      this.thread.chunk.close(this.outlet);
      this.outlet.append(lastChunk(trailers));
    }
    this.awaitAnswer();
  }

  flush(): boolean {
    if (this.chunked) this.thread.chunk.close(this.outlet);
    const wasBlocked = this.outlet.blocked;
    const written = this.outlet.flushLater(this.thread.writes, true);
    if (!written && !wasBlocked) this.watchTaking();
    return written;
  }

  onBlocked(): void {
    this.watchTaking();
    this.sink?.upstreamBlocked(this);
  }

  /** The request waits for the origin: from now on it is looked whether any of it is taken. */
  private watchTaking(): void {
    this.outlet.markTaken();
    this.setDeadline(this.settings.idleMs);
  }

  pauseResponse(): void {
    if (this.paused) return;
    this.paused = true;
    this.transport.pause();
  }

  resumeResponse(): void {
    if (!this.paused) return;
    this.paused = false;
    this.noteProgress();
    // The time for the response's head begins anew: it may have come long ago, unread.
    if (this.state === State.busy && !this.outlet.blocked && this.sink !== null && !this.headTold) this.awaitAnswer();
    this.transport.resume();
  }

  abort(): void {
    this.letGo();
    this.thread.chunk.drop(this.outlet);
    this.destroy();
  }

  enterTunnel(tunnel: TunnelEvents): ByteDuplex {
    this.tunnel = tunnel;
    this.duplex = new SocketDuplex(this.transport, this.outlet);
    this.state = State.tunnel;
    this.thread.deadlines.cancel(this);
    return this.duplex;
  }

  /** Nobody is told any more. */
  private letGo(): ResponseSink | null {
    const { sink } = this;
    this.sink = null;
    this.request = null;
    return sink;
  }

  // ---- events of the socket -----------------------------------------------------------------------------------------

  private onConnect(transport: Transport): void {
    this.transport = transport;
    this.outlet.transport = transport;
    // It is another one than the one that was told to pause, and reads.
    if (this.paused) transport.pause();
    this.thread.tick();
    this.thread.metrics.add(CounterId.upstream_connections_opened, 1);
    const { sink } = this;
    if (sink === null || this.state !== State.connecting) {
      this.transport.destroy();
      return;
    }
    this.state = State.busy;
    const { deadlines, endpoints, now } = this.thread;
    endpoints.setRefusing(this.endpoint.slot, false);
    deadlines.cancel(this);
    this.oldAtTick = deadlines.tickOf(now + this.settings.ageMsMax * (1 - AGE_SPREAD * this.thread.platform.random()));
    sink.upstreamReady(this);
  }

  onRead(buffer: Buffer, count: number): void {
    this.thread.tick();
    if (this.state === State.tunnel) {
      this.tunnelReceived(buffer, count);
      this.afterRead(count, true, this.isTunnelFlowing());
      return;
    }
    // RFC 9112 section 9.2: bytes that no request asked for are no response.
    if (this.state !== State.busy || this.sink === null) {
      this.transport.destroy();
      return;
    }
    if (this.outlet.waits && this.outlet.bytesSent === this.sentBefore) return this.fail("connection_terminated");
    const start = !this.answered && (buffer[0] === CR || this.lineEndBytes > 0) ? this.skipLineEnds(buffer, count) : 0;
    if (start === count) return this.afterRead(count, true, !this.paused);
    this.answered = true;
    if (this.lineEndBytes % 2 === 1) return this.failMalformed(Faults.bareCarriageReturn.code);
    this.bufferIsFree = false;
    this.noteProgress();
    this.reader.feed(buffer, start, count, buffer === sharedBuffer);
    const goesOn = this.process();
    this.thread.chunk.closeAny();
    this.afterRead(count, goesOn, goesOn ? !this.paused : this.bufferIsFree || this.tunnel !== null);
  }

  /**
   * Where the response begins in `buffer[0, count)`. Some origins send a line end behind a body (RFC 9112 section 2.2 speaks of clients that
   * do). It may come when the connection has been taken for the next exchange: it is no response to that one, which goes on, the connection's last.
   */
  private skipLineEnds(buffer: Buffer, count: number): number {
    if (!this.reused) return 0;
    let at = 0;
    while (at < count && this.lineEndBytes < LINE_END_BYTES_MAX && buffer[at] === (this.lineEndBytes % 2 === 0 ? CR : LF)) {
      at++;
      this.lineEndBytes++;
    }
    this.doubtful ||= at > 0;
    return at;
  }

  private tunnelReceived(buffer: Buffer, count: number): void {
    if (this.duplex !== null) this.tunnel?.received(this.duplex, buffer, count);
  }

  private isTunnelFlowing(): boolean {
    return this.duplex !== null && this.tunnel?.flowing(this.duplex) === true;
  }

  private isSwitch(head: ResponseHead): boolean {
    return this.request !== null && isSwitchFor(this.request.request, head);
  }

  private afterRead(count: number, goesOn: boolean, isTaken: boolean): void {
    if (goesOn) this.reads ??= new ReadTarget(this, this.thread.bulk, true);
    this.reads?.after(count, goesOn, isTaken);
  }

  /** Reads what was fed; false once the exchange has left this connection. */
  private process(): boolean {
    const { reader } = this;
    for (;;) {
      const { sink } = this;
      if (sink === null) return false;
      switch (reader.next()) {
        case Event.head:
          if (!this.onHead(sink)) return false;
          break;
        case Event.data:
          sink.responseData(this, reader.bytes, reader.dataStart, reader.dataEnd);
          break;
        case Event.end:
          this.complete(sink);
          return false;
        case Event.fault:
          this.failMalformed(reader.fault.code);
          return false;
        default:
          sink.responseFlush(this);
          return this.sink !== null;
      }
    }
  }

  private onHead(sink: ResponseSink): boolean {
    const { head, framing } = this.reader;
    this.doubtful ||= framing.doubtful;
    if (head.status < 200) {
      const unasked = head.status === 101 && !this.isSwitch(head);
      if (unasked || !sink.interim(this, head)) {
        this.failMalformed(head.status === 101 ? "unasked_switch" : "too_many_interim_responses");
        return false;
      }
      if (this.state === State.tunnel) {
        const rest = this.reader.takeRest();
        if (rest.length > 0) this.tunnelReceived(rest, rest.length);
        return false;
      }
      if (head.status === 102) this.waitOn();
      this.reader.next();
      this.reader.restart(head);
      return true;
    }
    const options = connectionOptions(head);
    this.reusable = !this.doubtful && head.version === "1.1" && !options.close && framing.kind !== Framing.untilClose;
    if (challengesConnection(head)) this.bind();
    this.setDeadline(this.settings.idleMs);
    this.headTold = true;
    sink.responseHead(this, head, framing.bodyLength);
    return true;
  }

  /** The response is complete. The connection returns to the pool before the client's next request can ask for one. */
  private complete(sink: ResponseSink): void {
    const { trailers } = this.reader;
    this.letGo();
    this.outlet.endWait();
    this.thread.deadlines.cancel(this);
    // Early answer, excess bytes or an unfinished write: what follows on this connection would not be understood by both sides.
    if (
      this.reusable &&
      !this.thread.deadlines.hasPassed(this.oldAtTick) &&
      this.requestEnded &&
      !this.outlet.blocked &&
      !this.outlet.failed &&
      !this.reader.hasRest &&
      !this.transport.destroyed &&
      !this.paused
    ) {
      const { head } = this.reader;
      this.state = State.idle;
      const idleMs = this.pool.idleMs(head.knownValue(Known.keepAlive));
      this.reader.restart(head);
      this.giveReaderBack();
      this.setDeadline(idleMs);
      if (this.bound) sink.ownConnection(this);
      else this.pool.release(this);
    } else {
      this.state = State.closed;
      this.destroy();
    }
    this.bufferIsFree = sink.responseEnd(this, trailers);
  }

  private giveReaderBack(): void {
    const { reader } = this;
    this.reader = NO_READER;
    reader.letGo();
    this.pool.readers.giveBack(reader);
  }

  /** FIN from the origin. */
  onEnd(): void {
    this.thread.tick();
    if (this.tunnel !== null && this.duplex !== null) return this.tunnel.ended(this.duplex);
    const { sink } = this;
    if (this.state !== State.busy || sink === null) return this.close();
    const event = this.reader.endOfInput();
    // After a write has failed this may be the end that the system makes of a reset (RFC 9112 section 8: an error of the connection).
    if (event === Event.end && !this.outlet.failed) {
      this.reusable = false;
      this.complete(sink);
      this.reads?.end(this.bufferIsFree);
      return;
    }
    this.fail("connection_terminated");
  }

  onClosed(code: string | null): void {
    this.thread.tick();
    if (code !== null && this.failure === null) {
      this.failure = this.state === State.connecting ? connectFailure(code) : "connection_terminated";
      if (this.failure === "tls_error") this.pool.tlsFailed(code);
    }
    this.thread.deadlines.remove(this);
    this.reads?.end(this.bufferIsFree);
    this.thread.metrics.add(CounterId.upstream_connections_open, -1);
    this.thread.countSocket(-1);
    this.pool.remove(this);
    if (this.tunnel !== null && this.duplex !== null) this.tunnel.closed(this.duplex);
    else this.giveUp(this.failure ?? "connection_terminated");
    this.state = State.closed;
  }

  onUnblocked(): void {
    if (this.tunnel !== null && this.duplex !== null) return this.tunnel.drained(this.duplex);
    this.noteProgress();
    this.awaitAnswer();
    this.sink?.upstreamUnblocked(this);
  }

  /** An answer may have begun before the request has ended; then it is that which must go on. */
  private awaitAnswer(): void {
    if (this.headTold) this.setDeadline(this.settings.idleMs);
    else if (this.requestEnded || this.request?.awaitsContinue === true) this.setHeadDeadline();
    else this.thread.deadlines.cancel(this);
  }

  private setHeadDeadline(): void {
    const { deadlines, now } = this.thread;
    const due = deadlines.tickOf(now + this.settings.responseHeadMs);
    deadlines.setTick(this, this.processingUntil === 0 ? due : Math.min(due, this.processingUntil));
  }

  /** A 102 (RFC 2518 section 10.1): the origin works on the request and asks for patience. */
  private waitOn(): void {
    const { deadlines, now } = this.thread;
    if (this.processingUntil === 0) this.processingUntil = deadlines.tickOf(now + this.settings.processingMs);
    // With a write unfinished the deadline is the origin's for reading the request.
    if ((this.requestEnded || this.request?.awaitsContinue === true) && !this.outlet.blocked) this.setHeadDeadline();
  }

  /**
   * The origin takes nothing more of the request. It may have answered before it left, and that can be read; if not, reading ends at
   * once. The rest of the request is thrown away.
   */
  onWriteFailed(): void {
    if (this.tunnel !== null && this.duplex !== null) return this.tunnel.writeFailed(this.duplex);
    this.setDeadline(LAST_WORDS_MS);
    this.sink?.upstreamUnblocked(this);
  }

  // ---- ends ---------------------------------------------------------------------------------------------------------

  private failMalformed(code: string): void {
    this.pool.malformed(code);
    this.fail("malformed_response");
  }

  /** Closes the connection and tells the exchange why. */
  private fail(kind: FailureKind): void {
    this.failure = kind;
    this.close();
    this.giveUp(kind);
    this.state = State.closed;
  }

  private giveUp(kind: FailureKind): void {
    const sink = this.letGo();
    // Without a sink the client has left meanwhile, which is no failure of the endpoint.
    if (this.state === State.connecting && sink !== null) {
      this.thread.metrics.add(CounterId.upstream_connect_failures, 1);
      // What the proxy itself has too few of says nothing about the endpoint.
      if (kind !== "connection_limit") this.thread.endpoints.setRefusing(this.endpoint.slot, true);
    }
    const { reused, answered } = this;
    sink?.upstreamFailed(this, { kind, reused, answered, sent: this.outlet.bytesSent > this.sentBefore });
  }

  /** Taken out of use: the pool must not give it out between now and its `close` event. */
  close(): void {
    this.pool.remove(this);
    this.destroy();
  }

  /** Closed, the system would keep for minutes what an endpoint that stands still has not taken of a request: that one is reset. */
  private destroy(): void {
    if (this.outlet.blocked) this.transport.reset();
    else this.transport.destroy();
  }

  onDeadline(): void {
    this.thread.tick();
    switch (this.state) {
      case State.connecting:
        return this.fail(this.thread.names.isPending(this.endpoint.host) ? "dns_timeout" : "connection_timeout");
      case State.idle:
        return this.close();
      case State.busy:
        break;
      default:
        return;
    }
    if (this.sink === null) return this.close();
    if (this.outlet.failed && !this.paused && !this.headTold) return this.fail("connection_terminated");
    if (this.outlet.blocked) {
      if (this.outlet.takenSinceMark > 0) return this.watchTaking();
      // In a dialogue the origin may say something before it reads on.
      return this.headTold && !this.paused ? this.checkProgress("write_timeout") : this.fail("write_timeout");
    }
    // The client is slow, not the origin: its own limit ends that.
    if (this.paused) return this.setDeadline(this.settings.idleMs);
    if (!this.headTold) {
      // While the request is on its way, its own limits count.
      if (this.requestEnded || this.request?.awaitsContinue === true) this.fail("response_timeout");
      return;
    }
    this.checkProgress("response_timeout");
  }

  /** Nothing may stand still in both directions for longer than the idle limit. */
  private checkProgress(kind: FailureKind): void {
    const { deadlines } = this.thread;
    const due = this.lastProgress + deadlines.ticksIn(this.settings.idleMs);
    if (deadlines.tickOf(this.thread.now) < due) deadlines.setTick(this, due);
    else this.fail(kind);
  }

  private noteProgress(): void {
    this.lastProgress = this.thread.deadlines.tickOf(this.thread.now);
  }

  private setDeadline(inMs: number): void {
    this.thread.deadlines.set(this, this.thread.now + inMs);
  }
}
