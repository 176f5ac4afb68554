/**
 * One request and its response, from the complete head to the log line: its phases, written once for all
 * HTTP versions. The drivers in net/ call in as things happen; nothing here knows a socket. A plain exchange creates this object and
 * no promise or closure.
 *
 * Its one state is its phase: phase.ts has the picture. What becomes of the request's body beside that is told by `requestEnded`,
 * `requestBlocked` and `takesBody`.
 *
 * Longer than most files here because a reader of the life of a request should find it in one place.
 */
import { Buffer } from "node:buffer";
import type { UnsafeFieldNames } from "../../config/listener-schema.ts";
import { messageOf } from "../../base/errors.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import { FieldEdits } from "../../http/field-edits.ts";
import type { FieldSection } from "../../http/field-section.ts";
import type { BelievedForwarded } from "../../http/forwarded.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { ResponseHead } from "../../http/response-head.ts";
import { mayRetry, mayRetrySameEndpoint } from "../../policy/retry/may-retry.ts";
import type { AttemptFailure, FailedAttempt, RequestSent } from "../../policy/retry/may-retry.ts";
import * as answers from "./answers.ts";
import { FAILURES, failureAnswer } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { admitRequest } from "./forwarding.ts";
import { InterimPace } from "./interim-pace.ts";
import type { ExchangeView, LocalAnswer, Middleware, UpstreamResult } from "../feature/middleware.ts";
import type { DataPlane } from "../data-plane.ts";
import { Phase } from "./phase.ts";
import { ADMISSION_MS_MAX, PendingAdmission } from "./pending-admission.ts";
import { BodyPipe } from "./body-pipe.ts";
import { CollectedBody } from "./collected-body.ts";
import type { PipeOwner } from "./body-pipe.ts";
import type { BodyStage } from "../feature/body-stage.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import { SourceStream } from "./source-stream.ts";
import type { SourceOwner } from "./source-stream.ts";
import { mayHaveBody } from "../../http/status.ts";
import type { BodySink, Downstream, OutgoingRequest, OwnedConnections, OwnedUpstream, Upstream } from "../ports.ts";
import { ENDPOINT_HEALTH } from "../../shared/endpoint-table.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { Route, Snapshot } from "../snapshot.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { positionIn } from "../upstream/endpoint-set.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { latin1 } from "../../base/latin1.ts";

/** Scratch for the edits of one head: used and serialised within one call. */
const edits = new FieldEdits();

/** What a client may wait for before it sends its body. */
const CONTINUE: ResponseHead = Object.assign(new ResponseHead(), { status: 100 });

/** Bytes of a request body that are remembered so that the request can be sent again. */
const REPLAY_BYTES_MAX = 16 * 1024;

/** What only some exchanges have: stages that their bodies pass, a source that answers instead of an endpoint, a body that is collected. */
class Detours {
  /** Of the current attempt. */
  request: BodyPipe | null = null;
  /** Of the request's body as that attempt sends it. */
  requestLength: BodyLength = -1;
  response: BodyPipe | null = null;
  source: SourceStream | null = null;
  collected: CollectedBody | null = null;
}

/** Who sends a request, and what is believed of what it says about itself. */
export interface ClientFacts {
  /** Address of the connection's other end. */
  readonly peer: string;
  /** The client's address as far as trusted proxies tell it, else the peer. */
  readonly client: string;
  readonly trusted: boolean;
  readonly secure: boolean;
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: UnsafeFieldNames;
}

/** Why a client gets no more of its response. */
export type DownstreamEnd = "client_gone" | "client_reset" | "client_stalled" | "drain_timeout";

export class Exchange implements ExchangeView, OutgoingRequest, SourceOwner, PipeOwner {
  readonly plane: DataPlane;
  readonly snapshot: Snapshot;
  readonly request: RequestHead;
  readonly requestLength: BodyLength;
  readonly connection: ConnectionOptions;
  readonly client: string;
  /** The peer is a trusted proxy: what it says about the client is passed on. */
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  readonly peer: string;
  /** What trusted proxies said in Forwarded; null where that field is not the one to believe. */
  readonly forwarded: BelievedForwarded | null;
  readonly unsafeFieldNames: ClientFacts["unsafeFieldNames"];
  /** When its first byte was read, in monotonic milliseconds. */
  readonly startedAt: number;

