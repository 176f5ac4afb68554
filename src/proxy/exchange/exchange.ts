/**
 * An exchange: one request and its response, from the complete head of the request to the log line, for all HTTP versions. The drivers of
 * the client's and of the endpoint's connection call its methods when something happens there. Nothing here knows a socket.
 *
 * First come the data of an exchange and what can be read from it. Then its life: admission (admission.ts has the details) finds a route and
 * asks its middleware; an endpoint is chosen and sent the request; both bodies are relayed; and after a failure it is decided whether to try
 * again (attempts.ts), to answer, or to cut the client. phase.ts has a picture of the phases. hooks.ts calls the middleware after admission.
 * What only some exchanges need is in detours.ts.
 *
 * A plain exchange allocates this one object, no promise and no closure. For the same reason it is one class, in a file longer than most: an
 * object of a class that extends others takes twice as long to make.
 */
import { Buffer } from "node:buffer";
import { messageOf } from "../../base/errors.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { RequestEdits, ResponseEdits } from "../../http/head-edits.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { ResponseHead } from "../../http/response-head.ts";
import { mayHaveBody } from "../../http/status.ts";
import { admittedProtocols } from "../../http/upgrade.ts";
import type { ClientPlace } from "../../policy/geoip/client-place.ts";
import type { TokenUse } from "../../policy/tokens/token-use.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import { BodyRefused } from "../feature/body-stage.ts";
import type { FetchOptions, FetchRequest, FetchResult } from "../feature/fetch.ts";
import type { RelayOptions } from "../feature/relay.ts";
import type { CacheResult, ExchangeView, FinishedExchange, Middleware } from "../feature/middleware.ts";
import type { ResponseSource } from "../feature/response-source.ts";
import type { LocalAnswer } from "../local-answer.ts";
import type { BodySink } from "../ports/body-sink.ts";
import type { ClientFacts } from "../ports/client-facts.ts";
import type { ProxiedConnection } from "../ports/proxied-connection.ts";
import type { ClientEnd, ClientStream } from "../ports/client-stream.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";
import type { Identity } from "../ports/identity.ts";
import type { TlsFacts } from "../ports/tls-facts.ts";
import type { OwnedUpstream, UpstreamStream } from "../ports/upstream-stream.ts";
import type { ResponseLimits } from "../route-policy.ts";
import type { Route, Snapshot, Split } from "../snapshot.ts";
import type { ConnectionAddresses } from "../../proxy-protocol/header.ts";
import { toldAddresses } from "./told-addresses.ts";
import type { OwnedConnections } from "../upstream/connector.ts";
import { positionIn } from "../upstream/endpoint-set.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { BodyPipe } from "./body-pipe.ts";
import type { NamedStage, PipeOwner } from "./body-pipe.ts";
import { Detours } from "./detours.ts";
import { FAILURES, failureAnswer } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { authorityOf, admitRequest, schemeOf } from "./forwarding.ts";
import type { HeldResponse, HoldOwner } from "./held-response.ts";
import { InterimPace } from "./interim-pace.ts";
import { Phase } from "./phase.ts";
import { ResponseBuffer } from "./response-buffer.ts";
import type { BufferOwner } from "./response-buffer.ts";
import { giveRequestEdits, giveResponseEdits, takeRequestEdits, takeResponseEdits } from "./scratch-edits.ts";
import { SourceStream } from "./source-stream.ts";
import type { SourceOwner } from "./source-stream.ts";
import { admit, collectBody, collectData, collectedEnough } from "./admission.ts";
import { beginCopy, isToBeCopied } from "./request-copy.ts";
import { checkedRequest } from "./fetch.ts";
import * as answers from "./answers.ts";
import { anotherAttempt, isHeld, isRetriedFor } from "./attempts.ts";
import { answerInPlaceOf, editRequest, editResponse, isJudged, isTurnedDown, tellFinished } from "./hooks.ts";
import { forgetBeyondMemory, keepForReplay } from "./replay.ts";
import { relaySource } from "./relay.ts";
import { RefreshStream } from "./refresh-stream.ts";
import { RequestLimit } from "./request-limit.ts";

/** The 100 (Continue) that a client may wait for before it sends its body. */
const CONTINUE: ResponseHead = new ResponseHead({ version: "1.1", status: 100, reason: "Continue" });

/** Used where no middleware can edit a head. All exchanges share these two, so they must never be changed. */
const NO_REQUEST_EDITS: RequestEdits = new RequestEdits();
const NO_RESPONSE_EDITS: ResponseEdits = new ResponseEdits();

/** The media type of server-sent events. */
const EVENTS = /^[ \t]*text\/event-stream[ \t]*(?:;|$)/i;

