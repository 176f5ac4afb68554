/**
 * A client whose request comes through somebody else's program: one request and its response. It is the client's stream of an exchange, over a
 * body and a response that the host program reads and sends (hosted-message.ts). embedded-state.ts shows its states and deadlines.
 */
import type { Buffer } from "node:buffer";
import { Timed } from "../base/deadlines.ts";
import { codeOf } from "../base/errors.ts";
import type { BodyLength } from "../http/body-length.ts";
import { connectionOptions } from "../http/connection-options.ts";
import { FieldEdits } from "../http/field-edits.ts";
import type { FieldSection } from "../http/field-section.ts";
import type { ResponseEdits } from "../http/head-edits.ts";
import type { RequestHead } from "../http/request-head.ts";
import type { ResponseHead } from "../http/response-head.ts";
import { Faults } from "../http1/faults.ts";
import type { AcceptedConnection } from "../net/accept/accepted-connection.ts";
import { BodyPace } from "../net/body-pace.ts";
import type { ConnectionThread } from "../net/connection-thread.ts";
import { refusal } from "../net/h1/client/refusal.ts";
import { LINGER_BYTES_MAX, LINGER_MS, isWorthReading } from "../net/refused-body.ts";
import * as answers from "../proxy/exchange/answers.ts";
import { Exchange } from "../proxy/exchange/exchange.ts";
import type { LocalAnswer } from "../proxy/local-answer.ts";
import type { ClientFacts } from "../proxy/ports/client-facts.ts";
import type { ClientEnd, ClientStream } from "../proxy/ports/client-stream.ts";
import type { OwnedUpstream } from "../proxy/ports/upstream-stream.ts";
import { CounterId } from "../shared/metric-table.ts";
import type { EmbedHost } from "./embed-host.ts";
import { Deadline, State } from "./embedded-state.ts";
import { GuardedBody, GuardedResponse } from "./guarded-message.ts";
import type { OnThrown } from "./guarded-message.ts";
import type { HostedBody, HostedBodyReader, HostedResponse, HostedResponseEvents } from "./hosted-message.ts";
import { HeldBody } from "./held-body.ts";
import { ResponseOutput } from "./response-output.ts";

const NO_EDITS = new FieldEdits();

/** A request that was read: its head, and the length of its body. */
export interface ReadRequest {
  readonly head: RequestHead;
  readonly length: BodyLength;
}

export class EmbeddedClient extends Timed implements ClientStream, AcceptedConnection, HostedBodyReader, HostedResponseEvents {
  readonly isBackground: boolean = false;
  readonly isCurrent: boolean = true;
  readonly owned: null = null;
  /** Called when the client is gone, or has its whole response. */
  onClosed: (() => void) | null = null;
  private readonly host: EmbedHost;
  private readonly thread: ConnectionThread;
  /** Address of the client's connection; "": not known. */
  readonly peer: string;
  private readonly body: HostedBody;
  private readonly output: ResponseOutput;
  private state: State = State.open;
  private deadline: Deadline = Deadline.none;
  /** The running exchange; null before it and after it. */
  private exchange: Exchange | null = null;
  private readonly pace: BodyPace = new BodyPace();

  // ---- the request's body ----

  /** Length of the body as the head tells it. */
  private length: BodyLength = 0;
  /** The part of the body that has come and that the exchange has not taken. */
  private readonly held: HeldBody = new HeldBody();
  /** The exchange wants the body. */
  private isWanted: boolean = false;
  /** Bytes are being delivered: whoever is called may not begin to deliver once more. */
  private isDelivering: boolean = false;
  /** Everything that the client sends has come. */
  private isRead: boolean = false;
  /** How many bytes of the body have come, thrown away ones included. */
  private bodyBytes: number = 0;

  constructor(host: EmbedHost, peer: string, body: HostedBody, response: HostedResponse) {
    super();
    this.host = host;
    this.thread = host.thread;
    this.peer = peer;
    const onThrown: OnThrown = (reason) => this.programThrew(reason);
    this.body = new GuardedBody(body, onThrown);
    this.output = new ResponseOutput(new GuardedResponse(response, onThrown));
    body.start(this);
    response.start(this);
    // The last step, because one before it may throw.
    host.connections.add(this);
  }

  /** Answers the request. @param whole the body, if the host program has read all of it already; null: it is still to be read */
  begin({ head, length }: ReadRequest, facts: ClientFacts, whole: Buffer | null = null): void {
    const { thread } = this;
    this.length = length;
    const exchange = new Exchange(thread, this, head, length, connectionOptions(head), facts, "", thread.now);
    this.exchange = exchange;
    if (length === 0) this.isRead = true;
    else if (whole === null) {
      this.pace.begin(thread.now);
      this.setBodyDeadline();
    } else {
      this.isRead = true;
      this.held.add(whole);
      this.held.end(null);
    }
    exchange.begin();
  }

