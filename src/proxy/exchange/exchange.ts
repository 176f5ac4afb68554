/**
 * One request and its response, from the complete head to the log line, written once for all HTTP versions. The drivers of the client's
 * connection and of the endpoint's call in as things happen; nothing here knows a socket.
 *
 * The class is in three files: exchange-facts.ts has what is known of an exchange, admission.ts its first phase, this file the rest: an
 * endpoint is asked, the request's body goes there, the response comes back, and whatever fails is tried again, answered, or cut. phase.ts has
 * the picture. One object is all that a plain exchange makes: no promise, no closure. What only some need lies in detours.ts.
 *
 * Longer than most files here because a reader of the life of a request should find it in one place.
 */
import { Buffer } from "node:buffer";
import { latin1 } from "../../base/latin1.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import type { ResponseHead } from "../../http/response-head.ts";
import { mayHaveBody } from "../../http/status.ts";
import { isIdempotent } from "../../policy/retry/idempotent.ts";
import { mayRetry, mayRetrySameEndpoint } from "../../policy/retry/may-retry.ts";
import type { AttemptFailure, FailedAttempt, RequestSent } from "../../policy/retry/may-retry.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { BodyStage } from "../feature/body-stage.ts";
import type { Middleware, UpstreamResult } from "../feature/middleware.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { BodySink } from "../ports/body-sink.ts";
import type { ClientEnd } from "../ports/client-stream.ts";
import type { OwnedUpstream, UpstreamStream } from "../ports/upstream-stream.ts";
import type { OwnedConnections } from "../upstream/connector.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { Admission } from "./admission.ts";
import * as answers from "./answers.ts";
import { BodyPipe } from "./body-pipe.ts";
import type { PipeOwner } from "./body-pipe.ts";
import { isOver } from "./exchange-facts.ts";
import { FAILURES, failureAnswer } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { InterimPace } from "./interim-pace.ts";
import { Phase } from "./phase.ts";
import { giveRequestEdits, giveResponseEdits, takeRequestEdits, takeResponseEdits } from "./scratch-edits.ts";
import { SourceStream } from "./source-stream.ts";
import type { SourceOwner } from "./source-stream.ts";

/** Bytes of a request body that are remembered so that the request can be sent again. */
const REPLAY_BYTES_MAX = 16 * 1024;

export class Exchange extends Admission implements SourceOwner, PipeOwner {
  // ---- choose endpoint, connect or reuse, send head -----------------------------------------------------------------

  protected override connect(sameEndpoint: Endpoint | null = null): void {
    const { set } = this;
    if (set === null) return this.answer(answers.INTERNAL_ERROR);
    const { owned } = this.downstream;
    const choice = this.thread.choice.among(set, this.tried, this.client);
    const kept = owned === null || sameEndpoint !== null ? null : owned.endpointIn(set, choice);
    const target = sameEndpoint ?? kept ?? choice.next();
    if (target === null) return this.answer(answers.NO_ENDPOINT);
    this.phase = Phase.connecting;
    this.endpoint = target;
    this.attempts++;
    const idle = sameEndpoint === null ? this.idleConnection(target, kept === null ? null : owned) : null;
    this.thread.endpoints.inFlightAdd(this.thread.workerIndex, target.slot, 1);
    if (idle !== null) {
      this.upstream = idle;
      this.upstreamReady(idle);
    } else {
      this.upstream = this.thread.connector.dial(target, this);
    }
  }

  private idleConnection(target: Endpoint, owned: OwnedConnections | null): UpstreamStream | null {
    return (owned === null ? null : owned.take(target, this)) ?? this.thread.connector.take(target, this);
  }