export class Exchange implements FinishedExchange, OutgoingRequest, SourceOwner, PipeOwner, BufferOwner, HoldOwner {
  readonly thread: ExchangeThread;
  readonly snapshot: Snapshot;
  readonly request: RequestHead;
  readonly requestLength: BodyLength;
  readonly connection: ConnectionOptions;
  /** Who sends the request. */
  readonly facts: ClientFacts;
  /** When the request's first byte was read, in monotonic milliseconds. */
  readonly startedAt: number;

  route: Route | null = null;
  /** The endpoints to choose from, as they were when the exchange began. */
  set: EndpointSet | null = null;
  /** The endpoint of the current or last attempt. */
  endpoint: Endpoint | null = null;
  attempts: number = 0;
  status: number = 0;
  /** Why the exchange ended: `completed`, the reason of a local answer, the kind of a failure, `client_gone` ... */
  outcome: string = "completed";
  /** The request's id; "": nobody has asked for one. */
  givenId: string = "";
  identity: Identity | null = null;
  bytesReceived: number;
  /** Milliseconds from the request's first byte to the head of the endpoint's response; -1: no endpoint responded. */
  originHeadMs: number = -1;
  /** The protocols that the request asks to switch to; once its route is known, those of them that the route admits. "": none. */
  upgrade: string;
  requestEnded: boolean = false;
  /**
   * The endpoint has not taken all body bytes yet. They may still lie in the read buffer of the client's connection, which must not be used
   * meanwhile.
   */
  requestBlocked: boolean = false;
  phase: Phase = Phase.admission;

  readonly downstream: ClientStream;
  /** What the client's connection had written before this exchange, in bytes. */
  private readonly sentBefore: number;
  /** The connection, or the source, of the current attempt. */
  private upstream: UpstreamStream | null = null;
  /** Endpoints that failed and are not tried again. */
  tried: Endpoint[] | null = null;
  /** How many attempts failed because a pooled connection was lost. They do not count towards `retries`. */
  poolLosses: number = 0;
  private requestTrailers: FieldSection | null = null;
  /** Bytes of the request's body received so far. */
  private bodyBytes: number = 0;
  /**
   * The body so far as latin1 text, to send it again in a further attempt, after what `detours.collected` has of it; null: it became too long
   * to keep.
   */
  replay: string | null = "";
  /** The client was sent a 100 (Continue). */
  private continued: boolean = false;
  /** What only some exchanges need; null for most. */
  detours: Detours | null = null;

  constructor(
    thread: ExchangeThread,
    downstream: ClientStream,
    request: RequestHead,
    length: BodyLength,
    connection: ConnectionOptions,
    facts: ClientFacts,
    upgrade: string,
    startedAt: number,
  ) {
    this.thread = thread;
    this.snapshot = thread.snapshot;
    this.downstream = downstream;
    this.request = request;
    this.requestLength = length;
    this.connection = connection;
    this.facts = facts;
    this.upgrade = upgrade;
    this.startedAt = startedAt;
    this.bytesReceived = request.size;
    this.sentBefore = downstream.bytesWritten;
    this.requestEnded = length === 0;
    this.snapshot.exchangesOpen++;
    this.snapshot.metrics.add(CounterId.exchanges_in_flight, 1);
  }

  get client(): string {
    return this.facts.client;
  }

  get peerTrusted(): boolean {
    return this.facts.trusted;
  }

  get proxied(): ProxiedConnection | null {
    return this.facts.proxied;
  }

  get tls(): TlsFacts | null {
    return this.facts.tls;
  }

  get requestId(): string {
    if (this.givenId === "") this.givenId = this.thread.newRequestId();
    return this.givenId;
  }

  identify(requestId: string): void {
    this.givenId = requestId;
  }

  authenticate(identity: Identity): void {
    this.identity = identity;
  }

  get collectedBytes(): number {
    return this.detours?.collected?.size ?? 0;
  }

  get responseValues(): readonly string[] | null {
    return this.detours?.responseValues ?? null;
  }

  get fault(): string {
    return this.detours?.fault ?? "";
  }

  noteFault(fault: string): void {
    this.detour.fault = fault;
  }

  get cached(): string {
    return this.detours?.cached ?? "";
  }

  noteCache(result: CacheResult, told: string): void {
    this.detour.cached = told;
    this.thread.metrics.add(CounterId[result], 1);
  }

  get place(): ClientPlace | null {
    return this.detours?.place ?? null;
  }

  locate(place: ClientPlace): void {
    this.detour.place = place;
  }

  get tokens(): TokenUse | null {
    return this.detours?.tokens ?? null;
  }

