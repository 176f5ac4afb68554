import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { UpstreamStream } from "../../proxy/ports/upstream-stream.ts";
import type { Attempt } from "./attempt.fixture.ts";
import type { World } from "./world.fixture.ts";

/** What an endpoint has received of a request. */
export interface GotRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly isWhole: boolean;
  readonly trailers: string | null;
}

/** An endpoint that the test plays, and the driver's way to it. What it does takes effect with the next `World.settle`. */
export interface TestEndpoint {
  /** Opens a connection with the driver: `upstreamReady` of `attempt` follows, or a failure. */
  dial(attempt: Attempt): UpstreamStream;
  /** Takes an idle connection of the driver; null if there is none. */
  take(attempt: Attempt): UpstreamStream | null;

  /** From now on connects are refused, or never answered. */
  isAbsent(how: "refuses" | "silent"): void;
  /** Chooses the connection on which the endpoint acts from now on; the first one is 0. Until then it is the last one. */
  turnTo(connection: number): void;
  head(status: number, length: BodyLength, fields?: Fields): void;
  body(text: string): void;
  end(trailers?: Fields): void;
  interim(status: number): void;
  switches(): void;
  sendInTunnel(text: string): void;
  /** Sends bytes that are not a response. */
  garble(): void;
  stopReading(): void;
  readOn(): void;
  /** Closes its connection in an orderly way; a source fails instead. */
  closes(): void;
  resets(): void;

  /** The requests, in the order in which they came. */
  readonly requests: readonly GotRequest[];
  /** Text received through a tunnel. */
  readonly tunnelled: string;
  readonly tunnelEnded: boolean;
  /** Whether the proxy has left the endpoint's last connection. */
  readonly isLeft: boolean;
  readonly connections: number;
}

/** What a kind of endpoint can do, or can see. Tests of the contract that need a missing ability are left out. */
export interface EndpointAbilities {
  /** Has connections, which can fail to be established. */
  readonly connects: boolean;
  readonly sendsInterims: boolean;
  readonly sendsTrailers: boolean;
  readonly seesTrailers: boolean;
  readonly switches: boolean;
  /** A connection can carry further exchanges. */
  readonly persists: boolean;
  /** Failures are reported by `upstreamFailed`, with their details. */
  readonly tellsFailures: boolean;
  /** The driver obeys a pause only after it has delivered what it has at hand. */
  readonly learnsLateOfPauses: boolean;
}

/** A driver of `UpstreamStream`, named after the endpoints that it speaks to. */
export interface EndpointKind {
  readonly name: string;
  readonly can: EndpointAbilities;
  make(world: World): TestEndpoint;
}
