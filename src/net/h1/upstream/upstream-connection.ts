/**
 * One HTTP/1.1 connection to an endpoint. It carries one exchange at a time: it sends the request, and goes back to the pool after the response.
 * A connection has one state, at most one deadline, and a fate, which says what becomes of it after its exchange; upstream-state.ts shows all three.
 * Functions in response.ts read what the endpoint sends. The fields that are not private are for that file alone.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../../../base/deadlines.ts";
import { authenticatesConnection } from "../../../http/connection-authentication.ts";
import type { RequestEdits } from "../../../http/head-edits.ts";
import type { FieldSection } from "../../../http/field-section.ts";
import type { ResponseReader } from "../../../http1/response-reader.ts";
import { lastChunk } from "../../../http1/write-chunk.ts";
import { connectFailure } from "../../transport/connect-failure.ts";
import type { FailureKind } from "../../../proxy/exchange/failure.ts";
import type { OutgoingRequest } from "../../../proxy/ports/outgoing-request.ts";
import type { ByteDuplex, TunnelEvents } from "../../../proxy/ports/tunnel.ts";
import type { OwnedUpstream, ResponseSink } from "../../../proxy/ports/upstream-stream.ts";
import type { Endpoint } from "../../../proxy/upstream/endpoint.ts";
import type { EndpointSettings } from "../../../proxy/upstream/endpoint-settings.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { Outlet } from "../../buffers/outlet.ts";
import type { OutletOwner } from "../../buffers/outlet.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import type { ReadTarget } from "../../buffers/read-target.ts";
import type { ConnectionThread } from "../../connection-thread.ts";
import { SocketDuplex } from "../../transport/socket-duplex.ts";
import type { Transport, TransportReader } from "../../transport/transport.ts";
import { AddedFields, requestHeadText } from "../request-writer.ts";
import type { ForwardedTo } from "../request-writer.ts";
import type { EndpointPool } from "./endpoint-pool.ts";
import * as response from "./response.ts";
import { Deadline, Fate, State } from "./upstream-state.ts";

/** After a write has failed: time in which a response that the endpoint sent before may still be read. */
const LAST_WORDS_MS = 1000;

/** A connection ends up to this part of `keep_alive.max_age` early, so that connections that were opened together do not end together. */
const AGE_SPREAD = 0.1;

const added = new AddedFields();

export class UpstreamConnection extends Timed implements OwnedUpstream, ForwardedTo, TransportReader, OutletOwner {
  readonly thread: ConnectionThread;
  readonly pool: EndpointPool;
  readonly key: string;
  readonly announced: string;
  transport: Transport;
  readonly outlet: Outlet;
  /** The connection's neighbours in the pool's stack. */
  above: UpstreamConnection | null = null;
  below: UpstreamConnection | null = null;
  state: State = State.connecting;
  fate: Fate = Fate.pooled;
  /** The exchange that is told what the endpoint sends; null while the connection is idle or closed. */
  sink: ResponseSink | null;
  tunnel: TunnelEvents | null = null;
  duplex: ByteDuplex | null = null;
  private readonly endpoint: Endpoint;
  /** The endpoint's settings when the connection was opened. A later reload does not change them. */
  readonly settings: EndpointSettings;

  /** Time limits of the current exchange: those of its route, where it has some. Milliseconds. */
  responseHeadMs: number;
  idleMs: number;

  // ---- the request ----

  request: OutgoingRequest | null = null;
  /** Whether the connection has carried an exchange before the current one. */
  reused: boolean = false;
  requestEnded: boolean = false;
  private chunked: boolean = false;
  /** The value of `outlet.bytesSent` when the request began. */
  sentBefore: number = 0;

  // ---- the response ----

  readBuffer: Buffer = sharedBuffer;
  /** Chooses the buffer for the next read. Null until a message has taken more than one read. */
  reads: ReadTarget | null = null;
  /** The parser of the response, borrowed from the pool while a response is awaited. Few parsers serve all connections, and stay in the processor's caches. */
  reader: ResponseReader = response.NO_READER;
  paused: boolean = false;
  /** Whether a byte of the response has come. */
  answered: boolean = false;
  /** How many bytes of line ends came before the awaited response: they belong to the previous response. */
  lineEndBytes: number = 0;
  /** Whether the last response has been sent completely, so that nothing refers to the read buffer any more. */
  bufferIsFree: boolean = false;