  spend(tokens: TokenUse): void {
    this.detour.tokens = tokens;
    this.snapshot.metrics.tokensCounted(this.route?.index ?? -1, tokens.input, tokens.output, tokens.isReported);
  }

  get scheme(): "http" | "https" {
    return schemeOf(this.request, this.facts);
  }

  get authority(): string {
    return authorityOf(this.request, this.facts);
  }

  pathGroup(name: string): string {
    return this.route?.pathGroups?.of(this.request, this.client, this.tls?.certificate ?? null).get(name) ?? "";
  }

  get startedAtMs(): number {
    return this.startedAt + this.thread.epochOffset;
  }

  /** The client may wait for a 100 (Continue) before it sends its body, and has not got one yet. */
  get awaitsContinue(): boolean {
    if ((this.request.present & bit(Known.expect)) === 0 || !this.request.understandsInterim) return false;
    return !this.requestEnded && !this.continued && this.bodyBytes === 0;
  }

  /** Position of the last endpoint in the exchange's set; -1: none was chosen. */
  get endpointPosition(): number {
    return this.endpoint === null || this.set === null ? -1 : positionIn(this.set, this.endpoint);
  }

  /** Milliseconds that a tunnel may be idle; null: the exchange has no upstream. */
  get tunnelIdleMs(): number | null {
    return this.route?.policy?.tunnelIdleMs ?? this.set?.settings.tunnelIdleMs ?? null;
  }

  get responseLimits(): ResponseLimits | null {
    return this.route?.policy?.limits ?? null;
  }

  get finished(): boolean {
    return this.phase === Phase.finished;
  }

  /** Bytes sent to the client so far, heads included. */
  get bytesSent(): number {
    // Text that waited for the end of the turn counts as written, and is uncounted if the client is gone by then.
    return Math.max(0, this.downstream.bytesWritten - this.sentBefore);
  }

  /** True for a request of the proxy's own. A copy of a client's request speaks for the client, so for that it is false. */
  get isBackground(): boolean {
    return this.downstream.isBackground && this.original === null;
  }

  get isOfClient(): boolean {
    return !this.downstream.isBackground;
  }

  get original(): Exchange | null {
    return this.detours?.original ?? null;
  }

  get durationMs(): number {
    return this.thread.now - this.startedAt;
  }

  get routeName(): string {
    return this.route?.name ?? "";
  }

  get endpointAuthority(): string {
    return this.endpoint?.authority ?? "";
  }

  get endpointUrl(): string {
    return this.endpoint?.url ?? "";
  }

  /** The client has the final response's head, or an answer of the proxy's own. */
  get responseStarted(): boolean {
    return this.phase >= Phase.responding;
  }

  /** Whether the exchange takes bytes of the request's body now. */
  get takesBody(): boolean {
    if (this.upstream === null) return this.isCollecting;
    return this.phase === Phase.sending || this.phase === Phase.responding;
  }

  /** Makes the detours at first use. */
  get detour(): Detours {
    return (this.detours ??= new Detours());
  }

  /** The request's whole body is waited for, before an endpoint or a source gets it. */
  get isCollecting(): boolean {
    return this.phase === Phase.admission && this.detours?.collected?.isOpen === true;
  }

  // ---- admission, together with admission.ts ------------------------------------------------------------------------

  /** Begins the exchange of a client. */
  begin(): void {
    const { request } = this;
    const refused = admitRequest(request, this.connection, this.facts.unsafeFieldNames);
    if (refused !== null) return this.answer(refused);
    const { ownAnswers, tls, client } = this.facts;
    const own = ownAnswers === null ? null : ownAnswers.answerTo(this);
    if (own !== null) return this.answer(own);
    const found = this.snapshot.findRoute(request, client, tls === null ? null : tls.certificate);
    const route = found.split === null ? found : this.sideOf(found, found.split);
    this.route = route;
    if (this.upgrade !== "") this.upgrade = admittedProtocols(this.upgrade, route.upgrade);
    if (route.upstream !== null) this.set = route.upstream.set;
    if (route.mirror !== null && isToBeCopied(this, route.mirror)) this.detour.mirror = route.mirror;
    const requestMs = route.policy?.requestMs ?? null;
    if (requestMs !== null) this.detour.limit = new RequestLimit(this, requestMs);
    admit(this, route, 0);
  }

  /** Chooses one of the upstreams of a split. Returns the route as it is for that upstream. */
  private sideOf(route: Route, { choice, sides }: Split): Route {
    return sides[choice.choose(this, this.thread.choice.random)] ?? route;
  }

  /**
   * Begins a request that no client waits for, without admission.
   * @param route whose middleware edits the request; null: there is none
   */
  beginAt(set: EndpointSet, route: Route | null = null): void {
    this.set = set;
    this.route = route;
    this.connect();
  }

