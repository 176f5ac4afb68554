import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { UpstreamStream } from "../../proxy/ports/upstream-stream.ts";
import type { Attempt } from "./attempt.fixture.ts";
import type { World } from "./world.fixture.ts";

/** What an endpoint got of a request. */
export interface GotRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly isWhole: boolean;
  readonly trailers: string | null;
}

/** An endpoint, and how the proxy reaches it. Whatever it does takes effect with the next `World.settle`. */
export interface TestEndpoint {
  /** A new connection: `upstreamReady` follows, or a failure. */
  dial(attempt: Attempt): UpstreamStream;
  /** One that idles, or null. */
  take(attempt: Attempt): UpstreamStream | null;

  /** Nobody listens, or nothing comes of a connect. */
  isAbsent(how: "refuses" | "silent"): void;
  /** What it does from now on happens on that connection, the first one being 0; else on the last one. */
  turnTo(connection: number): void;
  head(status: number, length: BodyLength, fields?: Fields): void;
  body(text: string): void;
  end(trailers?: Fields): void;
  interim(status: number): void;
  switches(): void;
  sendInTunnel(text: string): void;
  /** Sends what is no response. */
  garble(): void;
  stopReading(): void;
  readOn(): void;
  /** Ends its connection in good order, or there is no more of its answer. */
  closes(): void;
  resets(): void;

  /** In the order in which they came. */
  readonly requests: readonly GotRequest[];
  readonly tunnelled: string;
  readonly tunnelEnded: boolean;
  /** The proxy has left its last connection. */
  readonly isLeft: boolean;
  readonly connections: number;
}

/** What endpoints of a kind can do, or get to see. */
export interface EndpointAbilities {
  /** A connection may fail to come about. */
  readonly connects: boolean;
  readonly sendsInterims: boolean;
  readonly sendsTrailers: boolean;
  readonly seesTrailers: boolean;
  readonly switches: boolean;
  /** A connection carries further exchanges. */
  readonly persists: boolean;
  /** A failure comes as `upstreamFailed`, with its facts. */
  readonly tellsFailures: boolean;
  /** It learns of a pause when it has delivered what it has at hand, and not before. */
  readonly learnsLateOfPauses: boolean;
}

/** An implementation of `UpstreamStream`, by the endpoints that it speaks to. */
export interface EndpointKind {
  readonly name: string;
  readonly can: EndpointAbilities;
  make(world: World): TestEndpoint;
}