  /** Answers a request that cannot become an exchange, and logs it. @param head what is known of it */
  refuse(answer: LocalAnswer, head: RequestHead | null, counter: CounterId | null = CounterId.malformed_requests): void {
    const { thread, output } = this;
    if (counter !== null) thread.metrics.add(counter, 1);
    output.isLast = true;
    output.answer(answer, head, NO_EDITS, thread.now + thread.epochOffset, this.isRead);
    thread.refused(this.peer, answer, head, 0, head?.size ?? 0, output.bytesWritten);
    this.leave();
  }

  // ---- time -----------------------------------------------------------------------------------------------------------

  private setDeadline(deadline: Deadline, inMs: number): void {
    const { deadlines, now } = this.thread;
    this.deadline = deadline;
    deadlines.set(this, now + inMs);
  }

  private cancelDeadline(): void {
    this.deadline = Deadline.none;
    this.thread.deadlines.cancel(this);
  }

  private setBodyDeadline(): void {
    this.setDeadline(Deadline.body, this.pace.nextCheckMs(this.thread.now, this.host.config.timeouts.idle));
  }

  private watchTaking(): void {
    this.output.markTaken();
    this.setDeadline(Deadline.taking, this.host.config.timeouts.idle);
  }

  onDeadline(): void {
    this.thread.tick();
    switch (this.deadline) {
      case Deadline.none:
        return;
      case Deadline.body:
        return this.checkBodyPace();
      case Deadline.taking:
        return this.checkTaking();
      case Deadline.rest:
        return this.bodyDone();
      case Deadline.cut:
        return this.endNow("client_gone");
    }
  }

  /** Answers 408 if the request's body comes too slowly; else sets the next check. */
  private checkBodyPace(): void {
    const { exchange, thread, pace } = this;
    if (exchange === null) return;
    const { timeouts, limits } = this.host.config;
    // Once the response has begun, both sides may be in a dialogue in which the client waits for the next response bytes: no minimum rate.
    const rate = exchange.responseStarted ? 0 : limits.body_rate;
    // The client is not to blame while the proxy does not take its body, or while it waits for the 100 (Continue) that it asked for.
    const isExcused = !this.isWanted || !exchange.takesBody || exchange.awaitsContinue;
    if (!pace.tooSlow(thread.now, timeouts.idle, rate, isExcused)) return this.setBodyDeadline();
    thread.metrics.add(CounterId.request_timeouts, 1);
    this.output.isLast = true;
    exchange.requestFailed(answers.REQUEST_TIMEOUT);
  }

  /** Ends the response of a client that has taken too little of it since the last check. */
  private checkTaking(): void {
    const { output } = this;
    const { timeouts, limits } = this.host.config;
    const isFast = output.takenSinceMark >= Math.max(1, (limits.response_rate * timeouts.idle) / 1000);
    if (isFast || output.isBehindAnother) return this.watchTaking();
    this.endNow("client_stalled");
  }

  // ---- the request's body ---------------------------------------------------------------------------------------------

  resumeRequest(): void {
    if (!this.isWanted) this.pace.goesOn(this.thread.now);
    this.isWanted = true;
    this.deliver();
  }

  pauseRequest(): void {
    this.isWanted = false;
    this.body.pause();
  }

  bodyRead(bytes: Buffer): void {
    this.thread.tick();
    this.bodyBytes += bytes.length;
    if (this.state === State.leaving && this.bodyBytes > LINGER_BYTES_MAX) return this.bodyDone();
    if (this.state !== State.open) return;
    // The parser of HTTP/1 keeps to the length; the sender of another stream may not.
    if (this.length >= 0 && this.bodyBytes > this.length) return this.malformed();
    this.pace.add(bytes.length, this.thread.now);
    this.held.add(bytes);
    this.deliver();
    if (!this.held.isEmpty) this.body.pause();
  }

  bodyEnded(trailers: FieldSection | null): void {
    this.thread.tick();
    if (this.state === State.leaving) return this.bodyDone();
    if (this.state !== State.open || this.isRead) return;
    this.isRead = true;
    if (this.length >= 0 && this.bodyBytes < this.length) return this.malformed();
    // While response bytes wait for the client, the deadline is for these.
    if (this.deadline === Deadline.body) this.cancelDeadline();
    this.held.end(trailers);
    this.deliver();
  }

  bodyFailed(): void {
    this.thread.tick();
    if (this.state === State.leaving) return this.bodyDone();
    if (this.state !== State.open || this.isRead) return;
    this.isRead = true;
    this.malformed();
  }

  /** The body is not as long as the head says, or breaks off. */
  private malformed(): void {
    this.output.isLast = true;
    this.exchange?.requestMalformed(refusal(Faults.incomplete));
  }

  /** Gives the exchange what it takes of the body. */
  private deliver(): void {
    const { exchange, held } = this;
    if (this.isDelivering || exchange === null) return;
    this.isDelivering = true;
    while (this.takesBody(exchange)) {
      const bytes = held.take();
      if (bytes !== null) exchange.requestData(bytes, 0, bytes.length);
      else if (held.isEnded) exchange.requestEnd(held.trailers);
      else {
        this.body.resume();
        break;
      }
      exchange.requestFlush();
    }
    this.isDelivering = false;
  }

