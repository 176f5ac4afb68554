/**
 * One HTTP/1 connection from a client. It turns the bytes of requests into exchanges, and the responses of exchanges into bytes. The connection
 * has one state and at most one deadline at a time; client-state.ts shows both.
 *
 * This class holds the fields. The code that works on them is plain functions in input.ts, output.ts, half-closed.ts and ending.ts: a thread has
 * many idle connections, and one object per part would make each connection larger. No other file may touch the fields.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../../../base/deadlines.ts";
import type { BodyLength } from "../../../http/body-length.ts";
import type { FieldEdits } from "../../../http/field-edits.ts";
import type { ResponseEdits } from "../../../http/head-edits.ts";
import type { FieldSection } from "../../../http/field-section.ts";
import type { ResponseHead } from "../../../http/response-head.ts";
import type { RequestReader } from "../../../http1/request-reader.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import type { ConnectionAddresses } from "../../../proxy-protocol/header.ts";
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";
import type { ClientFacts } from "../../../proxy/ports/client-facts.ts";
import type { ClientStream } from "../../../proxy/ports/client-stream.ts";
import type { OwnedUpstream, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { AcceptedConnection } from "../../accept/accepted-connection.ts";
import type { ConnectionFacts } from "../../accept/connection-facts.ts";
import type { ListenerConfig, ListenerContext } from "../../accept/listener-context.ts";
import { BodyPace } from "../../body-pace.ts";
import { Outlet } from "../../buffers/outlet.ts";
import type { OutletOwner } from "../../buffers/outlet.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import type { ReadTarget } from "../../buffers/read-target.ts";
import { factsOfPeer, hiddenOf } from "../../client-facts.ts";
import type { ConnectionThread } from "../../connection-thread.ts";
import type { AcceptedTransport, OpenTransport, TransportReader } from "../../transport/transport.ts";
import type { Tunnel } from "../../tunnel.ts";
import { BodyMode } from "../response-writer.ts";
import type { BodyModeKind } from "../response-writer.ts";
import { OwnedUpstreams } from "../upstream/owned-connections.ts";
import { Deadline, Input, State } from "./client-state.ts";
import * as ending from "./ending.ts";
import { Way, end } from "./ending.ts";
import { checkQuiet, probe } from "./half-closed.ts";
import * as input from "./input.ts";
import * as output from "./output.ts";

export class ClientConnection extends Timed implements ClientStream, AcceptedConnection, TransportReader, OutletOwner {
  readonly context: ListenerContext;
  readonly thread: ConnectionThread;
  readonly transport: AcceptedTransport;
  readonly outlet: Outlet;
  state: State = State.idle;
  /** What the connection's deadline is for. `setDeadlineTick` sets it together with its time. */
  deadline: Deadline = Deadline.none;
  /** The running exchange: set when a request's head is complete, null again after `exchangeFinished`. */
  exchange: Exchange | null = null;
  tunnel: Tunnel | null = null;
  /** Whether the connection ends after the current response. */
  isLast: boolean = false;
  /** How many requests the connection has brought. */
  requests: number = 0;

  // ---- who speaks ----

  /** Address of the connection's other end, or the client address from the PROXY protocol. It is what is logged, forwarded and counted. */
  readonly peer: string;
  /** Whether the peer is a trusted proxy, so that its X-Forwarded-* or Forwarded fields are believed. */
  peerTrusted: boolean;
  /** The client of a request that no trusted proxy has passed on: the peer itself. */
  direct: ClientFacts;
  /** Bits of the received fields that nobody may read; see hiddenOf. */
  hidden: number;
  /** The configuration that `peerTrusted`, `direct`, `hidden` and the reader's limits were derived from. Differs from `context.config` after a reload. */
  configured: ListenerConfig;

  // ---- input ----

  readBuffer: Buffer = sharedBuffer;
  /** Chooses the buffer for the next read. Null until a message has taken more than one read. */
  reads: ReadTarget | null = null;
  /** The parser of requests. It is on loan from the listener while bytes come, and goes back once the connection has been idle for a while. */
  reader: RequestReader = input.NO_READER;
  input: Input = Input.flowing;
  /** Whether the loop that parses input is running. Guards against starting it again from within. */
  isProcessing: boolean = false;
  /** Received bytes that are not parsed yet: they wait until the exchange takes more of its body, or until it is over. */
  held: Buffer | null = null;
  /** How many bytes of a refused body were thrown away, or how many since the connection began to end. */
  discarded: number = 0;
  /** How many requests the last read has begun. */
  pipelined: number = 0;
  /** When a head that takes several reads began, in monotonic milliseconds; 0 while there is no such head. */
  headStartedAt: number = 0;
  /** The deadline wheel's tick by which the head that has begun must be complete. */
  headDueTick: number = 0;
  /** No request after the current one is taken: the listener drains, or asks other things of its clients than when this one came. */
  draining: boolean = false;
  /** The deadline wheel's tick at which an idle connection is closed. */
  idleUntil: number = 0;

  // ---- output ----

  /** How the current response's body is framed. */
  bodyMode: BodyModeKind = BodyMode.none;
  /** Pace of the request's body; after the response has begun, bytes in either direction count. */
  readonly pace: BodyPace = new BodyPace();
  /** How many more interim responses will ask a half-closed client whether it is still there. */
  probesLeft: number = 0;
  /** Connections to endpoints that only this client may use, because a user was authenticated on them. */
  owned: OwnedUpstreams | null = null;

  /** Opens the transport and starts to read at once. */
  constructor(context: ListenerContext, open: OpenTransport, facts: ConnectionFacts, isTrusted: boolean) {
    super();
    this.context = context;
    this.thread = context.thread;
    this.peer = facts.client;
    this.peerTrusted = isTrusted;
    this.configured = context.config;
    this.direct = factsOfPeer(facts, context.config, context.ownAnswersFor(facts.tls));
    this.hidden = hiddenOf(isTrusted, context);
    this.outlet = new Outlet(this);
    const transport = open(this, this.outlet);
    this.transport = transport;
    this.outlet.transport = transport;
    this.setDeadline(Deadline.firstBytes, context.config.timeouts.request_head);
    transport.start();
  }

  /** The only place that changes the state. */
  enter(state: State): void {
    this.state = state;
  }

  /** Takes over the listener's new settings after a reload. Called between two requests only. */
  reconfigure(): void {
    const { context, reader, peer, direct } = this;
    this.configured = context.config;
    this.direct = factsOfPeer(direct, context.config, context.ownAnswersFor(direct.tls));
    this.peerTrusted = context.trusted.contains(peer);
    this.hidden = hiddenOf(this.peerTrusted, context);
    if (reader !== input.NO_READER) reader.limitTo(context.limits);
  }

  pauseReading(): void {
    if (this.input !== Input.flowing) return;
    this.input = Input.paused;
    this.transport.pause();
  }

  resumeReading(): void {
    if (this.input !== Input.paused || this.transport.destroyed) return;
    this.input = Input.flowing;
    this.pace.goesOn(this.thread.now);
    this.transport.resume();
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  setDeadline(deadline: Deadline, inMs: number): void {
    const { deadlines, now } = this.thread;
    this.setDeadlineTick(deadline, deadlines.tickOf(now + inMs));
  }

  setDeadlineTick(deadline: Deadline, tick: number): void {
    this.deadline = deadline;
    this.thread.deadlines.setTick(this, tick);
  }

  cancelDeadline(): void {
    this.deadline = Deadline.none;
    this.thread.deadlines.cancel(this);
  }

  /** A response waits because the client is slow: from now on `checkTaking` measures how much of it the client takes. */
  watchTaking(): void {
    this.outlet.markTaken();
    this.setDeadline(Deadline.taking, this.context.config.timeouts.idle);
  }

  onDeadline(): void {
    this.thread.tick();
    switch (this.deadline) {
      case Deadline.none:
        return;
      case Deadline.head:
        return ending.refuse(this, answers.REQUEST_TIMEOUT);
      case Deadline.body:
        return input.checkBodyPace(this);
      case Deadline.taking:
        return output.checkTaking(this);
      case Deadline.probe:
        return probe(this);
      case Deadline.quiet:
        return checkQuiet(this);
      case Deadline.settle:
        return input.settle(this);
      case Deadline.firstBytes:
      case Deadline.keepAlive:
        return end(this, Way.whenWritten);
      case Deadline.discard:
      case Deadline.linger:
        return end(this, Way.atOnce);
    }
  }

  // ---- ClientStream: called by the exchange -----------------------------------------------------------------------------

  get isBackground(): boolean {
    return false;
  }

  get bytesWritten(): number {
    return this.outlet.bytesWritten;
  }

  addresses(): ConnectionAddresses | null {
    return this.transport.addresses();
  }

  pauseRequest(): void {
    this.pauseReading();
  }

  resumeRequest(): void {
    if (this.isProcessing) return;
    if (this.state === State.receiving) input.proceed(this);
    else if (this.state === State.answering && this.held === null) this.resumeReading();
  }

  interim(head: ResponseHead): void {
    output.interim(this, head);
  }

  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    output.respond(this, head, length, edits);
  }

  answer(answer: LocalAnswer, edits: FieldEdits): void {
    output.answer(this, answer, edits);
  }

  data(bytes: Buffer, start: number, end: number): void {
    output.data(this, bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    output.endBody(this, trailers);
  }

  flush(): boolean {
    return output.flush(this);
  }

  cut(): void {
    ending.cut(this);
  }

  startTunnel(head: ResponseHead, upstream: UpstreamStream): void {
    output.startTunnel(this, head, upstream);
  }

  own(upstream: OwnedUpstream): void {
    this.owned ??= new OwnedUpstreams();
    this.owned.keep(upstream, this.thread.shortOfSockets());
  }

  exchangeFinished(): void {
    input.exchangeFinished(this);
  }

  // ---- called by the listener -----------------------------------------------------------------------------------------

  get isCurrent(): boolean {
    return this.direct.tls === null || this.direct.tls.rule.isCurrent();
  }

  /** Takes no new requests: an idle connection waits a short time for a last request. If response bytes are unsent, that time begins after them. */
  drain(): void {
    this.draining = true;
    if (this.state === State.idle && !this.outlet.blocked) input.waitIdle(this);
  }

  /** Closes the connection if it has served a request before and is idle now; returns whether it did (see ending.ts). */
  closeIfIdle(): boolean {
    return ending.closeIfIdle(this);
  }

  /** Sends `answer` although no complete request has come, then ends the connection. */
  turnAway(answer: LocalAnswer): void {
    ending.turnAway(this, answer);
  }

  /**
   * Ends the connection, whatever it is doing. A client whose response has not begun gets an error answer.
   * @returns whether an exchange was cut, or a response that was still being sent
   */
  cutNow(): boolean {
    return ending.cutNow(this);
  }

  // ---- events of the socket -------------------------------------------------------------------------------------------

  onRead(buffer: Buffer, count: number): void {
    this.thread.tick();
    input.onRead(this, buffer, count);
  }

  onEnd(): void {
    this.thread.tick();
    input.onEnd(this);
  }

  onBlocked(): void {
    output.onBlocked(this);
  }

  onUnblocked(): void {
    this.thread.tick();
    if (this.state === State.tunnel) this.tunnel?.unblocked(this.tunnel.downstream);
    else output.onUnblocked(this);
  }

  onWriteFailed(): void {
    if (this.state === State.tunnel) this.tunnel?.writeFailed(this.tunnel.downstream);
    else this.transport.destroy("EPIPE");
  }

  onClosed(code: string | null): void {
    const { thread, tunnel } = this;
    if (!this.context.forget(this)) return;
    thread.tick();
    this.owned?.close();
    if (this.state === State.idle) input.giveReaderBack(this);
    if (this.state !== State.closed) this.enter(State.closed);
    this.deadline = Deadline.none;
    thread.deadlines.remove(this);
    this.reads?.end(!input.isRequestBlocked(this) && tunnel?.flowing(tunnel.downstream) !== false);
    if (tunnel !== null) tunnel.closed(tunnel.downstream);
    else this.exchange?.clientGone(code === null ? "client_gone" : "client_reset");
  }
}