  // ---- time, in ticks of the deadlines ----

  /** What the connection's deadline is for. `setDeadlineTick` sets it together with its time. */
  private deadline: Deadline = Deadline.none;
  /** When bytes moved last. */
  private lastProgress: number = 0;
  /** When the connection reaches its greatest age. No exchange begins on it after that. */
  private oldAtTick: number = 0;
  /** When a 102 (Processing) stops giving the origin more time; 0 before the first 102. */
  private processingUntil: number = 0;

  /**
   * @param announced the client that the endpoint is told; "": none
   * @param preface what tells it, sent before everything else; "": nothing
   */
  constructor(
    thread: ConnectionThread,
    pool: EndpointPool,
    endpoint: Endpoint,
    sink: ResponseSink,
    announced: string = "",
    preface: string = "",
  ) {
    super();
    this.thread = thread;
    this.pool = pool;
    this.endpoint = endpoint;
    this.settings = endpoint.settings;
    this.responseHeadMs = this.settings.responseHeadMs;
    this.idleMs = this.settings.idleMs;
    this.key = endpoint.key;
    this.announced = announced;
    if (announced !== "") this.fate = this.settings.idleMax === 0 ? Fate.last : Fate.announced;
    this.sink = sink;
    this.outlet = new Outlet(this);
    this.transport = thread.platform.dial({
      endpoint,
      names: thread.names,
      reader: this,
      writer: this.outlet,
      preface,
      onConnect: (transport) => this.onConnect(transport),
    });
    this.setDeadline(Deadline.connect, this.settings.connectMs);
    thread.metrics.add(CounterId.upstream_connections_open, 1);
    thread.countSocket(1);
  }

  /** The only place that changes the state. */
  enter(state: State): void {
    this.state = state;
  }

  // ---- called by the pool and by the exchange -------------------------------------------------------------------------

  get authority(): string {
    return this.endpoint.authority;
  }

  get via(): boolean {
    return this.settings.via;
  }

  get xForwarded(): boolean {
    return this.settings.xForwarded;
  }

  /** Whether an exchange can begin: the connection is idle and open, and neither its idle time nor its greatest age is reached. */
  get usable(): boolean {
    const { deadlines, now } = this.thread;
    return this.state === State.idle && this.transport.readable && !deadlines.isOver(this, now) && !this.isOld;
  }

  /** Whether the connection has reached its greatest age and is one of those that end at that age. */
  get isOld(): boolean {
    return this.fate < Fate.owned && this.thread.deadlines.hasPassed(this.oldAtTick);
  }

  /** Begins an exchange on an idle connection, which the caller has taken out of the pool or out of a client's owned connections. */
  take(sink: ResponseSink): void {
    this.sink = sink;
    this.enter(State.asking);
    this.reused = true;
    this.thread.metrics.add(CounterId.upstream_connections_reused, 1);
    this.cancelDeadline();
  }

  send(request: OutgoingRequest, edits: RequestEdits): void {
    const { responseLimits: limits } = request;
    this.responseHeadMs = limits?.responseHeadMs ?? this.settings.responseHeadMs;
    this.idleMs = limits?.idleMs ?? this.settings.idleMs;
    this.request = request;
    this.answered = false;
    this.lineEndBytes = 0;
    this.bufferIsFree = false;
    this.requestEnded = false;
    this.processingUntil = 0;
    this.reader = this.pool.readers.take();
    this.reader.toHead = request.request.method === "HEAD";
    this.chunked = (edits.bodyLength ?? request.requestLength) === -1;
    this.sentBefore = this.outlet.bytesSent;
    this.noteProgress();
    if (authenticatesConnection(request.request)) this.bind();
    this.outlet.append(requestHeadText(request, edits, added, this));
    if (request.awaitsContinue) this.setDeadline(Deadline.head, this.responseHeadMs);
  }

  /** A user is authenticated on this connection: from now on only one client connection may use it. */
  bind(): void {
    if (this.fate < Fate.owned) this.fate = Fate.owned;
  }

  get isAuthenticated(): boolean {
    return this.fate === Fate.owned;
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
    this.awaitResponse();
  }

  flush(): boolean {
    if (this.chunked) this.thread.chunk.close(this.outlet);
    const isWritten = this.outlet.flushLater(this.thread.writes, true);
    if (!isWritten && this.deadline !== Deadline.taking) this.watchTaking();
    return isWritten;
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
    // Start the time for the response's head again: the head may have come long ago, unread.
    if (this.state === State.asking) this.awaitResponse();
    this.transport.resume();
  }

