import type { BodyLength } from "../../http/body-length.ts";
import type { RequestHead } from "../../http/request-head.ts";
import type { ClientPlace } from "../../policy/geoip/client-place.ts";
import type { TokenUse } from "../../policy/tokens/token-use.ts";
import type { Identity } from "../ports/identity.ts";
import type { TlsFacts } from "../ports/tls-facts.ts";
import type { FetchResult } from "./fetch.ts";
import { NO_INPUT } from "./response-source.ts";
import type { ResponseSource } from "./response-source.ts";
import type { FinishedExchange } from "./middleware.ts";

/**
 * An exchange's view for calling a single hook without an exchange: in `explain`, tests and benchmarks. `collectBody` always gives null,
 * and `fetch` and `relay` always fail with `no_upstream`.
 */
export class LoneView implements FinishedExchange {
  readonly request: RequestHead;
  client: string;
  /** The request's id; "": nobody has asked for one. */
  givenId: string = "";
  readonly peerTrusted: boolean = false;
  requestLength: BodyLength = 0;
  /** No body can be collected here. */
  readonly collectedBytes: number = -1;
  tls: TlsFacts | null = null;
  readonly proxied: null = null;
  scheme: "http" | "https" = "http";
  readonly authority: string;
  readonly startedAtMs: number;
  readonly signal: AbortSignal = new AbortController().signal;

  readonly status: number = 200;
  readonly outcome: string = "completed";
  routeName: string = "";
  endpointAuthority: string = "";
  readonly endpointUrl: string = "";
  readonly attempts: number = 0;
  readonly durationMs: number = 0;
  readonly originHeadMs: number = -1;
  readonly bytesReceived: number = 0;
  readonly bytesSent: number = 0;

  constructor(request: RequestHead, client: string, startedAtMs: number = 0) {
    this.request = request;
    this.authority = request.authority;
    this.client = client;
    this.startedAtMs = startedAtMs;
  }

  /** The groups that `pathGroup` gives. */
  groups: ReadonlyMap<string, string> = new Map();

  /** Stands for the id that a real exchange gets, which differs for each. */
  get requestId(): string {
    if (this.givenId === "") this.givenId = "00000000-0000-7000-8000-000000000000";
    return this.givenId;
  }

  identify(requestId: string): void {
    this.givenId = requestId;
  }

  fault: string = "";

  noteFault(fault: string): void {
    this.fault = fault;
  }

  place: ClientPlace | null = null;

  locate(place: ClientPlace): void {
    this.place = place;
  }

  cached: string = "";

  noteCache(_result: string, told: string): void {
    this.cached = told;
  }

  tokens: TokenUse | null = null;

  spend(tokens: TokenUse): void {
    this.tokens = tokens;
  }

  identity: Identity | null = null;

  authenticate(identity: Identity): void {
    this.identity = identity;
  }

  pathGroup(name: string): string {
    return this.groups.get(name) ?? "";
  }

  collectBody(): Promise<null> {
    return Promise.resolve(null);
  }

  relay(_upstream: string): ResponseSource {
    return {
      start: (_request, response) => {
        response.answer({ status: 503, reason: "no_upstream", detail: "", fields: [] });
        return NO_INPUT;
      },
    };
  }

  refresh(): void {}

  fetch(_upstream: string): Promise<FetchResult> {
    return Promise.resolve({ head: null, failure: "no_upstream" });
  }
}
