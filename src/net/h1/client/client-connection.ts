/**
 * Driver of one HTTP/1 connection from a client: bytes in, exchanges out, one at a time and in order (RFC 9112 section 9.3.2).
 *
 * ```text
 *   idle --head--> exchange --finished--> idle        (keep-alive)
 *     |               |-- 101 --> tunnel
 *     `-- fault, timeout, last response --> lingering --> closed
 * ```
 * While an exchange runs and its request is complete the socket stays readable, which costs no system call and shows a client that
 * leaves; bytes of a next request that arrive meanwhile are held, and then reading pauses.
 * Longer than most files here: it is the state of one connection, and its parts would share all of it.
 */
import { Buffer } from "node:buffer";
import { Timed } from "../../../base/deadlines.ts";
import type { BodyLength } from "../../../http/body-length.ts";
import { connectionOptions } from "../../../http/connection-options.ts";
import { FieldEdits } from "../../../http/field-edits.ts";
import type { FieldSection } from "../../../http/field-section.ts";
import type { HttpVersion } from "../../../http/http-version.ts";
import { Known, bit } from "../../../http/known-fields.ts";
import type { ResponseHead } from "../../../http/response-head.ts";
import { DEFAULT_LIMITS } from "../../../http1/limits.ts";
import { Event } from "../../../http1/message-reader.ts";
import { RequestReader } from "../../../http1/request-reader.ts";
import { lastChunk } from "../../../http1/write-chunk.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { DownstreamEnd, ClientFacts } from "../../../proxy/exchange/exchange.ts";
import type { LocalAnswer } from "../../../proxy/feature/middleware.ts";
import type { Downstream, OwnedUpstream, Upstream } from "../../../proxy/ports.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { BodyPace } from "./body-pace.ts";
import type { ListenerConfig, ListenerContext } from "../../accept/listener-context.ts";
import { Outlet } from "../../buffers/outlet.ts";
import type { OutletOwner } from "../../buffers/outlet.ts";
import { ClientConnections } from "../upstream/owned-connections.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import { ReadTarget } from "../../buffers/read-target.ts";
import { refusal } from "./refusal.ts";
import { SAID_BY_PROXIES, behindProxy, hiddenOf } from "./client-facts.ts";
import { BodyMode, answerText, interimHeadText, responseHeadText, switchingHeadText } from "../response-writer.ts";
import type { BodyModeKind } from "../response-writer.ts";
import type { OpenTransport, Transport, TransportReader } from "../../transport/transport.ts";
import { SocketDuplex } from "../../transport/socket-duplex.ts";
import { Tunnel } from "../../tunnel.ts";
import { asksForWebSocket } from "../websocket-handshake.ts";

const State = { idle: 0, exchange: 1, draining: 2, lingering: 3, tunnel: 4, closed: 5 } as const;

/** Body bytes of a refused request that are read and thrown away so that the connection can go on, or the client sees its answer. */
const DISCARD_BYTES_MAX = 64 * 1024;
/** Bytes read and thrown away while a connection lingers: closing with bytes unread is a reset, which can take the answer with it. */
const LINGER_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes held for an exchange that cannot take them yet, or for the next ones; with these the socket is read no more. */
const HELD_BYTES_MAX = 32 * 1024;
/** How long a connection lingers half closed, so that the answer is not lost to a reset (RFC 9112 section 9.6). */
const LINGER_MS = 2000;
/** How long an idle connection waits for a last request once its listener drains. */
const DRAIN_IDLE_MS = 500;
/** After this an idle connection is one of many that will be idle for long: it gives back its reader and what that knows of its last request. */
const SETTLE_MS = 1000;
/** The same where nothing is known, behind the first request of a while: however many clients ask now and then, few readers serve them all. */
const SETTLE_SOON_MS = 50;
/** Wait after the client's FIN before it is asked, by interim responses, whether it is still there. */
const HALF_CLOSED_PROBE_MS = 25;

const NO_EDITS = new FieldEdits();
/** Of connections that are not being asked anything. */
const NO_READER = new RequestReader(DEFAULT_LIMITS);