  abort(): void {
    this.letGo();
    this.thread.chunk.drop(this.outlet);
    this.close();
  }

  enterTunnel(tunnel: TunnelEvents): ByteDuplex {
    this.tunnel = tunnel;
    this.duplex = new SocketDuplex(this.transport, this.outlet);
    this.enter(State.tunnel);
    this.cancelDeadline();
    return this.duplex;
  }

  // ---- events of the socket -----------------------------------------------------------------------------------------

  private onConnect(transport: Transport): void {
    this.transport = transport;
    this.outlet.transport = transport;
    // This transport may be another one than the one that `pauseResponse` paused.
    if (this.paused) transport.pause();
    this.thread.tick();
    this.thread.metrics.add(CounterId.upstream_connections_opened, 1);
    const { sink } = this;
    if (sink === null || this.state !== State.connecting) return transport.destroy();
    this.enter(State.asking);
    const { deadlines, endpoints, now } = this.thread;
    endpoints.setRefusing(this.endpoint.slot, false);
    this.cancelDeadline();
    this.oldAtTick = deadlines.tickOf(now + this.settings.ageMsMax * (1 - AGE_SPREAD * this.thread.platform.random()));
    sink.upstreamReady(this);
  }

  onRead(buffer: Buffer, count: number): void {
    this.thread.tick();
    response.onRead(this, buffer, count);
  }

  onEnd(): void {
    this.thread.tick();
    if (this.tunnel !== null && this.duplex !== null) this.tunnel.ended(this.duplex);
    else response.onEnd(this);
  }

  onClosed(code: string | null): void {
    const { thread } = this;
    thread.tick();
    thread.deadlines.remove(this);
    this.reads?.end(this.bufferIsFree);
    thread.metrics.add(CounterId.upstream_connections_open, -1);
    thread.countSocket(-1);
    if (this.tunnel !== null && this.duplex !== null) {
      if (this.state !== State.closed) this.enter(State.closed);
      return this.tunnel.closed(this.duplex);
    }
    if (this.state !== State.connecting || code === null) return this.close("connection_terminated");
    const failure = connectFailure(code);
    if (this.endpoint.path !== null) this.pool.socketFailed(code);
    if (failure === "tls_error" || failure === "certificate_error") this.pool.tlsFailed(code);
    this.close(failure);
  }

  // ---- while the endpoint takes the request slowly --------------------------------------------------------------------

  onBlocked(): void {
    this.watchTaking();
    this.sink?.upstreamBlocked(this);
  }

  onUnblocked(): void {
    this.thread.tick();
    if (this.tunnel !== null && this.duplex !== null) return this.tunnel.unblocked(this.duplex);
    this.noteProgress();
    this.awaitResponse();
    this.sink?.upstreamUnblocked(this);
  }

  /**
   * A write has failed: the endpoint takes nothing more of the request, whose rest is thrown away. A response that the endpoint sent before can
   * still be read; if there is none, reading ends at once.
   */
  onWriteFailed(): void {
    if (this.tunnel !== null && this.duplex !== null) return this.tunnel.writeFailed(this.duplex);
    const waited = this.deadline === Deadline.taking;
    this.setDeadline(Deadline.lastWords, LAST_WORDS_MS);
    if (waited) this.sink?.upstreamUnblocked(this);
  }

  // ---- the way out ----------------------------------------------------------------------------------------------------

  /** Detaches the exchange from the connection. Returns the exchange's sink; null if there was none. */
  letGo(): ResponseSink | null {
    const { sink } = this;
    this.sink = null;
    this.request = null;
    return sink;
  }

  /**
   * Takes the connection out of the pool and closes it. Every connection ends here, except those that a tunnel has taken over.
   * @param failure what a waiting exchange is told; null if the exchange knows already, or none waits
   */
  close(failure: FailureKind | null = null): void {
    const { state, outlet, transport } = this;
    if (state === State.closed) return;
    this.enter(State.closed);
    this.cancelDeadline();
    this.pool.remove(this);
    // After an orderly close the system would keep unsent bytes of the request for minutes if the endpoint takes nothing.
    if (outlet.blocked) transport.reset();
    else transport.destroy();
    const sink = this.letGo();
    if (failure === null || sink === null) return;
    if (state === State.connecting) this.countRefusal(failure);
    const { reused, answered } = this;
    sink.upstreamFailed(this, { kind: failure, reused, answered, sent: outlet.bytesSent > this.sentBefore });
  }

