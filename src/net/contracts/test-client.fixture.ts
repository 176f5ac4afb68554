import type { Fields } from "../../http/build-head.ts";
import type { BodyLength } from "../../http/body-length.ts";
import type { World } from "./world.fixture.ts";

/** A request, as a client of whatever protocol asks it. */
export interface Asked {
  /** GET unless said. */
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Fields;
  /** Of the body: none unless said. */
  readonly length?: BodyLength;
  /** What is sent of the body together with the head. */
  readonly body?: string;
  /** It asks to switch protocols. */
  readonly switches?: boolean;
}

/** What a client has of a response. */
export interface Got {
  readonly interims: readonly number[];
  /** 0: there is no final head. */
  readonly status: number;
  readonly body: string;
  readonly trailers: string | null;
  /** `cut`: the client sees that something is missing. */
  readonly end: "open" | "whole" | "cut";
}

/** A client, and its side of the connection. Whatever it does takes effect with the next `World.settle`. */
export interface TestClient {
  /** Connects where there is no connection, or no more. */
  ask(request: Asked): void;
  /** More of the body of the request asked last. */
  send(text: string): void;
  /** That body is complete. */
  finish(trailers?: Fields): void;
  /** Sends what cannot belong to that body. */
  garble(): void;
  stopReading(): void;
  readOn(): void;
  leave(): void;
  reset(): void;
  /** Sends no more, and reads on. */
  halfClose(): void;
  sendInTunnel(text: string): void;
  /** In the order in which they came. */
  readonly responses: readonly Got[];
  readonly tunnelled: string;
  /** The proxy has ended the connection, or the client has. */
  readonly isOver: boolean;
  /** Connections so far. */
  readonly connections: number;
}

/** What clients of a kind can do, or get to see. */
export interface ClientAbilities {
  /** A request's body comes in pieces, while the exchange runs. */
  readonly sendsPieces: boolean;
  /** A request's body may have an unknown length. */
  readonly sendsUnknownLength: boolean;
  readonly sendsTrailers: boolean;
  /** One that does not read is noticed. */
  readonly stopsReading: boolean;
  readonly resets: boolean;
  readonly halfCloses: boolean;
  /** A next request goes over the same connection, and may be sent before the response to the one before. */
  readonly persists: boolean;
  readonly switches: boolean;
  readonly seesInterims: boolean;
  readonly seesTrailers: boolean;
  /** What came of a response that was cut is there. */
  readonly seesParts: boolean;
  /** The answers of the proxy are seen with their status. */
  readonly seesAnswers: boolean;
  /** What it is sent is counted. */
  readonly countsBytes: boolean;
}

/** An implementation of `ClientStream`, by the clients that it serves. */
export interface ClientKind {
  readonly name: string;
  readonly can: ClientAbilities;
  make(world: World): TestClient;
}
