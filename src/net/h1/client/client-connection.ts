/**
 * One HTTP/1 connection from a client: bytes in, exchanges out. What it is doing is one state (client-state.ts has the picture), what it waits
 * for is one deadline with a name.
 *
 * The class holds what a connection knows. What it does with that stands in input.ts, output.ts, half-closed.ts and ending.ts, as plain functions:
 * idle connections are many, and an object for each part would make each of them larger. The fields are for these files alone.
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
import type { Exchange } from "../../../proxy/exchange/exchange.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";
import type { ClientFacts, ClientStream } from "../../../proxy/ports/client-stream.ts";
import type { OwnedUpstream, UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import type { AcceptedConnection } from "../../accept/accepted-connection.ts";
import type { ConnectionFacts } from "../../accept/connection-facts.ts";
import type { ListenerConfig, ListenerContext } from "../../accept/listener-context.ts";
import { Outlet } from "../../buffers/outlet.ts";
import type { OutletOwner } from "../../buffers/outlet.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import type { ReadTarget } from "../../buffers/read-target.ts";
import type { ConnectionThread } from "../../connection-thread.ts";
import type { OpenTransport, Transport, TransportReader } from "../../transport/transport.ts";
import type { Tunnel } from "../../tunnel.ts";
import { BodyMode } from "../response-writer.ts";
import type { BodyModeKind } from "../response-writer.ts";
import { OwnedUpstreams } from "../upstream/owned-connections.ts";
import { BodyPace } from "./body-pace.ts";
import { Deadline, Input, State } from "./client-state.ts";
import * as ending from "./ending.ts";
import { Way, end } from "./ending.ts";
import { checkQuiet, probe } from "./half-closed.ts";
import * as input from "./input.ts";
import * as output from "./output.ts";

export class ClientConnection extends Timed implements ClientStream, AcceptedConnection, TransportReader, OutletOwner {
  readonly context: ListenerContext;
  readonly transport: Transport;
  readonly outlet: Outlet;
  state: State = State.idle;
  /** What the deadline is for. Set together with its time, by `setDeadlineTick`. */
  deadline: Deadline = Deadline.none;
  /** From the complete head of a request until the exchange says that it is over. */
  exchange: Exchange | null = null;
  tunnel: Tunnel | null = null;
  /** The current response is the connection's last one. */
  isLast: boolean = false;
  /** Requests so far. */
  requests: number = 0;

  // ---- who speaks ----

  /** Address of the other end, or of the one that it connects for: as it is logged, forwarded and counted. */
  readonly peer: string;
  peerTrusted: boolean;
  /** Who sends the requests that no trusted proxy passes on. */
  direct: ClientFacts;
  /** The configuration that `peerTrusted`, `direct` and the reader's limits were derived from. Differs from `context.config` after a reload. */
  configured: ListenerConfig;

  // ---- input ----

  readBuffer: Buffer = sharedBuffer;
  /** From the first message on that does not come in one read. */
  reads: ReadTarget | null = null;
  /** On loan from the listener, from the connection's first byte until it has been idle for a while. */
  reader: RequestReader = input.NO_READER;
  input: Input = Input.flowing;
  /** Input is being read: who asks to go on with it need not begin anew. */
  isProcessing: boolean = false;
  /** Bytes that wait until the exchange takes them, or until it is over. */
  held: Buffer | null = null;
  /** Bytes thrown away, of a refused body or while the connection ends. */
  discarded: number = 0;
  /** Requests that were begun with the bytes of the last read. */
  pipelined: number = 0;
  /** When the head began that comes in several reads; 0 while none does. */
  headStartedAt: number = 0;
  /** The tick of the deadlines in which that head must be complete. */
  headDueTick: number = 0;
  /** The tick of the deadlines in which an idle connection is closed. */
  idleUntil: number = 0;

  // ---- output ----

  bodyMode: BodyModeKind = BodyMode.none;
  /** Of the request's body; once the response has begun, of what passes in either direction. */
  readonly pace: BodyPace = new BodyPace();
  /** How often the client will still be asked whether it is there. */
  probesLeft: number = 0;
  /** Connections to endpoints that are this one's alone. */
  owned: OwnedUpstreams | null = null;

  /** Reading starts at once. */
  constructor(context: ListenerContext, open: OpenTransport, { client, secure }: ConnectionFacts, isTrusted: boolean) {
    super();
    this.context = context;
    this.peer = client;
    this.peerTrusted = isTrusted;
    this.configured = context.config;
    this.direct = directly(client, secure, context.config);
    this.outlet = new Outlet(this);
    const transport = open(this, this.outlet);
    this.transport = transport;
    this.outlet.transport = transport;
    this.setDeadline(Deadline.firstBytes, context.config.timeouts.request_head);
    transport.start();
  }

  get thread(): ConnectionThread {
    return this.context.thread;
  }

  /** The only place that changes the state. */
  enter(state: State): void {
    this.state = state;
  }

  /** Between two requests, after a reload. */
  reconfigure(): void {
    const { context, reader, peer, direct } = this;
    this.configured = context.config;
    this.direct = directly(peer, direct.secure, context.config);
    this.peerTrusted = context.trusted.contains(peer);
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

  /** A response waits for its client: from now on it is looked how much of it the client takes. */
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

  // ---- ClientStream: what the exchange asks -----------------------------------------------------------------------------

  get isBackground(): boolean {
    return false;
  }

  get bytesWritten(): number {
    return this.outlet.bytesWritten;
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
    this.owned ??= new OwnedUpstreams(this.thread);
    this.owned.keep(upstream, this.thread.shortOfSockets());
  }

  exchangeFinished(): void {
    input.exchangeFinished(this);
  }

  // ---- what the listener asks -----------------------------------------------------------------------------------------

  /** The listener drains: an idle connection waits a moment for a last request; one whose response is still on its way, for that before. */
  drain(): void {
    if (this.state === State.idle && !this.outlet.blocked) input.waitIdle(this);
  }

  /**
   * Closes a connection that has served and carries no request at the moment: its client must expect that (RFC 9112 section 9.3), unlike the
   * client of one that just came. True: it was one.
   */
  closeIfIdle(): boolean {
    return ending.closeIfIdle(this);
  }

  /** Gives an answer that no complete request has asked for, the connection's last one. */
  turnAway(answer: LocalAnswer): void {
    ending.turnAway(this, answer);
  }

  /** Ends the connection whatever it is doing. True: an exchange was cut, or a response on its way. A client without an answer gets one. */
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
    if (this.state !== State.closed) this.enter(State.closed);
    this.deadline = Deadline.none;
    thread.deadlines.remove(this);
    this.reads?.end(!input.isRequestBlocked(this) && tunnel?.flowing(tunnel.downstream) !== false);
    if (tunnel !== null) tunnel.closed(tunnel.downstream);
    else this.exchange?.clientGone(code === null ? "client_gone" : "client_reset");
  }
}

function directly(peer: string, secure: boolean, { unsafe_field_names: unsafeFieldNames }: ListenerConfig): ClientFacts {
  return { peer, client: peer, trusted: false, secure, forwarded: null, unsafeFieldNames };
}