  /** The connection stands: what is known of the request goes out. */
  upstreamReady(from: UpstreamStream): void {
    if (from !== this.upstream) return;
    const edits = takeRequestEdits();
    const hooks = this.route?.hooks.onUpstreamRequest;
    if (hooks !== undefined && hooks.length > 0 && !this.isFromSource(from)) {
      try {
        const stages = this.editRequest(hooks, edits);
        if (stages !== null) this.stageRequest(stages, from, edits);
      } catch (error) {
        return this.hookFailed(error);
      }
    }
    if (this.detours?.isOwn === true) edits.bodyLength = this.requestLength;
    this.phase = Phase.sending;
    from.send(this, edits);
    giveRequestEdits(edits);
    this.detours?.request?.start();
    // A source may have answered already, and a stage that cannot even begin has ended the exchange.
    if (from !== this.upstream) return;
    const out = this.requestOut(from);
    const collected = this.detours?.collected ?? null;
    if (collected !== null) collected.sendTo(out);
    if (this.replay !== null && this.replay !== "") out.data(Buffer.from(this.replay, "latin1"), 0, this.replay.length);
    if (this.requestEnded) out.end(this.requestTrailers);
    // What was delivered may have ended the exchange as well.
    if (from !== this.upstream) return;
    if (this.requestEnded) {
      // An attempt before may have paused the client, which is read on so that its end is seen.
      if (this.attempts > (this.isFromSource(from) ? 0 : 1)) this.downstream.resumeRequest();
      return this.requestFlush();
    }
    // Body bytes that have arrived already join the head in one write.
    this.downstream.resumeRequest();
    this.requestFlush();
  }

  /** Runs the hooks; the stages that they have for the body. */
  private editRequest(hooks: readonly Middleware[], edits: RequestEdits): BodyStage[] | null {
    let stages: BodyStage[] | null = null;
    for (let index = 0; index < hooks.length; index++) {
      const stage = hooks[index]?.onUpstreamRequest?.(this, edits) ?? null;
      if (stage !== null && this.requestLength !== 0) (stages ??= []).push(stage);
    }
    const { method } = edits;
    if (method !== null) {
      if ((method === "HEAD") !== (this.request.method === "HEAD")) throw new TypeError(`${this.request.method} cannot become ${method}`);
      this.detour.method = method;
    }
    return stages;
  }

  private stageRequest(stages: readonly BodyStage[], to: UpstreamStream, edits: RequestEdits): void {
    const { detour } = this;
    const pipe = new BodyPipe(stages, to, this, this.thread);
    detour.request = pipe;
    detour.requestLength = pipe.length;
    edits.bodyLength = pipe.length;
  }

  // ---- relay the request body ---------------------------------------------------------------------------------------

  requestData(bytes: Buffer, start: number, end: number): void {
    this.bytesReceived += end - start;
    this.bodyBytes += end - start;
    if (isOver(this.bodyBytes, this.route)) return this.requestFailed(this.tooLarge());
    if (this.isCollecting) return this.collectData(bytes, start, end);
    if (this.replay !== null) {
      if (this.replay.length + end - start <= REPLAY_BYTES_MAX) this.replay += latin1(bytes, start, end);
      else this.replay = null;
    }
    const { upstream } = this;
    if (upstream !== null) this.requestOut(upstream).data(bytes, start, end);
  }

  /** What takes the request's body now: the first of its stages, or that connection. */
  private requestOut(upstream: UpstreamStream): BodySink {
    const { detours } = this;
    return detours === null || detours.request === null ? upstream : detours.request;
  }

  requestEnd(trailers: FieldSection | null): void {
    this.requestEnded = true;
    this.requestTrailers = trailers;
    if (this.isCollecting) {
      this.detours?.collected?.end();
      return this.collectedEnough();
    }
    const { upstream } = this;
    if (upstream !== null) this.requestOut(upstream).end(trailers);
  }

  /** Every body byte at hand was delivered: send it. */
  requestFlush(): void {
    const { upstream } = this;
    if (this.takesBody && upstream !== null && !this.requestOut(upstream).flush()) this.blockRequest();
  }

  private blockRequest(): void {
    this.requestBlocked = true;
    this.downstream.pauseRequest();
  }

  private unblockRequest(): void {
    this.requestBlocked = false;
    this.downstream.resumeRequest();
  }

  upstreamBlocked(from: UpstreamStream): void {
    if (from !== this.upstream) return;
    const pipe = this.detours?.request ?? null;
    if (pipe === null || pipe.blocked()) this.blockRequest();
  }

  upstreamUnblocked(from: UpstreamStream): void {
    if (from !== this.upstream) return;
    const pipe = this.detours?.request ?? null;
    if (pipe === null) this.unblockRequest();
    else pipe.unblocked();
  }

  /** The request turned out to be malformed in its body. */
  requestMalformed(answer: LocalAnswer): void {
    this.thread.metrics.add(CounterId.malformed_requests, 1);
    this.requestFailed(answer);
  }