  collectBody(bytesMax: number): Promise<Buffer | null> {
    return collectBody(this, bytesMax);
  }

  fetch(upstream: string, request: FetchRequest, options: FetchOptions = {}): Promise<FetchResult> {
    const set = this.snapshot.endpointsOf(upstream);
    if (set === null) return Promise.resolve({ head: null, failure: "no_upstream" });
    return this.thread.fetch(set, request, { signal: this.signal, ...options });
  }

  relay(upstream: string, request: FetchRequest, options: RelayOptions = {}): ResponseSource {
    const set = this.snapshot.endpointsOf(upstream);
    if (set === null) throw new TypeError(`there is no upstream ${JSON.stringify(upstream)}`);
    const sent = checkedRequest(request, set);
    if ((sent.head.method === "HEAD") !== (this.request.method === "HEAD"))
      throw new TypeError(`${sent.head.method} cannot answer ${this.request.method}`);
    return relaySource(this.thread, set, sent, options);
  }

  refresh(asker: Middleware, begun: (exchange: ExchangeView) => void): void {
    const { set, route } = this;
    if (set !== null && route !== null) begun(new RefreshStream(this, set, route, asker).exchange);
  }

  get signal(): AbortSignal {
    const { detour } = this;
    const controller = (detour.controller ??= new AbortController());
    if (this.finished) controller.abort();
    return controller.signal;
  }

  /** Ends the wait for a hook. A result that comes later has no effect. */
  endWait(): void {
    const { detours } = this;
    if (detours === null || detours.pending === null) return;
    this.thread.deadlines.remove(detours.pending);
    detours.pending = null;
  }

  /** A hook threw or rejected before the response: 500. */
  hookFailed(error: unknown, middleware: string): void {
    this.reportHook(error, middleware);
    if (!this.finished) this.answer(answers.INTERNAL_ERROR);
  }

  /**
   * Reports an error of a hook, which is a mistake in the proxy or in an extension. It affects this exchange, not the thread.
   * @param middleware name of the middleware whose hook, stage or source failed; "": not known
   */
  reportHook(error: unknown, middleware: string): void {
    const route = this.route?.name ?? "";
    this.thread.report("error", "middleware_failed", messageOf(error), middleware === "" ? { route } : { route, middleware });
  }

  /** Sends a 100 (Continue) if the client waits for one. */
  bodyWanted(): void {
    if (!this.awaitsContinue) return;
    this.continued = true;
    this.detour.hasAskedForBody = true;
    this.downstream.interim(CONTINUE);
  }

  tooLarge(): LocalAnswer {
    this.thread.metrics.add(CounterId.malformed_requests, 1);
    return answers.BODY_TOO_LARGE;
  }

  // ---- choose endpoint, connect or reuse, send head -----------------------------------------------------------------