export class ClientConnection extends Timed implements Downstream, TransportReader, OutletOwner {
  readBuffer: Buffer = sharedBuffer;
  readonly transport: Transport;
  readonly outlet: Outlet;
  owned: ClientConnections | null = null;

  private readonly context: ListenerContext;
  /** From the first message on that does not come in one read. */
  private reads: ReadTarget | null = null;
  /** On loan from the listener's idle ones from a connection's first byte until it has been idle for a while. */
  private reader: RequestReader = NO_READER;
  /** The other end's address, as it is logged, forwarded and counted. */
  readonly peer: string;
  private peerTrusted: boolean;
  /** Who sends the requests that no trusted proxy brings. */
  private direct: ClientFacts;
  /** By which these two were decided, and the reader's limits. */
  private configured: ListenerConfig;
  private state: number = State.idle;
  private exchange: Exchange | null = null;
  private tunnel: Tunnel | null = null;
  /** Bytes that wait until the exchange takes them, or until it is over. */
  private held: Buffer | null = null;
  private paused: boolean = false;
  private processing: boolean = false;
  /** The current response is the connection's last. */
  private closing: boolean = false;
  private inputEnded: boolean = false;
  private bodyMode: BodyModeKind = BodyMode.none;
  private discarded: number = 0;
  /** Requests so far. */
  private requests: number = 0;
  /** Requests that were begun of the bytes of the last read. */
  private pipelined: number = 0;
  /** The tick of the deadlines in which the head being read must be complete; 0 while none has begun. */
  private headDueTick: number = 0;
  private headStartedAt: number = 0;
  /** The tick of the deadlines at which an idle connection is closed. */
  private idleUntil: number = 0;
  /** Of the request's body; once the response has begun, of what passes in either direction. */
  private readonly pace: BodyPace = new BodyPace();
  private halfClosedProbes: number = 0;

  /** Reading starts at once. */
  constructor(context: ListenerContext, open: OpenTransport, peer: { address: string; trusted: boolean }) {
    super();
    this.context = context;
    this.peer = peer.address;
    this.peerTrusted = peer.trusted;
    this.configured = context.config;
    this.direct = directly(peer.address, context.config);
    this.outlet = new Outlet(this);
    const transport = open(this, this.outlet);
    this.transport = transport;
    this.outlet.transport = transport;
    this.setDeadline(context.config.timeouts.request_head);
    transport.start();
  }

