/**
 * The data of an exchange, and what can be read from it: by the phases of the exchange itself (admission.ts, exchange.ts), by hooks, by the
 * driver that sends the request, and by the thread, which counts and logs the exchange.
 */
import type { BodyLength } from "../../http/body-length.ts";
import type { ConnectionOptions } from "../../http/connection-options.ts";
import type { FieldSection } from "../../http/field-section.ts";
import { Known, bit } from "../../http/known-fields.ts";
import type { RequestHead } from "../../http/request-head.ts";
import { CounterId } from "../../shared/metric-table.ts";
import type { ExchangeThread } from "../exchange-thread.ts";
import type { ClientFacts, ClientStream } from "../ports/client-stream.ts";
import type { OutgoingRequest } from "../ports/outgoing-request.ts";
import type { UpstreamStream } from "../ports/upstream-stream.ts";
import type { Route, Snapshot } from "../snapshot.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { positionIn } from "../upstream/endpoint-set.ts";
import type { EndpointSet } from "../upstream/endpoint-set.ts";
import { Detours } from "./detours.ts";
import { Phase } from "./phase.ts";

export abstract class ExchangeFacts implements OutgoingRequest {
  readonly thread: ExchangeThread;
  readonly snapshot: Snapshot;
  readonly request: RequestHead;
  readonly requestLength: BodyLength;
  readonly connection: ConnectionOptions;
  readonly client: string;
  /** The peer is a trusted proxy: what it says about the client is passed on. */
  readonly peerTrusted: boolean;
  readonly secure: boolean;
  readonly peer: string;
  /** What trusted proxies said in Forwarded; null: that field is absent or not believed. */
  readonly forwarded: ClientFacts["forwarded"];
  readonly unsafeFieldNames: ClientFacts["unsafeFieldNames"];
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
  bytesReceived: number;
  /** Milliseconds from the request's first byte to the head of the endpoint's response; -1: no endpoint responded. */
  originHeadMs: number = -1;
  /** The request asks to switch to the WebSocket protocol, and the configuration allows it. */
  readonly upgrade: boolean;
  requestEnded: boolean = false;
  /**
   * The endpoint has not taken all body bytes yet. They may still lie in the read buffer of the client's connection, which must not be used
   * meanwhile.
   */
  requestBlocked: boolean = false;
  phase: Phase = Phase.admission;

  protected readonly downstream: ClientStream;
  /** What the client's connection had written before this exchange, in bytes. */
  protected readonly sentBefore: number;
  /** The connection, or the source, of the current attempt. */
  protected upstream: UpstreamStream | null = null;
  /** Endpoints that failed and are not tried again. */
  protected tried: Endpoint[] | null = null;
  /** How many attempts failed because a pooled connection was lost. They do not count towards `retries`. */
  protected poolLosses: number = 0;
  protected requestTrailers: FieldSection | null = null;
  /** Bytes of the request's body received so far. */
  protected bodyBytes: number = 0;
  /** The body so far as latin1 text, to send it again in a further attempt; null: it became too long to keep. */
  protected replay: string | null = "";
  /** The client was sent a 100 (Continue). */
  protected continued: boolean = false;
  /** What only some exchanges need; null for most. */
  protected detours: Detours | null = null;

  constructor(
    thread: ExchangeThread,
    downstream: ClientStream,
    request: RequestHead,
    length: BodyLength,
    connection: ConnectionOptions,
    facts: ClientFacts,
    upgrade: boolean,
    startedAt: number,
  ) {
    this.thread = thread;
    this.snapshot = thread.snapshot;
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
    return this.set?.settings.tunnelIdleMs ?? null;
  }

  get bodyLength(): BodyLength {
    const { detours } = this;
    return detours === null || detours.request === null ? this.requestLength : detours.request.length;
  }

  get finished(): boolean {
    return this.phase === Phase.finished;
  }

  /** Bytes sent to the client so far, heads included. */
  get bytesSent(): number {
    // Text that waited for the end of the turn counts as written, and is uncounted if the client is gone by then.
    return Math.max(0, this.downstream.bytesWritten - this.sentBefore);
  }

  get isBackground(): boolean {
    return this.downstream.isBackground;
  }

  get durationMs(): number {
    return this.thread.now - this.startedAt;
  }

  get routeName(): string {
    return this.route?.name ?? "";
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
  protected get detour(): Detours {
    return (this.detours ??= new Detours());
  }

  /** A middleware is waiting for the request's whole body. */
  protected get isCollecting(): boolean {
    return this.phase === Phase.admission && this.detours?.collected?.isOpen === true;
  }
}

/** Whether a request body of that many bytes exceeds the limit of the route. */
export function exceedsBodyLimit(bodyBytes: number, route: Route | null): boolean {
  const limit = route?.bodyBytesMax ?? null;
  return limit !== null && bodyBytes > limit;
}