  route: Route | null = null;
  /** What endpoints are chosen from: the set of the configuration that the exchange began under. */
  set: EndpointSet | null = null;
  endpoint: Endpoint | null = null;
  attempts: number = 0;
  status: number = 0;
  /** Why it ended as it did: `completed`, a local answer's reason, a failure kind, `client_gone` ... */
  outcome: string = "completed";
  bytesReceived: number;
  /** Milliseconds from the start to the origin's response head; -1 without one. */
  originHeadMs: number = -1;
  /** The request asks to switch to the WebSocket protocol and may. */
  readonly upgrade: boolean;
  requestEnded: boolean = false;
  /** Body bytes handed over may still lie in the downstream's read buffer: the origin has not taken them all. */
  requestBlocked: boolean = false;
  phase: Phase = Phase.admission;

  private readonly downstream: Downstream;
  private readonly sentBefore: number;
  private upstream: Upstream | null = null;
  private tried: Endpoint[] | null = null;
  /** Attempts whose pooled connection was lost, which `retries` does not count. */
  private uncharged: number = 0;
  private requestTrailers: FieldSection | null = null;
  private bodyBytes: number = 0;
  /** Body bytes sent so far as text, or null once they are too many to send again. */
  private replay: string | null = "";
  /** The verdict of a middleware that is awaited. */
  private pending: PendingAdmission | null = null;
  /** Of `signal`, from the first time that somebody asks for it. */
  private controller: AbortController | null = null;
  /** From the first interim response on. */
  private interims: InterimPace | null = null;
  /** A 100 (Continue) has come. */
  private continued: boolean = false;
  private detours: Detours | null = null;

  constructor(
    plane: DataPlane,
    downstream: Downstream,
    request: RequestHead,
    length: BodyLength,
    connection: ConnectionOptions,
    facts: ClientFacts,
    upgrade: boolean,
    startedAt: number,
  ) {
    this.plane = plane;
    this.snapshot = plane.snapshot;
    this.downstream = downstream;
    this.request = request;
    this.requestLength = length;
    this.connection = connection;
    this.peer = facts.peer;
    this.client = facts.client;
    this.peerTrusted = facts.trusted;
    this.secure = facts.secure;
    this.forwarded = facts.forwarded;
    this.unsafeFieldNames = facts.unsafeFieldNames;
    this.upgrade = upgrade;
    this.startedAt = startedAt;
    this.bytesReceived = request.size;
    this.sentBefore = downstream.bytesWritten;
    this.requestEnded = length === 0;
    this.snapshot.exchangesOpen++;
    this.snapshot.metrics.add(CounterId.exchanges_in_flight, 1);
  }

  get startedAtMs(): number {
    return this.startedAt + this.plane.epochOffset;
  }

  /** The client may wait for a 100 (Continue) before it sends its body, and the origin has not said it yet. */
  get awaitsContinue(): boolean {
    if ((this.request.present & bit(Known.expect)) === 0 || !this.request.understandsInterim) return false;
    return !this.requestEnded && !this.continued && this.bodyBytes === 0;
  }

  /** Position of the last endpoint in the upstream, as the snapshot has it; -1: none was chosen. */
  get endpointPosition(): number {
    return this.endpoint === null || this.set === null ? -1 : positionIn(this.set, this.endpoint);
  }

  /** How long a tunnel may stand still; null: the endpoint's upstream is not known. */
  get tunnelIdleMs(): number | null {
    return this.set?.settings.tunnelIdleMs ?? null;
  }

  get bodyLength(): BodyLength {
    const { detours } = this;
    return detours === null || detours.request === null ? this.requestLength : detours.requestLength;
  }

  get finished(): boolean {
    return this.phase === Phase.finished;
  }

  /** The client has the final response's head, or an answer of the proxy's own. */
  get responseStarted(): boolean {
    return this.phase >= Phase.responding;
  }

  /** Whether body bytes can be handed over now. */
  get takesBody(): boolean {
    if (this.upstream === null) return this.isCollecting;
    return this.phase === Phase.sending || this.phase === Phase.responding;
  }

  private get isCollecting(): boolean {
    return this.phase === Phase.admission && this.detours?.collected?.isOpen === true;
  }