  // ---- reading ------------------------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    const plane = this.context.plane;
    plane.tick();
    switch (this.state) {
      case State.tunnel:
        this.tunnel?.received(this.tunnel.downstream, buffer, count);
        this.afterRead(count, true, this.tunnel?.flowing(this.tunnel.downstream) === true);
        return;
      case State.lingering:
        this.discarded += count;
        if (this.discarded > LINGER_BYTES_MAX) this.destroy();
        return;
      case State.closed:
        return;
      default:
    }
    this.pipelined = 0;
    if (this.held !== null) {
      this.hold(buffer.subarray(0, count));
      return;
    }
    if (this.configured !== this.context.config && this.state === State.idle && !this.reader.insideHead) this.reconfigure();
    if (this.reader === NO_READER) this.reader = this.context.takeReader();
    this.reader.feed(buffer, 0, count, buffer === sharedBuffer);
    this.process();
    this.afterRead(count, this.exchange !== null && !this.exchange.requestEnded, !this.requestIsBlocked());
  }

  private afterRead(count: number, goesOn: boolean, isTaken: boolean): void {
    if (goesOn) this.reads ??= new ReadTarget(this, this.context.plane.bulk, false);
    this.reads?.after(count, goesOn, isTaken);
  }

  /** Between two requests: the configuration was reloaded. */
  private reconfigure(): void {
    const { context, reader, peer } = this;
    this.configured = context.config;
    this.direct = directly(peer, context.config);
    this.peerTrusted = context.trusted.contains(peer);
    if (reader !== NO_READER) reader.limitTo(context.limits);
  }

  private process(): void {
    this.processing = true;
    for (;;) {
      if (this.state === State.idle) {
        // A client that asks on but does not read gets no further answers made: they would pile up here.
        if (this.outlet.blocked) {
          if (this.reader.hasRest) this.holdRest();
          else this.pause();
          break;
        }
        if (!this.readHead()) break;
      } else if (this.state === State.exchange) {
        if (!this.readBody()) break;
      } else if (this.state === State.draining) {
        if (!this.discardBody()) break;
      } else break;
    }
    this.processing = false;
    this.exchange?.requestFlush();
    this.context.plane.chunk.closeAny();
  }

  /** Reads one head and begins its exchange; false: wait. */
  private readHead(): boolean {
    const event = this.reader.next();
    if (event === Event.head) {
      this.beginExchange();
      return true;
    }
    if (event === Event.needMore) {
      if (this.headDueTick === 0 && this.reader.insideHead) {
        this.headStartedAt = this.context.plane.now;
        // For the first request the time counts from the connection on.
        if (this.requests > 0 || this.context.draining) this.setDeadline(this.context.config.timeouts.request_head);
        this.headDueTick = this.dueTick;
      }
      if (this.inputEnded) this.inputDone();
      return false;
    }
    this.refuse(refusal(this.reader.fault));
    return false;
  }

  private beginExchange(): void {
    const { context, reader } = this;
    const head = reader.head;
    const options = connectionOptions(head);
    const { now } = context.plane;
    const startedAt = this.headStartedAt === 0 ? now : this.headStartedAt;
    this.headDueTick = 0;
    this.headStartedAt = 0;
    this.state = State.exchange;
    // RFC 9112 section 9.3: a proxy does not keep an HTTP/1.0 connection alive on the client's word.
    this.closing = options.close || head.version === "1.0" || context.draining;
    const { requests_per_connection: requestsMax, pipelined_requests: pipelinedMax } = context.config.limits;
    if (++this.requests >= requestsMax || ++this.pipelined >= pipelinedMax) this.closing = true;
    head.hidden = hiddenOf(this.peerTrusted, context);
    if (!this.peerTrusted && (head.present & SAID_BY_PROXIES) !== 0) context.notices.onForwarding(this.peer, context.config);
    const facts = this.peerTrusted ? behindProxy(head, this.peer, context) : this.direct;
    const upgrade = options.upgrade && asksForWebSocket(head);
    const exchange = new Exchange(context.plane, this, head, reader.framing.bodyLength, options, facts, upgrade, startedAt);
    this.exchange = exchange;
    if (exchange.requestEnded) {
      reader.next();
      context.plane.deadlines.cancel(this);
    } else {
      this.pace.begin(now);
      this.setDeadline(this.pace.nextCheckMs(now, context.config.timeouts.idle));
    }
    exchange.begin();
  }

  /** Hands body bytes to the exchange; false: wait. */
  private readBody(): boolean {
    const { reader, exchange } = this;
    if (exchange === null) return false;
    if (exchange.requestEnded) {
      if (reader.hasRest) this.holdRest();
      if (this.inputEnded) this.watchHalfClosed(exchange);
      return false;
    }
    if (!exchange.takesBody) {
      if (reader.hasRest) this.holdRest();
      // What came for an unfinished trailer line is kept by the reader, without a limit of ours: no more until it can be read.
      else if (reader.insideLine) this.pause();
      return false;
    }
    switch (reader.next()) {
      case Event.data:
        this.pace.add(reader.dataEnd - reader.dataStart, this.context.plane.now);
        exchange.requestData(reader.bytes, reader.dataStart, reader.dataEnd);
        return true;
      case Event.end:
        // With an answer on its way already the deadline is the client's for reading it.
        if (!this.outlet.blocked) this.context.plane.deadlines.cancel(this);
        exchange.requestEnd(reader.trailers);
        exchange.requestFlush();
        return true;
      case Event.fault:
        exchange.requestMalformed(refusal(reader.fault));
        return false;
      default:
        if (this.inputEnded) this.inputDone();
        return this.state === State.draining;
    }
  }

  /** After a local answer: reads what is left of the request's body; false: wait. */
  private discardBody(): boolean {
    switch (this.reader.next()) {
      case Event.data:
        this.discarded += this.reader.dataEnd - this.reader.dataStart;
        if (this.discarded > DISCARD_BYTES_MAX) this.linger();
        return this.state === State.draining;
      case Event.end:
        this.nextRequest();
        return true;
      case Event.fault:
        this.linger();
        return false;
      default:
        if (this.inputEnded) this.destroy();
        return false;
    }
  }

  private hold(bytes: Buffer): void {
    this.keep(this.held === null ? Buffer.from(bytes) : Buffer.concat([this.held, bytes]));
  }

  private holdRest(): void {
    this.keep(this.reader.takeRest());
  }

  /** Reading goes on for a while: only a socket that is read tells that its client is gone. */
  private keep(bytes: Buffer): void {
    this.held = bytes;
    if (bytes.length >= HELD_BYTES_MAX) this.pause();
  }

  private pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.transport.pause();
  }

  private resume(): void {
    if (!this.paused || this.transport.destroyed) return;
    this.paused = false;
    this.pace.goesOn(this.context.plane.now);
    this.transport.resume();
  }

  /** Goes on with what is held, then with the socket. */
  private proceed(): void {
    const held = this.held;
    if (held !== null) {
      this.held = null;
      this.pace.goesOn(this.context.plane.now);
      this.reader.feed(held, 0, held.length);
    }
    this.process();
    if (this.held !== null || this.state === State.closed || this.requestIsBlocked()) return;
    if (this.state !== State.idle || !this.outlet.blocked) this.resume();
  }

  // ---- Downstream: what the exchange asks ---------------------------------------------------------------------------

  get bytesWritten(): number {
    return this.outlet.bytesWritten;
  }

  resumeRequest(): void {
    if (this.processing) return;
    const exchange = this.exchange;
    if (exchange === null) return;
    if (!exchange.requestEnded) this.proceed();
    else if (this.held === null) this.resume();
  }

  pauseRequest(): void {
    this.pause();
  }

  interim(head: ResponseHead): void {
    if (this.exchange === null || !this.exchange.request.understandsInterim) return;
    this.outlet.append(interimHeadText(head));
    const wasBlocked = this.outlet.blocked;
    if (!this.outlet.flush() && !wasBlocked) this.onBlocked();
  }

  respond(head: ResponseHead, length: BodyLength, edits: FieldEdits): void {
    const exchange = this.exchange;
    if (exchange === null) return;
    const plane = this.context.plane;
    if (this.context.draining || !exchange.requestEnded) this.closing = true;
    this.bodyMode = bodyModeOf(length, exchange.request.version);
    if (this.bodyMode === BodyMode.untilClose) this.closing = true;
    const epochMs = plane.now + plane.epochOffset;
    this.outlet.append(responseHeadText(head, edits, { mode: this.bodyMode, close: this.closing, epochMs }));
  }

  answer(answer: LocalAnswer, edits: FieldEdits): void {
    const exchange = this.exchange;
    if (exchange === null) return;
    const plane = this.context.plane;
    if (this.context.draining || (!exchange.requestEnded && !this.worthDraining(exchange))) this.closing = true;
    if (answer.status === 408 || (answer.status === 400 && answer.proxyStatus === "http_request_error")) this.closing = true;
    const { request } = exchange;
    const json = answers.acceptsJson(request.knownValue(Known.accept));
    this.outlet.append(answerText(answer, edits, json, request.method === "HEAD", this.closing, plane.now + plane.epochOffset));
    this.outlet.flush();
  }

  data(bytes: Buffer, start: number, end: number): void {
    if (this.bodyMode === BodyMode.chunked) this.context.plane.chunk.add(this.outlet, bytes, start, end);
    else this.outlet.slice(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    if (this.bodyMode !== BodyMode.chunked) return;
    this.closeChunk();
    this.outlet.append(lastChunk(trailers));
  }

  private closeChunk(): void {
    this.context.plane.chunk.close(this.outlet);
  }

  flush(): boolean {
    if (this.bodyMode === BodyMode.chunked) this.closeChunk();
    const { outlet } = this;
    if (this.inputEnded || this.exchange?.requestEnded === false) this.pace.flowed(this.context.plane.now);
    const wasBlocked = outlet.blocked;
    const done = outlet.flushLater(this.context.plane.writes, false);
    if (!done && !wasBlocked) this.watchTaking();
    return done;
  }

  onBlocked(): void {
    this.watchTaking();
    this.exchange?.downstreamBlocked();
  }

  cut(): void {
    // What came before the fault in the same read is the client's: the same as if it had come alone.
    this.closeChunk();
    this.outlet.flush();
    // A body that ends with its connection would look complete after a FIN: only a reset shows that it is not.
    if (this.bodyMode === BodyMode.untilClose) this.transport.reset();
    this.closing = true;
    this.destroy();
  }

  startTunnel(head: ResponseHead, upstream: Upstream): void {
    const plane = this.context.plane;
    this.outlet.append(switchingHeadText(head));
    this.outlet.flush();
    this.state = State.tunnel;
    plane.deadlines.cancel(this);
    const exchange = this.exchange;
    if (exchange === null) return;
    const idleMs = exchange.tunnelIdleMs ?? this.context.config.timeouts.idle;
    const side = new SocketDuplex(this.transport, this.outlet);
    const tunnel = new Tunnel(plane, exchange, side, upstream, idleMs);
    this.tunnel = tunnel;
    const held = this.held;
    this.held = null;
    if (held !== null) tunnel.received(side, held, held.length);
    if (this.inputEnded) tunnel.ended(side);
    else this.resume();
  }

  own(upstream: OwnedUpstream): void {
    this.owned ??= new ClientConnections(this.context.plane);
    this.owned.keep(upstream, this.context.plane.shortOfSockets());
  }

  exchangeFinished(): void {
    const exchange = this.exchange;
    this.exchange = null;
    if (this.state !== State.exchange) return;
    if (exchange !== null && !exchange.requestEnded) {
      this.discarded = 0;
      if (this.closing) return this.linger();
      this.state = State.draining;
      this.setDeadline(LINGER_MS);
      if (!this.processing) this.proceed();
      return;
    }
    if (this.closing || (this.inputEnded && this.held === null)) {
      if (exchange === null || !this.hasLastWord(exchange)) return this.linger();
      this.giveReaderBack();
      this.closeNow();
      return;
    }
    this.nextRequest();
    if (this.processing) return;
    if (this.held !== null || this.paused) this.proceed();
  }

  onWriteFailed(): void {
    if (this.state === State.tunnel) this.tunnel?.writeFailed(this.tunnel.downstream);
    else this.transport.destroy("EPIPE");
  }

  onUnblocked(): void {
    if (this.state === State.tunnel) this.tunnel?.drained(this.tunnel.downstream);
    else if (this.exchange !== null) {
      this.context.plane.deadlines.cancel(this);
      this.pace.flowed(this.context.plane.now);
      if (!this.exchange.requestEnded) this.setDeadline(this.pace.nextCheckMs(this.context.plane.now, this.context.config.timeouts.idle));
      else if (this.inputEnded) this.setHalfClosedDeadline();
      this.exchange.downstreamDrained();
    } else if (this.state === State.idle) {
      this.waitIdle();
      this.proceed();
    }
  }

  // ---- ends ---------------------------------------------------------------------------------------------------------

  private nextRequest(): void {
    this.reader.restart(this.reader.head);
    this.state = State.idle;
    this.bodyMode = BodyMode.none;
    // With an answer still on its way the time that counts is the client's for reading it; see onUnblocked.
    if (this.outlet.blocked) this.watchTaking();
    else this.waitIdle();
  }

  private waitIdle(): void {
    const { plane, config, draining } = this.context;
    const idleMs = draining ? DRAIN_IDLE_MS : config.timeouts.keep_alive;
    this.idleUntil = plane.deadlines.tickOf(plane.now + idleMs);
    this.setDeadline(Math.min(idleMs, this.reader.remembers ? SETTLE_MS : SETTLE_SOON_MS));
  }

  /** Answers what is no request (yet): a malformed or late head. */
  private refuse(answer: LocalAnswer): void {
    this.context.plane.metrics.add(answer.status === 408 ? CounterId.request_timeouts : CounterId.malformed_requests, 1);
    this.turnAway(answer);
  }

  /** Gives an answer to nothing that was asked, the connection's last. */
  turnAway(answer: LocalAnswer): void {
    const plane = this.context.plane;
    this.closing = true;
    const head = this.reader.startedHead;
    // What waits of earlier answers is not this one's, be it that it finds its client gone.
    this.outlet.endWait();
    const before = this.outlet.bytesWritten;
    const json = head !== null && answers.acceptsJson(head.knownValue(Known.accept));
    this.outlet.append(answerText(answer, NO_EDITS, json, head?.method === "HEAD", true, plane.now + plane.epochOffset));
    this.outlet.flush();
    plane.refused(this.peer, answer, head, this.headStartedAt, this.reader.bytesOfHead, this.outlet.bytesWritten - before);
    this.linger();
  }

  /** Half-closes and reads on for a short time, so that the last answer is not lost to a reset. */
  private linger(): void {
    if (this.state === State.closed) return;
    this.outlet.endWait();
    this.state = State.lingering;
    this.discarded = 0;
    this.held = null;
    if (!this.outlet.blocked) {
      this.transport.end();
      if (this.inputEnded) return this.destroySoon();
      this.setDeadline(LINGER_MS);
    } else {
      // The time to linger begins when the client has taken its answer.
      this.transport.end(() => {
        if (this.inputEnded) this.destroy();
        else this.setDeadline(LINGER_MS);
      });
      this.watchTaking();
    }
    this.resume();
  }

  private destroySoon(): void {
    this.outlet.endWait();
    if (this.outlet.blocked) this.watchTaking();
    else this.setDeadline(LINGER_MS);
    this.transport.destroySoon();
  }

  private destroy(): void {
    this.state = State.closed;
    this.outlet.endWait();
    this.transport.destroy();
  }

  /** FIN from the client. */
  onEnd(): void {
    const plane = this.context.plane;
    plane.tick();
    this.inputEnded = true;
    if (this.state === State.tunnel) return this.tunnel?.ended(this.tunnel.downstream);
    if (this.held === null) this.inputDone();
    else if (this.exchange?.requestEnded === true) this.watchHalfClosed(this.exchange);
  }

  /** Nothing more will come, and everything that came is read. */
  private inputDone(): void {
    switch (this.state) {
      case State.idle:
        if (this.reader.endOfInput() === Event.fault) return this.refuse(refusal(this.reader.fault));
        this.giveReaderBack();
        this.closeNow();
        return;
      case State.exchange:
        if (this.exchange === null) return;
        if (!this.exchange.requestEnded) return this.exchange.downstreamGone("client_gone");
        return this.watchHalfClosed(this.exchange);
      default:
        this.closeNow();
    }
  }

  /**
   * The client may have half-closed and wait for its answer, or be gone: a FIN looks the same. Requests that came before it, and are
   * held, are answered first.
   */
  private watchHalfClosed(exchange: Exchange): void {
    if (this.held === null) this.closing = true;
    this.halfClosedProbes = !exchange.responseStarted && exchange.request.understandsInterim ? 2 : 0;
    this.pace.flowed(this.context.plane.now);
    // Whether a client that must take something first is there, that shows.
    if (!this.outlet.blocked) this.setHalfClosedDeadline();
  }

  private setHalfClosedDeadline(): void {
    const { plane, config } = this.context;
    this.setDeadline(this.halfClosedProbes > 0 ? HALF_CLOSED_PROBE_MS : this.pace.idleLeftMs(plane.now, config.timeouts.half_closed));
  }

  private closeNow(): void {
    this.state = State.lingering;
    this.destroySoon();
  }

  /**
   * The client said that this request is its last, and all of it is here: nothing on its way can reset the answer. Not behind a POST
   * and its like: old clients send a CRLF more than they say (RFC 9112 section 2.2), or a body without saying it.
   */
  private hasLastWord({ connection, request, requestLength }: Exchange): boolean {
    const last = connection.close || (request.version === "1.0" && !connection.keepAlive);
    if (!last || requestLength !== 0 || (request.method !== "GET" && request.method !== "HEAD")) return false;
    return this.held === null && !this.paused && !this.reader.hasRest && !this.outlet.blocked;
  }

  onClosed(code: string | null): void {
    const plane = this.context.plane;
    if (!this.context.forget(this)) return;
    plane.tick();
    this.owned?.close();
    this.state = this.state === State.tunnel ? State.tunnel : State.closed;
    plane.deadlines.remove(this);
    this.reads?.end(!this.requestIsBlocked() && this.tunnel?.flowing(this.tunnel.downstream) !== false);
    if (this.tunnel !== null) this.tunnel.closed(this.tunnel.downstream);
    else this.exchange?.downstreamGone(code === null ? "client_gone" : "client_reset");
    this.state = State.closed;
  }

  /** The listener drains: an idle connection waits a moment for a last request, one whose response is still on its way for that before. */
  drain(): void {
    if (this.state === State.idle && !this.reader.insideHead && !this.outlet.blocked) this.waitIdle();
  }

  /**
   * Closes it if it has served and no request is under way, which its client must expect (RFC 9112 section 9.3), unlike one that just
   * came; true then.
   */
  closeIfIdle(): boolean {
    const { outlet } = this;
    if (this.state !== State.idle || this.requests === 0 || this.reader.insideHead || outlet.blocked || outlet.waits) return false;
    this.destroy();
    return true;
  }

  /** Ends it whatever it is doing; true if an exchange was cut, or a response that was on its way. A client without an answer gets one. */
  cutNow(): boolean {
    const { exchange } = this;
    const cuts = exchange !== null || this.outlet.blocked;
    if (exchange !== null && this.tunnel === null && !exchange.responseStarted) {
      this.closing = true;
      exchange.requestFailed(answers.DRAIN_TIMEOUT);
    } else {
      // A request that was held behind it is not begun any more.
      this.closing = true;
      this.held = null;
      // After a FIN a body that ends with its connection would look whole.
      if (cuts && this.bodyMode === BodyMode.untilClose) this.giveUp("drain_timeout");
      else exchange?.downstreamGone("drain_timeout");
    }
    this.destroy();
    return cuts;
  }

  // ---- time ---------------------------------------------------------------------------------------------------------

  onDeadline(): void {
    const plane = this.context.plane;
    plane.tick();
    switch (this.state) {
      case State.idle:
        if (this.outlet.blocked) this.checkTaking();
        else if (this.headDueTick !== 0 && plane.deadlines.hasPassed(this.headDueTick)) this.refuse(answers.REQUEST_TIMEOUT);
        else if (this.headDueTick !== 0) plane.deadlines.setTick(this, this.headDueTick);
        else if (plane.deadlines.hasPassed(this.idleUntil)) this.closeNow();
        else this.settle();
        return;
      case State.exchange:
        return this.exchangeDeadline();
      case State.tunnel:
        return;
      case State.lingering:
        if (this.outlet.blocked) return this.checkTaking();
        return this.destroy();
      default:
        this.destroy();
    }
  }

  private settle(): void {
    this.giveReaderBack();
    this.reads?.rest();
    this.context.plane.deadlines.setTick(this, this.idleUntil);
  }

  /** No request is being read or answered. */
  private giveReaderBack(): void {
    const { reader } = this;
    if (reader === NO_READER) return;
    this.reader = NO_READER;
    this.context.giveReaderBack(reader);
  }

  /** A response waits for its client: from now on it is looked how much of it is taken. */
  private watchTaking(): void {
    this.outlet.markTaken();
    this.setDeadline(this.context.config.timeouts.idle);
  }

  /** Ends a connection whose client takes its response too slowly. */
  private checkTaking(): void {
    const { timeouts, limits } = this.context.config;
    if (this.outlet.takenSinceMark >= Math.max(1, (limits.response_rate * timeouts.idle) / 1000)) return this.watchTaking();
    this.giveUp("client_stalled");
  }

  /**
   * The client takes no more, or is gone. Closed, the system would keep what it has not taken, megabytes, for minutes; and a body that
   * ends with its connection would look complete. Therefore a reset.
   */
  private giveUp(reason: DownstreamEnd): void {
    // Before the exchange says that it is over: no request that is held is begun any more.
    this.state = State.closed;
    this.exchange?.downstreamGone(reason);
    this.transport.reset();
  }

  private exchangeDeadline(): void {
    const { exchange } = this;
    if (exchange === null) return;
    const { plane, config } = this.context;
    const { timeouts, limits } = config;
    if (this.outlet.blocked) return this.checkTaking();
    if (exchange.requestEnded) return this.halfClosedDeadline(exchange);
    // In a dialogue each side may wait for the other's next word.
    const rate = exchange.responseStarted ? 0 : limits.body_rate;
    if (this.pace.tooSlow(plane.now, timeouts.idle, rate, this.paused || this.bodyNotAwaited(exchange))) {
      plane.metrics.add(CounterId.request_timeouts, 1);
      this.closing = true;
      return exchange.requestFailed(answers.REQUEST_TIMEOUT);
    }
    this.setDeadline(this.pace.nextCheckMs(plane.now, timeouts.idle));
  }

  /** The client cannot be blamed for sending nothing: nobody takes its body yet, or it waits for the 100 that it asked for. */
  private bodyNotAwaited(exchange: Exchange): boolean {
    return !exchange.takesBody || exchange.awaitsContinue;
  }

  /**
   * A client that is gone answers any byte with a reset, and the next write tells us; one that waits for its answer must skip an
   * interim response (RFC 9110 section 15.2).
   */
  private probeHalfClosed(): void {
    this.halfClosedProbes--;
    this.outlet.append("HTTP/1.1 100 Continue\r\n\r\n");
    if (!this.outlet.flush()) this.watchTaking();
    else this.setHalfClosedDeadline();
  }

  private halfClosedDeadline(exchange: Exchange): void {
    if (!this.inputEnded) return;
    if (exchange.responseStarted) this.halfClosedProbes = 0;
    if (this.halfClosedProbes > 0) return this.probeHalfClosed();
    const { plane, config } = this.context;
    if (this.pace.idleLeftMs(plane.now, config.timeouts.half_closed) <= 0) this.giveUp("client_gone");
    else this.setHalfClosedDeadline();
  }

  private setDeadline(inMs: number): void {
    const plane = this.context.plane;
    plane.deadlines.set(this, plane.now + inMs);
  }

  // ---- questions ----------------------------------------------------------------------------------------------------

  /** An unfinished write refers to what was read last. */
  private requestIsBlocked(): boolean {
    return this.exchange !== null && this.exchange.requestBlocked;
  }

  /** Few bytes are missing of the refused request and the client will send them: reading them keeps the connection. */
  private worthDraining(exchange: Exchange): boolean {
    if ((exchange.request.present & bit(Known.expect)) !== 0) return false;
    return exchange.requestLength > 0 && exchange.requestLength <= DISCARD_BYTES_MAX;
  }
}

function directly(peer: string, { unsafe_field_names: unsafeFieldNames }: ListenerConfig): ClientFacts {
  return { peer, client: peer, trusted: false, secure: false, forwarded: null, unsafeFieldNames };
}

function bodyModeOf(length: BodyLength, version: HttpVersion): BodyModeKind {
  // To an HTTP/1.0 client no Transfer-Encoding, not even as what a GET would have got (RFC 9112 section 6.1).
  if (length > 0) return BodyMode.length;
  if (version === "1.0") return BodyMode.untilClose;
  return length === 0 ? BodyMode.none : BodyMode.chunked;
}
