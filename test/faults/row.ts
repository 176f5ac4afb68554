/** The vocabulary of the fault matrix: a row says what is broken, who does what, and what must come of it. */
import type { OriginConnection, OriginRequest, OriginScript, ScriptedOrigin } from "../support/scripted-origin.ts";
import type { ScriptedClient } from "../support/scripted-client.ts";

/** Where a row's requests go; theme.ts knows the URLs. */
export type EndpointName =
  | "origin"
  | "second"
  | "refused"
  | "refused too"
  | "refused as well"
  | "unroutable"
  | "black hole"
  | "no name"
  | "name later"
  | "name never"
  | "dual";

/** Counters of the scrape that tell a fault; a row names those that move, all others must stand still. */
export const WATCHED = [
  "upstream_connect_failures",
  "retries",
  "retries_over_budget",
  "requests_held",
  "upstream_timeouts",
  "origin_failures",
  "client_aborts",
  "malformed_requests",
  "request_timeouts",
  "tunnels_opened",
  "connections_refused",
  "rate_limited",
  "unauthorized",
  "access_log_dropped_lines",
] as const;
export type Watched = (typeof WATCHED)[number];

/** An exact count, or least and most where the order of two packets decides. */
export type Count = number | readonly [least: number, most: number];

/** What the client gets. */
export type Answer =
  /** A whole answer; `error` is the type in Proxy-Status, absent: there must be no Proxy-Status. */
  | { readonly status: number; readonly error?: string; readonly body?: string | RegExp; readonly interim?: readonly number[] }
  /** A head and then a visible abort; `cut` is the part of the body that must have arrived before it. */
  | { readonly status: number; readonly cut: string }
  /** The connection ends without an answer. */
  | "nothing"
  /** The client is not there to see it, or the row looks for itself. */
  | "unseen";

export interface LogLine {
  readonly status: number;
  readonly outcome: string | RegExp;
  /** Default 1. */
  readonly attempts?: Count;
  /** How many such lines there are. Default 1. */
  readonly lines?: number;
}

export interface Expectation {
  readonly answer: Answer;
  /** The line of the access log; null: there is none, because there was no request. */
  readonly log: LogLine | null;
  /**
   * The client's connection takes another request; the proxy ends it; the client itself has ended it; the proxy would end it soon, but the client
   * ends it before.
   */
  readonly client: "open" | "closed" | "left" | "lingers";
  /** The first connection to the origin serves another request; it is closed; no request of the row reached the origin. */
  readonly origin: "reused" | "closed" | "unreached";
  readonly counters?: Readonly<Partial<Record<Watched, Count>>>;
  /** A configured time limit, counted from the last step of either side: the answer comes then, not before. Default 0: at once. */
  readonly limitMs?: number;
  /** Within how long after that it comes; default: what check-row.ts says. */
  readonly withinMs?: number;
  /** How long the client's connection stays open after the answer when `client` is `closed`. Default 0. */
  readonly lingersMs?: number;
  /** The proxy gives up the client's connection by itself, within this time after the answer, though the client does nothing. */
  readonly releasedWithinMs?: number;
}

export type GaugeName =
  | "connections_open"
  | "exchanges_in_flight"
  | "upstream_connections_open"
  | "tunnels_open"
  | "in_flight_at_endpoints";

export interface Scene {
  readonly client: ScriptedClient;
  /** The process that the proxy runs in. */
  readonly pid: number;
  readonly origin: ScriptedOrigin;
  readonly second: ScriptedOrigin;
  /** The row's path. */
  readonly path: string;
  /** A GET of the row's path with further field lines. */
  get(fields?: readonly string[]): string;
  /** A request head of the row's path, ended by the empty line. */
  head(method: string, fields: readonly string[], version?: string): string;
  /** The deciding event is now. */
  decide(): void;
  /**
   * Waits until a gauge of the scrape has that value; connections to origins count while connecting and idle too, and `in_flight_at_endpoints`
   * is the sum over all of them.
   */
  gauge(name: GaugeName, value: number): Promise<void>;
  /** Waits until the row's request has reached the origin; its connection. */
  reached(): Promise<OriginConnection>;
}

