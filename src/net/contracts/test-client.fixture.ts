import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { World } from "./world.fixture.ts";

/** A request, in terms that hold for every protocol. */
export interface Asked {
  /** Default: GET. */
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Fields;
  /** Length of the body. Default: no body. */
  readonly length?: BodyLength;
  /** The part of the body that is sent together with the head. */
  readonly body?: string;
  /** Whether the request asks to switch protocols. */
  readonly switches?: boolean;
}

/** What a client has received of a response. */
export interface Got {
  /** Statuses of the interim responses. */
  readonly interims: readonly number[];
  /** Status of the final head; 0 before it has come. */
  readonly status: number;
  readonly body: string;
  readonly trailers: string | null;
  /** `open`: more may come. `cut`: the client sees that something is missing. */
  readonly end: "open" | "whole" | "cut";
}

/** A client that the test plays. What it does takes effect with the next `World.settle`. */
export interface TestClient {
  /** Sends a request; connects first if there is no open connection. */
  ask(request: Asked): void;
  /** Sends more of the last request's body. */
  send(text: string): void;
  /** Ends the last request's body. */
  finish(trailers?: Fields): void;
  /** Sends bytes that make the last request's body malformed. */
  garble(): void;
  stopReading(): void;
  readOn(): void;
  leave(): void;
  reset(): void;
  /** Sends its FIN, and goes on reading. */
  halfClose(): void;
  sendInTunnel(text: string): void;
  /** The responses, in the order in which they came. */
  readonly responses: readonly Got[];
  /** Text received through a tunnel. */
  readonly tunnelled: string;
  /** Whether the proxy or the client has ended the connection. */
  readonly isOver: boolean;
  /** How many connections the client has opened. */
  readonly connections: number;
}

/** What a kind of client can do, or can see. Tests of the contract that need a missing ability are left out. */
export interface ClientAbilities {
  /** Sends a request's body in pieces, while the exchange runs. */
  readonly sendsPieces: boolean;
  /** Sends bodies of unknown length. */
  readonly sendsUnknownLength: boolean;
  readonly sendsTrailers: boolean;
  /** Can stop reading, and the driver notices. */
  readonly stopsReading: boolean;
  readonly resets: boolean;
  readonly halfCloses: boolean;
  /** Sends further requests over the same connection, even before the previous response has come. */
  readonly persists: boolean;
  readonly switches: boolean;
  readonly seesInterims: boolean;
  readonly seesTrailers: boolean;
  /** Sees the part of a cut response that has come. */
  readonly seesParts: boolean;
  /** Sees the status of the proxy's own answers. */
  readonly seesAnswers: boolean;
  /** Takes small writes as done, and says later that they are not. */
  readonly blocksLater: boolean;
  /** Has the bytes that it is sent counted. */
  readonly countsBytes: boolean;
}

/** A driver of `ClientStream`, named after the clients that it serves. */
export interface ClientKind {
  readonly name: string;
  readonly can: ClientAbilities;
  make(world: World): TestClient;
}