  /** The request cannot be completed; nothing of the sort may look complete to the origin. */
  requestFailed(answer: LocalAnswer): void {
    if (this.finished) return;
    this.dropUpstream();
    if (!this.responseStarted) return this.answer(answer);
    this.outcome = answer.reason;
    this.downstream.cut();
    this.finish();
  }

  // ---- the response -------------------------------------------------------------------------------------------------

  interim(from: UpstreamStream, head: ResponseHead): boolean {
    if (from !== this.upstream) return false;
    if (head.status === 101) {
      // Until its request has ended the client speaks HTTP (RFC 9110 section 7.8), and so does a stage of its body.
      if (!this.upgrade || this.responseStarted || !this.requestEnded || this.detours?.request?.isOver === false) return false;
      this.phase = Phase.tunnel;
      this.status = 101;
      this.originHeadMs = this.thread.now - this.startedAt;
      this.outcome = "tunnel";
      this.downstream.startTunnel(head, from);
      return true;
    }
    const interims = (this.detour.interims ??= new InterimPace(this.thread.now));
    if (!interims.allows(this.thread.now)) return false;
    if (head.status === 100) this.continued = true;
    this.downstream.interim(head);
    return true;
  }

  responseHead(from: UpstreamStream, head: ResponseHead, length: BodyLength): void {
    if (from !== this.upstream) return;
    if (!this.isFromSource(from)) {
      const hooks = this.route?.hooks.onUpstreamResponse;
      if (hooks !== undefined && hooks.length > 0 && this.isTurnedDown(hooks, { head, failure: null })) return;
      this.originHeadMs = this.thread.now - this.startedAt;
    }
    const edits = takeResponseEdits();
    const stages = this.editResponse(head, edits);
    // A hook may have ended the exchange: by a stage of the request's body, or by the source itself.
    if (from !== this.upstream) return;
    if (stages !== null || this.isFromSource(from)) return this.respondAnew(head, length, stages, edits);
    this.beginResponse(head, length, edits);
  }

  private beginResponse(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    this.phase = Phase.responding;
    this.status = edits.status ?? head.status;
    this.downstream.respond(head, length, edits);
    giveResponseEdits(edits);
  }

  /** The body is not the one that the head speaks of: it passes stages, or comes from a source. */
  private respondAnew(head: ResponseHead, given: BodyLength, stages: readonly BodyStage[] | null, edits: ResponseEdits): void {
    let pipe: BodyPipe | null = null;
    try {
      if (stages !== null) pipe = new BodyPipe(stages, this.downstream, this, this.thread);
    } catch (error) {
      return this.hookFailed(error);
    }
    const length = pipe === null ? given : pipe.length;
    const hasBody = this.request.method !== "HEAD" && mayHaveBody(head.status);
    // In 304 it is the length that 200 would have had: a source's own field says it, or nothing does. In 204 nothing may (RFC 9110 section 8.6).
    if (head.status === 204) edits.bodyLength = -1;
    else if (pipe !== null || head.status !== 304) edits.bodyLength = length;
    this.beginResponse(head, hasBody ? length : 0, edits);
    if (pipe === null || !hasBody) return;
    this.detour.response = pipe;
    pipe.start();
  }

  /** What takes the response's body: the first of its stages, or the client. */
  private responseOut(): BodySink {
    const { detours } = this;
    return detours === null || detours.response === null ? this.downstream : detours.response;
  }

  responseData(from: UpstreamStream, bytes: Buffer, start: number, end: number): void {
    if (from === this.upstream) this.responseOut().data(bytes, start, end);
  }

  responseFlush(from: UpstreamStream): void {
    if (from === this.upstream && !this.responseOut().flush()) from.pauseResponse();
  }

  clientBlocked(): void {
    const pipe = this.detours?.response ?? null;
    if (pipe === null || pipe.blocked()) this.upstream?.pauseResponse();
  }

  clientUnblocked(): void {
    if (this.finished) return;
    const pipe = this.detours?.response ?? null;
    if (pipe === null) this.upstream?.resumeResponse();
    else pipe.unblocked();
  }

  responseEnd(from: UpstreamStream, trailers: FieldSection | null): boolean {
    if (from !== this.upstream) return true;
    this.releaseEndpoint();
    this.upstream = null;
    const pipe = this.detours?.response ?? null;
    if (pipe !== null) {
      this.requestBlocked = false;
      this.detours?.endRequest();
      // It may still have something to hand on; `pipeEnded` finishes the exchange.
      pipe.end(trailers);
      pipe.flush();
      return true;
    }
    this.downstream.end(trailers);
    const written = this.downstream.flush();
    this.finish();
    return written;
  }