  /**
   * Begins an attempt.
   * @param sameEndpoint the endpoint to ask again, over a new connection; null: one is chosen
   */
  connect(sameEndpoint: Endpoint | null = null): void {
    const { set } = this;
    if (set === null) return this.answer(answers.INTERNAL_ERROR);
    const { owned } = this.downstream;
    const choice = this.thread.choice.among(set, this.tried, this.facts.client);
    const kept = owned === null || sameEndpoint !== null ? null : owned.endpointIn(set, choice, this);
    const target = sameEndpoint ?? kept ?? choice.next();
    if (target === null) return this.noEndpoint();
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

  get ownedConnections(): OwnedConnections | null {
    return this.downstream.owned;
  }

  clientAddresses(): ConnectionAddresses | null {
    return toldAddresses(this.facts, this.downstream);
  }

  /** No endpoint can be chosen: each is unhealthy or was tried. The last one that was left may have become unhealthy in a pause between attempts. */
  private noEndpoint(): void {
    const failure = this.detours?.later?.failure ?? null;
    if (!isHeld(this, failure)) this.failedForGood(failure);
  }

  private idleConnection(target: Endpoint, owned: OwnedConnections | null): UpstreamStream | null {
    return (owned === null ? null : owned.take(target, this)) ?? this.thread.connector.take(target, this);
  }

  /** The connection is established: sends the head, and as much of the body as has come. */
  upstreamReady(from: UpstreamStream): void {
    if (from !== this.upstream) return;
    if (this.detours !== null && this.detours.mirror !== null && !this.isFromSource(from)) beginCopy(this, this.detours);
    const hooks = this.route?.hooks.onUpstreamRequest;
    if (this.downstream.isBackground || this.detours !== null || (hooks !== undefined && hooks.length > 0)) {
      if (!this.sendEdited(from, hooks ?? [])) return;
    } else {
      this.phase = Phase.sending;
      from.send(this, NO_REQUEST_EDITS);
    }
    this.detours?.request?.start();
    // The exchange may be over by now: a source has answered at once, or a stage has failed in its `start`.
    if (from !== this.upstream) return;
    const out = this.requestOut(from);
    const collected = this.detours?.collected ?? null;
    if (collected !== null) collected.sendTo(out);
    if (this.replay !== null && this.replay !== "") out.data(Buffer.from(this.replay, "latin1"), 0, this.replay.length);
    if (collected !== null) forgetBeyondMemory(this);
    if (this.requestEnded) out.end(this.requestTrailers);
    // Delivering the body may have ended the exchange as well.
    if (from !== this.upstream) return;
    if (this.requestEnded) {
      // An earlier attempt may have paused the client. Read on, so that it is seen when the client leaves.
      if (this.attempts > (this.isFromSource(from) ? 0 : 1)) this.downstream.resumeRequest();
      return this.requestFlush();
    }
    // Body bytes that have arrived already are written together with the head.
    this.downstream.resumeRequest();
    this.requestFlush();
  }

  /** Sends the head with edits. Returns false if a hook threw, which ends the exchange. */
  private sendEdited(to: UpstreamStream, hooks: readonly Middleware[]): boolean {
    const edits = takeRequestEdits();
    if (!this.isFromSource(to) && !editRequest(this, hooks, to, edits)) return false;
    // The head of a request of the proxy's own has no field for the body's length.
    if (edits.bodyLength === null) edits.bodyLength = this.downstream.isBackground ? this.requestLength : this.heldLength();
    this.phase = Phase.sending;
    to.send(this, edits);
    giveRequestEdits(edits);
    return true;
  }

  /**
   * The length of a body that came in chunks and was held until it was whole: with it, origin servers that do not know chunks can take the
   * body. Null: the body is framed as it was received.
   */
  private heldLength(): BodyLength | null {
    // Only chunks can be followed by trailers.
    if (this.requestLength >= 0 || this.requestTrailers !== null || (this.route?.requestBufferBytes ?? 0) === 0) return null;
    return this.detours?.collected?.wholeLength ?? null;
  }

  // ---- relay the request body ---------------------------------------------------------------------------------------

  requestData(bytes: Buffer, start: number, end: number): void {
    this.bytesReceived += end - start;
    this.bodyBytes += end - start;
    if (exceedsBodyLimit(this.bodyBytes, this.route)) return this.requestFailed(this.tooLarge());
    if (this.isCollecting) return collectData(this, bytes, start, end);
    keepForReplay(this, bytes, start, end);
    const { upstream, detours } = this;
    detours?.copy?.data(bytes, start, end);
    if (upstream !== null) this.requestOut(upstream).data(bytes, start, end);
  }

  /** The receiver of the request's body: its first stage, or the connection. */
  private requestOut(upstream: UpstreamStream): BodySink {
    const { detours } = this;
    return detours === null || detours.request === null ? upstream : detours.request;
  }

  requestEnd(trailers: FieldSection | null): void {
    const { reservedFields } = this.snapshot;
    // Those of the configuration that the exchange began under, which a reload may have replaced.
    if (trailers !== null && reservedFields !== null) trailers.reserve(reservedFields);
    this.requestEnded = true;
    this.requestTrailers = trailers;
    if (this.isCollecting) {
      this.detours?.collected?.end();
      return collectedEnough(this);
    }
    const { upstream, detours } = this;
    detours?.copy?.end();
    if (upstream !== null) this.requestOut(upstream).end(trailers);
  }

  /** Called after the `requestData` calls of one read: sends what was delivered. */
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

  /** The request's body is malformed. */
  requestMalformed(answer: LocalAnswer): void {
    this.thread.metrics.add(CounterId.malformed_requests, 1);
    this.requestFailed(answer);
  }

  /** The request cannot be completed. Its connection is closed, so that the request does not look complete to the endpoint. */
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
      // The client speaks HTTP until its request has ended (RFC 9110 section 7.8), and a stage may still hold a part of the body.
      if (this.upgrade === "" || this.responseStarted || !this.requestEnded || this.detours?.request?.isOver === false) return false;
      this.phase = Phase.tunnel;
      this.detours?.limit?.end();
      this.detours?.endAttempts();
      this.status = 101;
      this.originHeadMs = this.thread.now - this.startedAt;
      this.outcome = "tunnel";
      if (this.snapshot.logsResponses) this.noteResponse(head, NO_RESPONSE_EDITS);
      this.downstream.startTunnel(head, from);
      return true;
    }
    const interims = (this.detour.interims ??= new InterimPace(this.thread.now));
    if (!interims.allows(this.thread.now)) return false;
    if (head.status === 100) {
      // The proxy itself has told the client to go on, and it has. Any other interim response must be passed on (RFC 9110 section 15.2).
      if (this.detours?.hasAskedForBody === true) return true;
      this.continued = true;
    }
    this.downstream.interim(head);
    return true;
  }

  responseHead(from: UpstreamStream, head: ResponseHead, length: BodyLength): void {
    if (from !== this.upstream) return;
    if (!this.isFromSource(from)) {
      if (isRetriedFor(this, head)) return;
      const hooks = this.route?.hooks.onUpstreamResponse;
      if (hooks !== undefined && hooks.length > 0 && isTurnedDown(this, hooks, { head, failure: null })) return;
      this.originHeadMs = this.thread.now - this.startedAt;
      const judges = this.route?.hooks.judgeResponse;
      if (judges !== undefined && judges.length > 0 && isJudged(this, judges, head, length)) return;
    }
    this.passResponse(from, head, length);
  }

  /** @param from what gives the response; null: it has given all of it */
  private passResponse(from: UpstreamStream | null, head: ResponseHead, length: BodyLength): void {
    const hooks = this.route?.hooks.onResponse;
    if ((hooks === undefined || hooks.length === 0) && !this.isFromSource(from)) return this.relayResponse(head, length, NO_RESPONSE_EDITS);
    const edits = takeResponseEdits();
    edits.begin(head, head.status);
    const stages = editResponse(this, head, edits);
    // A hook may have ended the exchange: it threw, or it made a stage of the request's body or the source itself fail.
    if (from !== this.upstream || this.finished) return giveResponseEdits(edits);
    if (stages !== null || this.isFromSource(from)) return this.respondAnew(head, length, stages, edits);
    this.relayResponse(head, length, edits);
  }

  /** Begins a response whose body is that of the endpoint. */
  private relayResponse(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    this.beginResponse(head, length, edits);
    if ((this.route?.responseBufferBytes ?? 0) > 0 || (this.detours !== null && this.detours.heldBytes > 0))
      this.holdResponse(head, length);
  }

  private beginResponse(head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
    this.phase = Phase.responding;
    this.status = edits.newStatus ?? head.status;
    // Nothing is tried again from here on.
    this.detours?.endAttempts();
    if (this.snapshot.logsResponses) this.noteResponse(head, edits);
    this.downstream.respond(head, length, edits);
    if (edits !== NO_RESPONSE_EDITS) giveResponseEdits(edits);
  }

  /**
   * Lets the response's body pass a buffer, so that the endpoint need not wait for a slow client. Server-sent events are not held: their sender
   * wants to know whether the client takes them. Neither is the body of a source, which no endpoint waits for.
   */
  private holdResponse(head: ResponseHead, length: BodyLength): ResponseBuffer | null {
    // What was held counts against the process's memory until the client has taken it.
    const heldBytes = this.detours?.heldBytes ?? 0;
    const bytesMax = Math.max(this.route?.responseBufferBytes ?? 0, heldBytes);
    const isFromEndpoint = heldBytes > 0 || (this.upstream !== null && !this.isFromSource(this.upstream));
    if (bytesMax === 0 || length === 0 || !isFromEndpoint || EVENTS.test(head.get("content-type") ?? "")) return null;
    const { detour } = this;
    return (detour.buffer ??= ResponseBuffer.of(this.thread, this.downstream, this, bytesMax, length));
  }

  /** Reads what the access log shows of a response, whose head is gone when the exchange has finished. */
  private noteResponse(head: ResponseHead | null, edits: ResponseEdits): void {
    const log = this.snapshot.accessLogOf(this.route);
    if (log.readsResponses) this.detour.responseValues = log.responseValues(head, edits.answered, edits);
  }

  /** Begins a response whose head does not tell the length of its body, because the body passes stages or comes from a source. */
  private respondAnew(head: ResponseHead, given: BodyLength, stages: readonly NamedStage[] | null, edits: ResponseEdits): void {
    const hasBody = this.request.method !== "HEAD" && mayHaveBody(head.status);
    const out = this.holdResponse(head, hasBody ? -1 : 0) ?? this.downstream;
    const pipe = stages === null ? null : new BodyPipe(stages, out, this, this.thread);
    const length = pipe === null ? given : pipe.length;
    // Content-Length (RFC 9110 section 8.6): not allowed in 204; in 304 it is that of the 200, which only the source itself may know.
    if (head.status === 204) edits.bodyLength = -1;
    else if (pipe !== null || head.status !== 304) edits.bodyLength = length;
    this.beginResponse(head, hasBody ? length : 0, edits);
    if (pipe === null || !hasBody) return;
    this.detour.response = pipe;
    pipe.start();
  }

  /** The receiver of the response's body: its first stage, the buffer, or the client. */
  private responseOut(): BodySink {
    const { detours } = this;
    return detours === null ? this.downstream : (detours.held ?? detours.response ?? detours.buffer ?? this.downstream);
  }

  responseData(from: UpstreamStream, bytes: Buffer, start: number, end: number): void {
    if (from === this.upstream) this.responseOut().data(bytes, start, end);
  }

  responseFlush(from: UpstreamStream): void {
    if (from === this.upstream && !this.responseOut().flush()) from.pauseResponse();
  }

  clientBlocked(): void {
    const { detours } = this;
    if (detours !== null) {
      if (detours.buffer !== null && !detours.buffer.blocked()) return;
      if (detours.response !== null && !detours.response.blocked()) return;
    }
    this.upstream?.pauseResponse();
  }

  clientUnblocked(): void {
    if (this.finished) return;
    const held = this.detours?.buffer ?? null;
    if (held === null) this.bufferFreed();
    else held.unblocked();
  }

  bufferFreed(): void {
    const pipe = this.detours?.response ?? null;
    if (pipe === null) this.upstream?.resumeResponse();
    else pipe.unblocked();
  }

  /** The client's driver has the whole response. The stages may have ended the response before the endpoint has. */
  bufferEmptied(): void {
    this.dropUpstream();
    this.finish();
  }

  /** The response cannot be completed: cuts the client. */
  bufferBroken(): void {
    this.downstream.cut();
    this.finish();
  }

  responseEnd(from: UpstreamStream, trailers: FieldSection | null): boolean {
    if (from !== this.upstream) return true;
    this.releaseEndpoint();
    this.upstream = null;
    const { detours } = this;
    if (detours !== null && detours.held !== null) {
      this.requestBlocked = false;
      detours.endRequest();
      detours.held.end(trailers);
      return true;
    }
    return this.endResponse(trailers);
  }

  /** The whole response has come. Returns whether all of it was written. */
  private endResponse(trailers: FieldSection | null): boolean {
    const { detours } = this;
    const between = detours === null ? null : (detours.response ?? detours.buffer);
    if (between !== null) {
      this.requestBlocked = false;
      detours?.endRequest();
      // There may be more to write. `pipeEnded` or `bufferEmptied` finishes the exchange.
      between.end(trailers);
      between.flush();
      return true;
    }
    this.downstream.end(trailers);
    const written = this.downstream.flush();
    this.finish();
    return written;
  }

  // ---- responses that are held back ---------------------------------------------------------------------------------

  holdReleased(held: HeldResponse): void {
    this.passHeld(held);
    const { upstream } = this;
    if (upstream !== null && !this.finished && !this.responseOut().flush()) upstream.pauseResponse();
  }

  holdEnded(held: HeldResponse, trailers: FieldSection | null): void {
    this.passHeld(held);
    if (!this.finished) this.endResponse(trailers);
  }

  holdAnswered({ middleware }: HeldResponse, answer: LocalAnswer): void {
    this.detours?.endHold();
    this.answer(answer, middleware);
  }

  holdFailed({ middleware }: HeldResponse, error: unknown): void {
    this.detours?.endHold();
    this.hookFailed(error, middleware);
  }

  private passHeld(held: HeldResponse): void {
    const { detour } = this;
    detour.held = null;
    detour.heldBytes = held.size;
    this.passResponse(this.upstream, held.head, held.length);
    if (!this.finished) held.sendTo(this.responseOut());
  }

  ownConnection(upstream: OwnedUpstream): void {
    this.downstream.own(upstream);
  }

  // ---- sources ------------------------------------------------------------------------------------------------------

  /**
   * Lets a source answer, before any attempt at an endpoint or after one.
   * @param middleware whose source it is
   */
  answerFrom(source: ResponseSource, middleware: string): void {
    const stream = new SourceStream(source, middleware, this, this.thread, this.replay !== null);
    this.detour.source = stream;
    this.phase = Phase.connecting;
    this.upstream = stream;
    this.upstreamReady(stream);
  }

  private isFromSource(from: UpstreamStream | null): boolean {
    return this.detours !== null && from !== null && from === this.detours.source;
  }

  sourceAnswers(from: SourceStream, answer: LocalAnswer): void {
    if (from !== this.upstream) return;
    if (this.responseStarted) this.requestFailed(answer);
    else this.answer(answer, from.middleware);
  }

  sourceFailed(from: SourceStream, error: unknown): void {
    if (from !== this.upstream) return;
    this.reportHook(error, from.middleware);
    this.requestFailed(answers.INTERNAL_ERROR);
  }

  // ---- stages of a body ---------------------------------------------------------------------------------------------

  pipeUnblocked(pipe: BodyPipe): void {
    if (this.finished) return;
    if (pipe !== this.detours?.request) this.upstream?.resumeResponse();
    else if (this.requestBlocked) this.unblockRequest();
  }

  pipeEnded(pipe: BodyPipe): void {
    if (pipe !== this.detours?.response) {
      // The rest of the request is read and dropped.
      if (this.requestBlocked) this.unblockRequest();
      return;
    }
    // The stages may have ended before the endpoint's response has.
    this.dropUpstream();
    const held = this.detours?.buffer ?? null;
    if (held === null || held.isOver) this.finish();
  }

  pipeFailed(error: unknown, middleware: string): void {
    if (this.finished) return;
    if (error instanceof BodyRefused) return this.requestFailed(error.answer);
    this.reportHook(error, middleware);
    this.requestFailed(answers.INTERNAL_ERROR);
  }

  // ---- failure: one exit that decides -------------------------------------------------------------------------------

  upstreamFailed(from: UpstreamStream, failure: Failure): void {
    if (from !== this.upstream) return;
    const { kind } = failure;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.detours?.endRequest();
    this.detours?.endHold();
    if (this.phase === Phase.tunnel) {
      this.outcome = "tunnel";
      return this.finish();
    }
    const { counter } = FAILURES[kind];
    if (counter !== null) this.thread.metrics.add(counter, 1);
    if (this.phase === Phase.responding) {
      this.outcome = kind;
      const { detours } = this;
      // A client that is slower than the endpoint was still gets what the endpoint has sent.
      if (detours !== null && detours.response === null && detours.buffer?.breakOff() === true) return;
      return this.bufferBroken();
    }
    if (anotherAttempt(this, failure) || isHeld(this, failure)) return;
    this.failedForGood(failure);
  }

  /**
   * There is no further attempt: the client is answered.
   * @param failure of the last attempt; null: no endpoint could be chosen
   */
  failedForGood(failure: Failure | null): void {
    if (failure === null) return this.answer(answers.NO_ENDPOINT);
    const hooks = this.route?.hooks.onUpstreamResponse;
    if (hooks !== undefined && hooks.length > 0 && isTurnedDown(this, hooks, { head: null, failure })) return;
    this.answer(failureAnswer(failure.kind));
  }

  /** The client gets no more of the response, for that reason: the attempt is given up. */
  clientGone(reason: ClientEnd): void {
    if (this.finished) return;
    this.outcome = this.phase === Phase.tunnel && reason !== "drain_timeout" ? "tunnel" : reason;
    if (this.status === 0) this.status = 499;
    this.dropUpstream();
    this.finish();
  }

  /** The tunnel has ended without a failure. */
  tunnelEnded(): void {
    if (this.finished) return;
    this.releaseEndpoint();
    this.upstream = null;
    this.finish();
  }

  /** @param middleware whose answer it is; "": the proxy's own */
  answer(given: LocalAnswer, middleware: string = ""): void {
    this.dropUpstream();
    const answer = answerInPlaceOf(this, given);
    this.status = answer.status;
    this.outcome = answer.reason;
    this.phase = Phase.responding;
    const edits = takeResponseEdits();
    edits.begin(null, answer.status, answer.fields);
    editResponse(this, null, edits);
    if (this.snapshot.logsResponses) this.noteResponse(null, edits);
    try {
      this.downstream.answer(this.givenId === "" ? answer : { ...answer, requestId: this.givenId }, edits);
    } catch (error) {
      // The answer of a middleware has a field that cannot be sent. Nothing was sent yet.
      this.reportHook(error, middleware);
      this.status = answers.INTERNAL_ERROR.status;
      this.outcome = answers.INTERNAL_ERROR.reason;
      this.downstream.answer(answers.INTERNAL_ERROR, edits);
    }
    giveResponseEdits(edits);
    this.finish();
  }

  /** Gives up the current attempt, if there is one. */
  dropUpstream(): void {
    const upstream = this.upstream;
    if (upstream === null) return;
    this.releaseEndpoint();
    this.upstream = null;
    this.requestBlocked = false;
    this.detours?.endRequest();
    this.detours?.endHold();
    upstream.abort();
  }

  /** The endpoint has one exchange in flight less. */
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
    tellFinished(this);
    this.thread.exchangeFinished(this);
    this.downstream.exchangeFinished();
  }
}

/** Whether a request body of that many bytes exceeds the limit of the route. */
export function exceedsBodyLimit(bodyBytes: number, route: Route | null): boolean {
  const limit = route?.bodyBytesMax ?? null;
  return limit !== null && bodyBytes > limit;
}