  // ---- route, admit -------------------------------------------------------------------------------------------------

  begin(): void {
    const { request } = this;
    const refused = admitRequest(request, this.connection, this.unsafeFieldNames);
    if (refused !== null) return this.answer(refused);
    const route = this.snapshot.findRoute(request);
    this.route = route;
    if (route.upstream !== null) this.set = route.upstream.set;
    this.admit(route, 0);
  }

  private admit(route: Route, from: number): void {
    const hooks = route.hooks.onRequest;
    for (let index = from; index < hooks.length; index++) {
      let verdict: LocalAnswer | null | Promise<LocalAnswer | null>;
      try {
        verdict = hooks[index]?.onRequest?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error);
      }
      if (verdict === null) continue;
      if (!(verdict instanceof Promise)) return this.answer(verdict);
      return this.awaits(verdict, (later) => {
        if (later === null) this.admit(route, index + 1);
        else this.answer(later);
      });
    }
    // After the hooks, as for a body that does not tell its length: whoever may not ask learns nothing, and is counted.
    if (isOver(this.requestLength, route)) return this.answer(this.tooLarge());
    if (route.local !== null) return this.answer(route.local());
    if (route.hooks.source.length > 0) this.findSource(route, 0);
    else this.connect();
  }

  /** Asks the middleware who answers; where nobody does, an endpoint is chosen. */
  private findSource(route: Route, from: number): void {
    const hooks = route.hooks.source;
    for (let index = from; index < hooks.length; index++) {
      let source: ResponseSource | null | Promise<ResponseSource | null>;
      try {
        source = hooks[index]?.source?.(this) ?? null;
      } catch (error) {
        return this.hookFailed(error);
      }
      if (source === null) continue;
      if (!(source instanceof Promise)) return this.answerFrom(source);
      return this.awaits(source, (later) => {
        if (later === null) this.findSource(route, index + 1);
        else this.answerFrom(later);
      });
    }
    this.connect();
  }

  /** Goes on when the promise has settled, if it does in time. */
  private awaits<T>(promise: Promise<T | null>, then: (value: T | null) => void): void {
    const { deadlines, now } = this.plane;
    const pending = new PendingAdmission(() => this.answer(answers.ADMISSION_TIMEOUT));
    this.pending = pending;
    if (!this.isCollecting) deadlines.set(pending, now + ADMISSION_MS_MAX);
    promise.then(
      (value) => {
        if (this.pending !== pending) return;
        this.plane.tick();
        this.endWait();
        then(value ?? null);
      },
      (error: unknown) => {
        this.plane.tick();
        if (this.pending === pending) this.hookFailed(error);
        else this.reportHook(error);
      },
    );
  }

  /** Nothing is awaited any more: what comes late has no effect. */
  private endWait(): void {
    if (this.pending === null) return;
    this.plane.deadlines.remove(this.pending);
    this.pending = null;
  }

  private hookFailed(error: unknown): void {
    this.reportHook(error);
    this.answer(answers.INTERNAL_ERROR);
  }

  collectBody(bytesMax: number): Promise<Buffer | null> {
    const detours = (this.detours ??= new Detours());
    if (detours.collected !== null) return detours.collected.whole;
    const collected = new CollectedBody(this.plane, bytesMax);
    if (this.phase !== Phase.admission) collected.letGo();
    else {
      detours.collected = collected;
      if (this.requestEnded) collected.end();
      else if (this.requestLength > bytesMax) collected.refuse();
      else this.collect();
    }
    return collected.whole;
  }

  /** The client's time counts until its body has come. */
  private collect(): void {
    if (this.pending !== null) this.plane.deadlines.cancel(this.pending);
    this.bodyWanted();
    this.downstream.resumeRequest();
  }

  /** All of the body has come, or more than was wanted. */
  private collectedEnough(): void {
    const { pending, plane } = this;
    if (pending !== null) plane.deadlines.set(pending, plane.now + ADMISSION_MS_MAX);
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.finished) this.controller.abort();
    return this.controller.signal;
  }

  /** A middleware threw: a mistake of ours or of an extension. It costs this exchange, not the thread. */
  private reportHook(error: unknown): void {
    this.plane.report("error", "middleware_failed", messageOf(error), {
      route: this.route?.name ?? "",
    });
  }

  // ---- choose endpoint, connect or reuse, send head -----------------------------------------------------------------

  private connect(sameEndpoint: Endpoint | null = null): void {
    const { set } = this;
    if (set === null) return this.answer(answers.INTERNAL_ERROR);
    const { owned } = this.downstream;
    const choice = this.plane.choice.among(set, this.tried, this.client);
    const kept = owned === null || sameEndpoint !== null ? null : owned.endpointIn(set, choice);
    const target = sameEndpoint ?? kept ?? choice.next();
    if (target === null) return this.answer(answers.NO_ENDPOINT);
    this.phase = Phase.connecting;
    this.endpoint = target;
    this.attempts++;
    const idle = sameEndpoint === null ? this.idleConnection(target, kept === null ? null : owned) : null;
    this.plane.endpoints.inFlightAdd(this.plane.workerIndex, target.slot, 1);
    if (idle !== null) {
      this.upstream = idle;
      this.upstreamReady(idle);
    } else {
      this.upstream = this.plane.connector.dial(target, this);
    }
  }

  private idleConnection(target: Endpoint, owned: OwnedConnections | null): Upstream | null {
    return (owned === null ? null : owned.take(target, this)) ?? this.plane.connector.take(target, this);
  }

  /** The connection stands: what is known of the request goes out. */
  upstreamReady(from: Upstream): void {
    if (from !== this.upstream) return;
    edits.reset();
    const hooks = this.route?.hooks.onUpstreamRequest;
    if (hooks !== undefined && hooks.length > 0 && !this.isFromSource(from)) {
      try {
        const stages = this.editRequest(hooks);
        if (stages !== null) this.stageRequest(stages, from);
      } catch (error) {
        return this.hookFailed(error);
      }
    }
    this.phase = Phase.sending;
    from.send(this, edits);
    this.detours?.request?.start();
    // A source may have answered already, and a stage that cannot even begin has ended the exchange.
    if (from !== this.upstream) return;
    const out = this.requestOut(from);
    const collected = this.detours?.collected ?? null;
    if (collected !== null) collected.sendTo(out);
    if (this.replay !== null && this.replay !== "") out.data(Buffer.from(this.replay, "latin1"), 0, this.replay.length);
    if (this.requestEnded) {
      out.end(this.requestTrailers);
      // The attempt before may have paused the client, which is read on so that its end is seen.
      if (this.attempts > 1 || this.detours !== null) this.downstream.resumeRequest();
      return this.requestFlush();
    }
    // Body bytes that have arrived already join the head in one write.
    this.downstream.resumeRequest();
    this.requestFlush();
  }

  /** Runs the hooks; the stages that they have for the body. */
  private editRequest(hooks: readonly Middleware[]): BodyStage[] | null {
    let stages: BodyStage[] | null = null;
    for (let index = 0; index < hooks.length; index++) {
      const stage = hooks[index]?.onUpstreamRequest?.(this, edits) ?? null;
      if (stage !== null && this.requestLength !== 0) (stages ??= []).push(stage);
    }
    return stages;
  }

  private stageRequest(stages: readonly BodyStage[], to: Upstream): void {
    const length = stages.at(-1)?.length ?? -1;
    edits.bodyLength = length;
    const detours = (this.detours ??= new Detours());
    detours.request = new BodyPipe(stages, to, this, this.plane);
    detours.requestLength = length;
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
  private requestOut(upstream: Upstream): BodySink {
    const { detours } = this;
    return detours === null || detours.request === null ? upstream : detours.request;
  }

  private collectData(bytes: Buffer, start: number, end: number): void {
    const collected = this.detours?.collected ?? null;
    collected?.add(bytes, start, end);
    if (!this.isCollecting) this.collectedEnough();
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

  upstreamBlocked(from: Upstream): void {
    if (from !== this.upstream) return;
    this.detours?.request?.blocked();
    this.blockRequest();
  }

  upstreamUnblocked(from: Upstream): void {
    if (from !== this.upstream) return;
    const pipe = this.detours?.request ?? null;
    if (pipe === null) this.unblockRequest();
    else pipe.unblocked();
  }

  private tooLarge(): LocalAnswer {
    this.plane.metrics.add(CounterId.malformed_requests, 1);
    return answers.BODY_TOO_LARGE;
  }

  /** The request turned out to be malformed in its body. */
  requestMalformed(answer: LocalAnswer): void {
    this.plane.metrics.add(CounterId.malformed_requests, 1);
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

  interim(from: Upstream, head: ResponseHead): boolean {
    if (from !== this.upstream) return false;
    if (head.status === 101) {
      // Until its request has ended the client speaks HTTP (RFC 9110 section 7.8).
      if (!this.upgrade || this.responseStarted || !this.requestEnded) return false;
      this.phase = Phase.tunnel;
      this.status = 101;
      this.originHeadMs = this.plane.now - this.startedAt;
      this.outcome = "tunnel";
      this.downstream.startTunnel(head, from);
      return true;
    }
    this.interims ??= new InterimPace(this.plane.now);
    if (!this.interims.allows(this.plane.now)) return false;
    if (head.status === 100) this.continued = true;
    this.downstream.interim(head);
    return true;
  }

  responseHead(from: Upstream, head: ResponseHead, length: BodyLength): void {
    if (from !== this.upstream) return;
    if (!this.isFromSource(from)) {
      const hooks = this.route?.hooks.onUpstreamResponse;
      if (hooks !== undefined && hooks.length > 0 && this.isTurnedDown(hooks, { head, failure: null })) return;
      this.originHeadMs = this.plane.now - this.startedAt;
    }
    this.phase = Phase.responding;
    this.status = head.status;
    edits.reset();
    const stages = this.editResponse(head);
    if (stages !== null || this.isFromSource(from)) this.respondAnew(head, length, stages);
    else this.downstream.respond(head, length, edits);
  }

  /** The body is not the one that the head speaks of: it passes stages, or comes from a source. */
  private respondAnew(head: ResponseHead, given: BodyLength, stages: readonly BodyStage[] | null): void {
    const length = stages === null ? given : (stages.at(-1)?.length ?? -1);
    const hasBody = this.request.method !== "HEAD" && mayHaveBody(head.status);
    // In 304 it is the length that 200 would have had: a source's own field says it, or nothing does.
    if (head.status !== 204 && (stages !== null || head.status !== 304)) edits.bodyLength = length;
    this.downstream.respond(head, hasBody ? length : 0, edits);
    if (stages === null || !hasBody) return;
    const response = new BodyPipe(stages, this.downstream, this, this.plane);
    (this.detours ??= new Detours()).response = response;
    response.start();
  }

  /** What takes the response's body: the first of its stages, or the client. */
  private responseOut(): BodySink {
    const { detours } = this;
    return detours === null || detours.response === null ? this.downstream : detours.response;
  }

  responseData(from: Upstream, bytes: Buffer, start: number, end: number): void {
    if (from === this.upstream) this.responseOut().data(bytes, start, end);
  }

  responseFlush(from: Upstream): void {
    if (from === this.upstream && !this.responseOut().flush()) from.pauseResponse();
  }

  downstreamBlocked(): void {
    this.detours?.response?.blocked();
    this.upstream?.pauseResponse();
  }

  downstreamDrained(): void {
    if (this.finished) return;
    const pipe = this.detours?.response ?? null;
    if (pipe === null) this.upstream?.resumeResponse();
    else pipe.unblocked();
  }

  responseEnd(from: Upstream, trailers: FieldSection | null): boolean {
    if (from !== this.upstream) return true;
    this.releaseEndpoint();
    this.upstream = null;
    const pipe = this.detours?.response ?? null;
    if (pipe !== null) {
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
  private editResponse(head: ResponseHead | null): BodyStage[] | null {
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
    return stages;
  }

  // ---- sources ------------------------------------------------------------------------------------------------------

  /** That source answers, be it after attempts at endpoints. */
  private answerFrom(source: ResponseSource): void {
    const stream = new SourceStream(source, this, this.plane, this.replay !== null);
    (this.detours ??= new Detours()).source = stream;
    this.phase = Phase.connecting;
    this.upstream = stream;
    this.upstreamReady(stream);
  }

  private isFromSource(from: Upstream): boolean {
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
    const tried = (this.tried ??= []);
    tried.push(target);
    if (!this.hasCandidate()) {
      tried.pop();
      return false;
    }
    this.dropUpstream();
    this.retry(null);
    return true;
  }

  /** A client that waits to be asked for its body is asked. */
  bodyWanted(): void {
    if (!this.awaitsContinue) return;
    this.continued = true;
    this.downstream.interim(CONTINUE);
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
    if (pipe !== this.detours?.response) return;
    // A stage may end before its input does.
    this.dropUpstream();
    this.finish();
  }

  pipeFailed(_pipe: BodyPipe, error: unknown): void {
    if (this.finished) return;
    this.reportHook(error);
    this.requestFailed(answers.INTERNAL_ERROR);
  }

  /** The attempt is over: nobody takes what its stages make of the request's body. */
  private endRequestStages(): void {
    const { detours } = this;
    if (detours === null) return;
    detours.request?.abort();
    detours.request = null;
  }

  // ---- failure: one exit that decides -------------------------------------------------------------------------------

  upstreamFailed(from: Upstream, failure: Failure): void {
    if (from !== this.upstream) return;
    const { kind } = failure;
    const target = this.endpoint;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.endRequestStages();
    if (this.phase === Phase.tunnel) {
      this.outcome = "tunnel";
      return this.finish();
    }
    const { counter } = FAILURES[kind];
    if (counter !== null) this.plane.metrics.add(counter, 1);
    if (this.phase === Phase.responding) {
      this.outcome = kind;
      this.downstream.cut();
      return this.finish();
    }
    const attempt = this.attempt(failure);
    if (target !== null && mayRetry(attempt)) {
      if (mayRetrySameEndpoint(attempt)) {
        this.uncharged++;
        if (this.plane.endpoints.health(target.slot) !== ENDPOINT_HEALTH.unhealthy) return this.retry(target);
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
      method: this.request.method,
      requestSent: this.requestSent(failure === "connect" ? false : sent),
      responseStarted,
      attempts: this.attempts - this.uncharged,
      retriesMax: this.set?.retries ?? 0,
      pooledConnection,
    };
  }

  /** What the endpoint may have got, and whether it can be sent again. */
  private requestSent(sent: boolean): RequestSent {
    if (this.replay === null) return "consumed";
    if (!sent) return "none";
    // What a client sends behind its handshake is not the request's and waits for the 101; a body would have to be told apart from it.
    return this.upgrade && this.requestLength !== 0 ? "consumed" : "replayable";
  }

  private retry(sameEndpoint: Endpoint | null): void {
    this.plane.metrics.add(CounterId.retries, 1);
    this.connect(sameEndpoint);
  }

  private hasCandidate(): boolean {
    return this.set !== null && this.plane.choice.among(this.set, this.tried, this.client).isPossible;
  }

  /** The client is gone: nobody waits for the rest. */
  downstreamGone(reason: DownstreamEnd): void {
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

  /** Ends the exchange with an answer of the proxy's own. */
  answer(answer: LocalAnswer): void {
    this.dropUpstream();
    this.status = answer.status;
    this.outcome = answer.reason;
    this.phase = Phase.responding;
    edits.reset();
    this.editResponse(null);
    this.downstream.answer(answer, edits);
    this.finish();
  }

  private dropUpstream(): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.endRequestStages();
    upstream.abort();
  }

  private releaseEndpoint(): void {
    if (this.upstream !== null && this.endpoint !== null && !this.isFromSource(this.upstream)) {
      this.plane.endpoints.inFlightAdd(this.plane.workerIndex, this.endpoint.slot, -1);
    }
  }

  private finish(): void {
    if (this.finished) return;
    this.phase = Phase.finished;
    this.endWait();
    this.endRequestStages();
    this.detours?.response?.abort();
    this.detours?.collected?.letGo();
    this.controller?.abort();
    this.tellFinished();
    // Text that waited for the end of the turn and found its client gone is not written after all.
    const bytesSent = Math.max(0, this.downstream.bytesWritten - this.sentBefore);
    this.plane.exchangeFinished(this, bytesSent);
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

function isOver(bodyBytes: number, route: Route | null): boolean {
  const limit = route?.bodyBytesMax ?? null;
  return limit !== null && bodyBytes > limit;
}