  ownConnection(upstream: OwnedUpstream): void {
    this.downstream.own(upstream);
  }

  /** Runs the hooks; the stages that they have for the body. */
  private editResponse(head: ResponseHead | null, edits: ResponseEdits): BodyStage[] | null {
    const hooks = this.route?.hooks.onResponse;
    if (hooks === undefined || hooks.length === 0) return null;
    let stages: BodyStage[] | null = null;
    for (let index = 0; index < hooks.length; index++) {
      try {
        const stage = hooks[index]?.onResponse?.(this, head, edits) ?? null;
        if (stage !== null) (stages ??= []).push(stage);
      } catch (error) {
        this.reportHook(error);
      }
    }
    if (edits.status !== null && (head === null || !mayHaveBody(head.status))) {
      this.reportHook(new RangeError(`${head === null ? "an answer of the proxy" : head.status} cannot become ${edits.status}`));
      edits.status = null;
    }
    return stages;
  }

  // ---- sources ------------------------------------------------------------------------------------------------------

  /** Be it at once, or after attempts at endpoints. */
  protected override answerFrom(source: ResponseSource): void {
    const stream = new SourceStream(source, this, this.thread, this.replay !== null);
    this.detour.source = stream;
    this.phase = Phase.connecting;
    this.upstream = stream;
    this.upstreamReady(stream);
  }

  private isFromSource(from: UpstreamStream): boolean {
    return this.detours !== null && from === this.detours.source;
  }

  /** Whether the client gets something else than what came of the attempt. */
  private isTurnedDown(hooks: readonly Middleware[], result: UpstreamResult): boolean {
    for (let index = 0; index < hooks.length; index++) {
      let verdict: "retry" | ResponseSource | null;
      try {
        verdict = hooks[index]?.onUpstreamResponse?.(this, result) ?? null;
      } catch (error) {
        this.hookFailed(error);
        return true;
      }
      // It may have ended the exchange, by a stage of the request's body.
      if (this.finished) return true;
      if (verdict === null) continue;
      if (verdict === "retry") return result.head !== null && this.retryUnwanted();
      this.dropUpstream();
      this.answerFrom(verdict);
      return true;
    }
    return false;
  }

  /** The response is not wanted: asks another endpoint, if the request may be sent again and one is left. */
  private retryUnwanted(): boolean {
    const target = this.endpoint;
    if (target === null || !mayRetry(this.attemptThat("unwanted", true, true, false))) return false;
    (this.tried ??= []).push(target);
    if (!this.hasCandidate()) return false;
    this.dropUpstream();
    this.retry(null);
    return true;
  }

  sourceFailed(from: SourceStream, error: unknown): void {
    if (from !== this.upstream) return;
    this.reportHook(error);
    this.requestFailed(answers.INTERNAL_ERROR);
  }

  // ---- stages of a body ---------------------------------------------------------------------------------------------

  pipeUnblocked(pipe: BodyPipe): void {
    if (this.finished) return;
    if (pipe === this.detours?.request) this.unblockRequest();
    else this.upstream?.resumeResponse();
  }

  pipeEnded(pipe: BodyPipe): void {
    if (pipe !== this.detours?.response) {
      // What still comes of the request is read and dropped.
      if (this.requestBlocked) this.unblockRequest();
      return;
    }
    // A stage may end before its input does.
    this.dropUpstream();
    this.finish();
  }

  pipeFailed(_pipe: BodyPipe, error: unknown): void {
    if (this.finished) return;
    this.reportHook(error);
    this.requestFailed(answers.INTERNAL_ERROR);
  }

  // ---- failure: one exit that decides -------------------------------------------------------------------------------