  private takesBody(exchange: Exchange): boolean {
    return this.exchange === exchange && this.isWanted && exchange.takesBody && !exchange.requestEnded;
  }

  // ---- the response ---------------------------------------------------------------------------------------------------

  get bytesWritten(): number {
    return this.output.bytesWritten;
  }

  interim(head: ResponseHead): void {
    if (this.exchange?.request.understandsInterim === true) this.output.interim(head);
  }

  respond(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    const { exchange, thread, output } = this;
    if (exchange === null) return;
    if (!this.isRead) output.isLast = true;
    output.respond(head, length, edits, exchange.request, thread.now + thread.epochOffset);
  }

  answer(answer: LocalAnswer, edits: FieldEdits): void {
    const { exchange, thread, output } = this;
    if (exchange === null) return;
    if (answer.endsConnection === true || !(this.isRead || isWorthReading(exchange))) output.isLast = true;
    output.answer(answer, exchange.request, edits, thread.now + thread.epochOffset, this.isRead);
  }

  data(bytes: Buffer, start: number, end: number): void {
    this.output.data(bytes, start, end);
  }

  end(trailers: FieldSection | null): void {
    this.output.end(trailers, this.isRead);
  }

  flush(): boolean {
    const { output } = this;
    if (!this.isRead) this.pace.flowed(this.thread.now);
    const isWritten = output.flush();
    if (!isWritten && this.deadline !== Deadline.taking) this.watchTaking();
    return isWritten;
  }

  responseTaken(): void {
    this.thread.tick();
    const { exchange, output } = this;
    if (this.state === State.closed || !output.isBlocked) return;
    output.isBlocked = false;
    this.pace.flowed(this.thread.now);
    if (exchange === null) return;
    if (this.isRead) this.cancelDeadline();
    else this.setBodyDeadline();
    exchange.clientUnblocked();
  }

  cut(): void {
    this.output.cut();
  }

  /** No request of this kind asks for an upgrade: handle-upgrade.ts takes those. */
  startTunnel(): never {
    throw new Error("no upgrade was asked for");
  }

  /** The host program's connection is not asked: the client has no port then. */
  addresses(): null {
    return null;
  }

  own(upstream: OwnedUpstream): void {
    upstream.close();
  }

  // ---- the end --------------------------------------------------------------------------------------------------------

  exchangeFinished(): void {
    this.exchange = null;
    if (this.state === State.open) this.leave();
  }

  /** The exchange is over: what is left of the response is taken, and what is left of the request is thrown away. */
  private leave(): void {
    this.state = State.leaving;
    this.held.clear();
    if (this.output.isCut) this.setDeadline(Deadline.cut, LINGER_MS);
    else if (!this.isRead && this.body.discard()) this.setDeadline(Deadline.rest, LINGER_MS);
    else this.bodyDone();
  }

  /** The request is complete, or nobody waits for its rest any more. */
  private bodyDone(): void {
    if (this.output.isCut) return;
    this.isRead = true;
    this.output.requestIsOver();
    this.watchTaking();
  }

  responseClosed(wasReset: boolean): void {
    this.thread.tick();
    this.closes(wasReset ? "client_reset" : "client_gone");
  }

  private closes(reason: ClientEnd): void {
    if (this.state === State.closed) return;
    // The state must change before the exchange is told.
    this.state = State.closed;
    this.deadline = Deadline.none;
    this.thread.deadlines.remove(this);
    this.host.connections.delete(this);
    this.held.clear();
    this.body.close();
    this.exchange?.clientGone(reason);
    this.onClosed?.();
  }

  private endNow(reason: ClientEnd): void {
    this.closes(reason);
    this.output.reset();
  }

  /** A method of the program's request or response has thrown: what is left of the response cannot be sent. */
  private programThrew(reason: unknown): void {
    // Without the message, which may show what the program or its clients would not have in a log.
    const what = codeOf(reason) || (reason instanceof Error ? reason.name : "something that is no Error");
    this.thread.report("error", "request_unusable", `the request or response that the program gave to the proxy has thrown ${what}`);
    // Later, because the exchange is in the middle of the call that has failed.
    queueMicrotask(() => this.endNow("client_gone"));
  }

  // ---- what the host asks ---------------------------------------------------------------------------------------------

  drain(): void {}

  closeIfIdle(): boolean {
    return false;
  }

  turnAway(answer: LocalAnswer): void {
    this.refuse(answer, null, null);
  }

  /**
   * Ends the client's request at once. One whose response has not begun gets an error answer.
   * @returns whether an exchange was cut, or a response that was still being sent
   */
  cutNow(): boolean {
    const { exchange, output } = this;
    const cuts = exchange !== null || output.queuedBytes > 0;
    output.isLast = true;
    if (exchange === null || exchange.responseStarted) this.endNow("drain_timeout");
    else {
      exchange.requestFailed(answers.DRAIN_TIMEOUT);
      // The thread may end now, and its deadlines with it: nobody waits for the rest of the request.
      if (this.state === State.leaving) this.bodyDone();
    }
    return cuts;
  }
}