  private countRefusal(failure: FailureKind): void {
    this.thread.metrics.add(CounterId.upstream_connect_failures, 1);
    // A lack of sockets in the proxy itself says nothing about the endpoint.
    if (failure !== "connection_limit") this.thread.endpoints.setRefusing(this.endpoint.slot, true);
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  onDeadline(): void {
    const { thread, deadline } = this;
    thread.tick();
    switch (deadline) {
      case Deadline.none:
        return;
      case Deadline.connect:
        return this.close(thread.names.isPending(this.endpoint.host) ? "dns_timeout" : "connection_timeout");
      case Deadline.idle:
        return this.close();
      case Deadline.taking:
        return this.checkTaking();
      case Deadline.head:
      case Deadline.response:
      case Deadline.lastWords:
        // The client is slow, not the endpoint, and the client has a limit of its own.
        if (this.paused) return this.setDeadline(deadline, this.idleMs);
        if (this.state === State.responding) return this.checkProgress(Deadline.response, "response_timeout");
        if (deadline === Deadline.lastWords) return this.close("connection_terminated");
        // While the request is still coming from the client, the client's limits count.
        if (this.mayAnswer()) this.close("response_timeout");
    }
  }

  /** Bytes of the request wait because the endpoint is slow: from now on `checkTaking` checks whether the endpoint takes any of them. */
  private watchTaking(): void {
    this.outlet.markTaken();
    this.setDeadline(Deadline.taking, this.idleMs);
  }

  private checkTaking(): void {
    if (this.outlet.takenSinceMark > 0) return this.watchTaking();
    // In a dialogue the endpoint may send something before it reads on.
    if (this.state === State.responding && !this.paused) this.checkProgress(Deadline.taking, "write_timeout");
    else this.close("write_timeout");
  }

  /** Closes the connection if no byte has passed in either direction for the idle limit; else sets the deadline to when that would be. */
  private checkProgress(deadline: Deadline, failure: FailureKind): void {
    const { deadlines, now } = this.thread;
    const due = this.lastProgress + deadlines.ticksIn(this.idleMs);
    if (deadlines.tickOf(now) < due) this.setDeadlineTick(deadline, due);
    else this.close(failure);
  }

  noteProgress(): void {
    this.lastProgress = this.thread.deadlines.tickOf(this.thread.now);
  }

  /** Whether the endpoint has to act next: the request is complete, or its client waits for a 100 (Continue). */
  private mayAnswer(): boolean {
    return this.requestEnded || this.request?.awaitsContinue === true;
  }

  /** Sets the deadline for the endpoint's next step, unless unsent bytes of the request have the deadline. */
  private awaitResponse(): void {
    if (this.outlet.blocked) return;
    if (this.state === State.responding) this.setDeadline(Deadline.response, this.idleMs);
    else if (this.outlet.failed) this.setDeadline(Deadline.lastWords, LAST_WORDS_MS);
    else if (this.mayAnswer()) this.setHeadDeadline();
    else this.cancelDeadline();
  }

  private setHeadDeadline(): void {
    const { deadlines, now } = this.thread;
    const due = deadlines.tickOf(now + this.responseHeadMs);
    this.setDeadlineTick(Deadline.head, this.processingUntil === 0 ? due : Math.min(due, this.processingUntil));
  }

  /** A 102 (Processing, RFC 2518 section 10.1) has come: the origin asks for more time, and gets it up to `timeouts.processing` in all. */
  waitOn(): void {
    const { deadlines, now } = this.thread;
    if (this.processingUntil === 0) this.processingUntil = deadlines.tickOf(now + this.settings.processingMs);
    this.awaitResponse();
  }

  setDeadline(deadline: Deadline, inMs: number): void {
    const { deadlines, now } = this.thread;
    this.setDeadlineTick(deadline, deadlines.tickOf(now + inMs));
  }

  private setDeadlineTick(deadline: Deadline, tick: number): void {
    this.deadline = deadline;
    this.thread.deadlines.setTick(this, tick);
  }

  cancelDeadline(): void {
    this.deadline = Deadline.none;
    this.thread.deadlines.cancel(this);
  }
}