  upstreamFailed(from: UpstreamStream, failure: Failure): void {
    if (from !== this.upstream) return;
    const { kind } = failure;
    const target = this.endpoint;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.detours?.endRequest();
    if (this.phase === Phase.tunnel) {
      this.outcome = "tunnel";
      return this.finish();
    }
    const { counter } = FAILURES[kind];
    if (counter !== null) this.thread.metrics.add(counter, 1);
    if (this.phase === Phase.responding) {
      this.outcome = kind;
      this.downstream.cut();
      return this.finish();
    }
    const attempt = this.attempt(failure);
    if (target !== null && mayRetry(attempt)) {
      if (mayRetrySameEndpoint(attempt)) {
        this.uncharged++;
        if (this.thread.endpoints.health(target.slot) !== ENDPOINT_HEALTH.unhealthy) return this.retry(target);
      }
      (this.tried ??= []).push(target);
      if (this.hasCandidate()) return this.retry(null);
    }
    const hooks = this.route?.hooks.onUpstreamResponse;
    if (hooks !== undefined && hooks.length > 0 && this.isTurnedDown(hooks, { head: null, failure })) return;
    this.answer(failureAnswer(kind));
  }

  private attempt({ kind, reused, answered, sent }: Failure): FailedAttempt {
    return this.attemptThat(FAILURES[kind].attempt, sent, answered, reused);
  }

  private attemptThat(failure: AttemptFailure, sent: boolean, responseStarted: boolean, pooledConnection: boolean): FailedAttempt {
    return {
      failure,
      method: this.mostRisky(),
      requestSent: this.requestSent(failure === "connect" ? false : sent),
      responseStarted,
      attempts: this.attempts - this.uncharged,
      retriesMax: this.set?.retries ?? 0,
      pooledConnection,
    };
  }

  /** Of what the client asks with and what endpoints are asked with: the one that decides whether a request may be sent again. */
  private mostRisky(): string {
    const sent = this.detours?.method ?? null;
    return sent === null || !isIdempotent(this.request.method) ? this.request.method : sent;
  }

  /** What the endpoint may have got, and whether it can be sent again. */
  private requestSent(sent: boolean): RequestSent {
    if (this.replay === null) return "consumed";
    if (!sent) return "none";
    // What a client sends behind its handshake is not the request's and waits for the 101; a body would have to be told apart from it.
    return this.upgrade && this.requestLength !== 0 ? "consumed" : "replayable";
  }

  private retry(sameEndpoint: Endpoint | null): void {
    this.thread.metrics.add(CounterId.retries, 1);
    this.connect(sameEndpoint);
  }

  private hasCandidate(): boolean {
    return this.set !== null && this.thread.choice.among(this.set, this.tried, this.client).isPossible;
  }

  /** The client is gone: nobody waits for the rest. */
  clientGone(reason: ClientEnd): void {
    if (this.finished) return;
    this.outcome = this.phase === Phase.tunnel && reason !== "drain_timeout" ? "tunnel" : reason;
    if (this.status === 0) this.status = 499;
    this.dropUpstream();
    this.finish();
  }

  /** A tunnel has ended in good order. */
  tunnelEnded(): void {
    if (this.finished) return;
    this.releaseEndpoint();
    this.upstream = null;
    this.finish();
  }

  override answer(answer: LocalAnswer): void {
    this.dropUpstream();
    this.status = answer.status;
    this.outcome = answer.reason;
    this.phase = Phase.responding;
    const edits = takeResponseEdits();
    this.editResponse(null, edits);
    try {
      this.downstream.answer(answer, edits);
    } catch (error) {
      // A field of a middleware's answer cannot be sent, and nothing was.
      this.reportHook(error);
      this.status = answers.INTERNAL_ERROR.status;
      this.outcome = answers.INTERNAL_ERROR.reason;
      this.downstream.answer(answers.INTERNAL_ERROR, edits);
    }
    giveResponseEdits(edits);
    this.finish();
  }

  private dropUpstream(): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.detours?.endRequest();
    upstream.abort();
  }

  private releaseEndpoint(): void {
    if (this.upstream !== null && this.endpoint !== null && !this.isFromSource(this.upstream)) {
      this.thread.endpoints.inFlightAdd(this.thread.workerIndex, this.endpoint.slot, -1);
    }
  }

  private finish(): void {
    if (this.finished) return;
    this.phase = Phase.finished;
    this.endWait();
    this.detours?.end();
    this.tellFinished();
    this.thread.exchangeFinished(this);
    this.downstream.exchangeFinished();
  }

  private tellFinished(): void {
    const hooks = this.route?.hooks.onFinish;
    if (hooks === undefined) return;
    for (let index = 0; index < hooks.length; index++) {
      try {
        hooks[index]?.onFinish?.(this);
      } catch (error) {
        this.reportHook(error);
      }
    }
  }
}
