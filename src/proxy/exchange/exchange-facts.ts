/** What is known of an exchange: to its own phases, to hooks, to the driver that sends its request, and to who counts and logs it. */
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
  /** What trusted proxies said in Forwarded; null where that field is not the one to believe. */
  readonly forwarded: ClientFacts["forwarded"];
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

  protected readonly downstream: ClientStream;
  protected readonly sentBefore: number;
  protected upstream: UpstreamStream | null = null;
  protected tried: Endpoint[] | null = null;
  /** Attempts whose pooled connection was lost, which `retries` does not count. */
  protected uncharged: number = 0;
  protected requestTrailers: FieldSection | null = null;
  protected bodyBytes: number = 0;
  /** Body bytes sent so far as text, or null once they are too many to send again. */
  protected replay: string | null = "";
  /** A 100 (Continue) has come. */
  protected continued: boolean = false;
  /** Null for most. */
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

  /** Bytes that the client was sent, so far or in all. */
  get bytesSent(): number {
    // Text that waited for the end of the turn and found its client gone is not written after all.
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

  /** Whether body bytes can be handed over now. */
  get takesBody(): boolean {
    if (this.upstream === null) return this.isCollecting;
    return this.phase === Phase.sending || this.phase === Phase.responding;
  }

  /** Made when the first of them is needed. */
  protected get detour(): Detours {
    return (this.detours ??= new Detours());
  }

  protected get isCollecting(): boolean {
    return this.phase === Phase.admission && this.detours?.collected?.isOpen === true;
  }
}

export function isOver(bodyBytes: number, route: Route | null): boolean {
  const limit = route?.bodyBytesMax ?? null;
  return limit !== null && bodyBytes > limit;
}