export interface Row {
  /** What is broken; unique within its theme. */
  readonly name: string;
  /** In the order of the file; default: the origin alone. */
  readonly endpoints?: readonly EndpointName[];
  /** `timeouts` of the row's upstream, as YAML without braces; those not named are long. */
  readonly timeouts?: string;
  /** `tls` of the row's upstream where its endpoints speak TLS, as YAML without braces; default: it trusts their authority. */
  readonly upstreamTls?: string;
  /** `retries` of the row's upstream. */
  readonly retries?: number;
  /** `max_body` of the row's route. */
  readonly maxBody?: number;
  /** Further keys of the row's route, as YAML without braces. */
  readonly route?: string;
  /** What the row's route has in the place of `upstream`, as YAML without braces: an answer of the proxy's own, or a `split` with the row's upstream. */
  readonly end?: string | ((upstream: string) => string);
  /** Where copies of the row's requests go: `mirror` of its route, to an upstream of its own. */
  readonly mirror?: EndpointName;
  /** The folder that the row's route serves, in the place of an upstream. Whatever the path, it is `file` in it. */
  readonly folder?: string;
  /** The client writes the file itself. Its name is the port of the scene's origin, because several themes play a row at the same time. */
  readonly writesFile?: true;
  /** By which listener the client comes; default: the one with long limits. */
  readonly listener?: ListenerName;
  /** A plain request on the same connection goes before, so the row's request meets a pooled connection to the origin. */
  readonly warm?: boolean;
  /** What the origin does; default: 200 `ok`. */
  readonly origin?: (request: OriginRequest, scene: Scene) => void | Promise<void>;
  readonly onAccept?: OriginScript["onAccept"];
  /** What the client does; default: a GET. */
  readonly client?: (scene: Scene) => void | Promise<void>;
  /** The request is a HEAD: its answer has no body. */
  readonly toHead?: boolean;
  readonly expect: Expectation;
  /** Further checks of the row's own, after its answer. */
  readonly also?: (scene: Scene) => void | Promise<void>;
  /** Reason for which the row cannot run here. */
  readonly skip?: string | false;
  /** A stream of Node's closes its socket when a write fails, so what the peer had said before cannot be relayed. */
  readonly beyondStreams?: true;
  /**
   * Over TLS on streams of Node's: a connection can be closed without close_notify but not reset, which Node's own client takes for an end; and a reset that
   * a write of Node's own has met is told as an end, and the limit for half-closed clients ends the exchange.
   */
  readonly beyondTlsStreams?: true;
  /** Where the client comes through a program that embeds the proxy: what is different there, or why the row cannot run. Default: nothing. */
  readonly throughHost?: HostRow;
  /** Why the row cannot run where that program hands its requests to `proxy.fetch`. */
  readonly notByFetch?: string;
}

/** What differs of the expectation, and of the further checks. */
export type HostRow = { readonly expect: Partial<Expectation>; readonly also?: NonNullable<Row["also"]> } | { readonly leftOut: string };

/** `200` with the body `ok`, what a request gets when nothing is wrong. */
export const SERVED = { status: 200, body: "ok" } as const;

/** The proxy's own answer to a request that it took whole, so the client's connection goes on; the origin's was of no use. */
export function failed(
  status: number,
  error: string,
  outcome: string,
  counters: NonNullable<Expectation["counters"]>,
  origin: Expectation["origin"] = "closed",
): Expectation {
  return { answer: { status, error }, log: { status, outcome }, client: "open", origin, counters };
}

/** The response began, and then could not be completed. */
export function cut(outcome: string, body: string, counters: NonNullable<Expectation["counters"]>): Expectation {
  return { answer: { status: 200, cut: body }, log: { status: 200, outcome }, client: "closed", origin: "closed", counters };
}

/** The response came whole. */
export function served(body: string | RegExp = "ok", origin: Expectation["origin"] = "reused"): Expectation {
  return { answer: { status: 200, body }, log: { status: 200, outcome: "completed" }, client: "open", origin };
}

/**
 * Through a program: a request that was answered before it was complete. Node has no way to end the output of a connection alone, so the proxy waits
 * for the rest of the request, for a limited time, and then has the connection closed.
 */
export const LINGERS: HostRow = { expect: { client: "lingers" } };

/** Through a program: an upgrade that is refused, or fails, ends the connection, which Node no longer reads requests from. */
export const ENDS: HostRow = { expect: { client: "closed" } };

/** Through a program: no request comes of it. */
export const NO_REQUEST: HostRow = { leftOut: "Node's own parser refuses it or waits for its end, so the proxy gets no request" };

/** Through a program: a client that half-closes. Node ends the whole connection then. */
export const NODE_ENDS: HostRow = {
  expect: {
    answer: "nothing",
    log: { status: 499, outcome: "client_gone" },
    client: "closed",
    origin: "closed",
    counters: { client_aborts: 1 },
  },
};

/** Limits of a listener in milliseconds. `steady` is for clients that go on within it, however busy the machine is. */
export const LISTENERS = { patient: 6000, hasty: 200, steady: 800 } as const;
export type ListenerName = keyof typeof LISTENERS;
