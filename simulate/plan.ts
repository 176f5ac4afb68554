/**
 * The plan of a run: what its clients and endpoints do, and when reloads and drains come. It is drawn from a seed and is plain data, so that
 * parts of it can be left out to find the shortest plan that still fails.
 */
import { Draw, seedOf } from "./draw.ts";
import { EDIT_ROUTES } from "./edits.ts";
import { IDENTITY_ROUTES, drawShown } from "./identities.ts";
import type { Shown } from "./identities.ts";
import { drawIntroduction, namesNobody } from "./introductions.ts";
import type { Introduction } from "./introductions.ts";
import { PATTERN_SETS, drawPatternPath } from "./patterns.ts";
import type { PatternPath } from "./patterns.ts";
import { combinationOf } from "./run-seed.ts";

/** What a run has in addition to plain routes on one listener. */
export interface Parts {
  /** Whether endpoints are probed. */
  readonly health: boolean;
  /** Whether there are several listeners, with settings of their own. */
  readonly listeners: boolean;
  /** Whether there are routes with features and with the simulation's own middleware. */
  readonly middleware: boolean;
  /** Whether some clients come through a program that the proxy is embedded in. */
  readonly program: boolean;
  /** Whether routes hold bodies for slow clients. */
  readonly buffers: boolean;
  /** Whether some routes send copies of requests to another upstream. */
  readonly mirrors: boolean;
  /** Whether there are routes that edit messages, answer by themselves, or keep clients away. */
  readonly edits: boolean;
  /** Whether some endpoints are told of clients by the PROXY protocol. */
  readonly announced: boolean;
  /** Which set of routes with regular expressions there is; 0: none. */
  readonly patterns: number;
  /** Whether what is logged differs between routes and configurations, and clients bring what the log may show. */
  readonly logged: boolean;
  /** Whether there are load balancers in front of the first two listeners. */
  readonly introduced: boolean;
  /** Whether there are routes that let in whom they know, and tell endpoints who that is. */
  readonly identified: boolean;
}

/** The three plain routes, those that only runs with middleware have, those of edits.ts and identities.ts, and one that stands for all of patterns.ts. */
export type RouteName =
  | "a"
  | "b"
  | "small"
  | "cors"
  | "tokens"
  | "limited"
  | "hooked"
  | "all"
  | "again"
  | "held"
  | "parted"
  | "files"
  | "paged"
  | "edited"
  | "moved"
  | "said"
  | "closed"
  | "kept"
  | "known"
  | "admins"
  | "patterned";

/** The fields of a request that features of routes read. */
export interface Saying {
  /** The CORS origin; "" for none. */
  readonly origin: string;
  /** Whether the request is a CORS preflight. */
  readonly isPreflight: boolean;
  readonly token: string;
  /** Whether the token stands in X-API-Key instead of Authorization. */
  readonly isApiKey: boolean;
  /** Whether there is a field whose name has an underscore. */
  readonly hasUnsafeName: boolean;
  /** Values of X-Request-Id, each in a line of its own. */
  readonly requestIds: readonly string[];
  /** Null: nothing. */
  readonly shown: Shown | null;
}

export interface RequestPlan extends Saying {
  /** Unique in the run. */
  readonly id: number;
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS";
  readonly route: RouteName;
  /** Null: the path is made of route and id. */
  readonly path: PatternPath | null;
  readonly framing: "none" | "length" | "chunked";
  readonly bodyBytes: number;
  readonly chunkBytes: number;
  /** Whether a chunked body ends with a chunk whose size is not a number. */
  readonly isMalformed: boolean;
  /** Whether the request has `Expect: 100-continue`. */
  readonly expects: boolean;
  /** Whether the request has `Connection: close`. */
  readonly closes: boolean;
  /** Whether the request is HTTP/1.0: the connection's last, and a response without a length ends with the connection. */
  readonly isOld: boolean;
  /** How many bytes the client sends over the WebSocket that the request asks for; -1: it asks for none. */
  readonly tunnelBytes: number;
}

/** How a client ends before everything is answered: after it has sent `atSent` or received `atReceived` bytes, whichever comes first. */
export interface ClientFate {
  readonly kind: "patient" | "resets" | "closes" | "half-closes" | "stops-sending" | "stops-reading";
  readonly atSent: number;
  readonly atReceived: number;
}

/** A client's address, and where it connects to. */
export interface Place {
  /** Address of the listener that it connects to. */
  readonly listener: string;
  readonly address: string;
  /** Whether it connects to the program that the proxy is embedded in, which has the settings of the first listener. */
  readonly isOfProgram: boolean;
  /** What a load balancer says of the client; null: there is no load balancer. */
  readonly introduction: Introduction | null;
  /** The value of X-Forwarded-For; "" for none. */
  readonly forwardedFor: string;
  /** How long the client waits after a response before it sends the next request. */
  readonly restMs: number;
}

export interface ClientPlan extends Place {
  readonly startMs: number;
  readonly requests: readonly RequestPlan[];
  /** How many requests the client sends before the first of them is answered. */
  readonly ahead: number;
  readonly pieceBytes: number;
  readonly pieceEveryMs: number;
  /** How long reading pauses after each of the first reads; 0: not at all. */
  readonly readPauseMs: number;
  readonly fate: ClientFate;
  /** Bytes sent after the last request; "" for none. */
  readonly garbage: string;
}

/** What an endpoint does with one request. */
export interface AnswerPlan {
  readonly status: number;
  readonly interim: readonly number[];
  readonly delayMs: number;
  /** How long reading pauses after each of the first reads of the request; 0: not at all. */
  readonly readPauseMs: number;
  /** Whether the answer begins before the request is complete. */
  readonly isEarly: boolean;
  readonly framing: "length" | "chunked" | "close";
  readonly bytes: number;
  readonly pieceBytes: number;
  readonly pieceEveryMs: number;
  /** How the answer ends after `endAt` bytes, its head included. */
  readonly ending: "whole" | "reset" | "close" | "stall" | "malformed";
  readonly endAt: number;
  /** What the endpoint does after a complete answer. */
  readonly after: "keep" | "close" | "says-close" | "extra" | "line-end" | "dies-idle";
}

/** Something that happens to the proxy or to an endpoint. */
export interface Event {
  readonly atMs: number;
  /** `refuse`, `accept` and `silent`: how an endpoint treats connects. `sick` and `well`: how it answers probes. */
  readonly kind: "reload" | "drain" | "refuse" | "accept" | "silent" | "sick" | "well";
  /** The endpoint that the event is about, if it is about one. */
  readonly endpoint: number;
}

export interface Plan {
  readonly seed: number;
  readonly parts: Parts;
  readonly clients: readonly ClientPlan[];
  readonly events: readonly Event[];
  /** How many bytes the system takes for a receiver that does not read. */
  readonly receiveBytes: number;
}

export const ENDPOINTS = 4;
/** Addresses of listeners. The first one is always there; of the last two only one at a time. */
export const LISTENERS = ["127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:82", "127.0.0.1:83"] as const;
/** CORS origins: two that are allowed, and one that is not. */
export const ORIGINS = ["https://app.sim.test", "https://other.sim.test", "https://elsewhere.test"] as const;
/** Tokens: the first is always valid, the second in all configurations but one. */
export const TOKENS = ["first-token", "second-token"] as const;
/** The greatest request body that the route `small` lets pass, in bytes. */
export const SMALL_BODY_MAX = 2048;
const CLIENTS_MAX = 60;
/** The most clients in some runs: more than a turn's batch of writes has room for. */
const CROWD_MAX = 400;
const REQUESTS_MAX = 12;
const BODY_MAX = 400_000;
const START_MS_MAX = 4000;
/** Longer than some listeners let a connection idle. */
const REST_MS_MAX = 6000;
/** The most pieces of one message that is sent slowly, so that a run comes to an end. */
const PIECES_MAX = 50;

/** The plan that follows from the seed. */
export function drawPlan(seed: number): Plan {
  const draw = new Draw(seed);
  const parts = drawParts(seed);
  let id = 1;
  // One in this many things goes wrong. In easy runs almost nothing does, so that states are reached that need a long time without a fault.
  const misfits = draw.pick(2, 4, 12, 40);
  const clients = Array.from({ length: draw.between(1, draw.oneIn(20) ? CROWD_MAX : CLIENTS_MAX) }, (_, index): ClientPlan => {
    const requests = Array.from({ length: draw.between(1, REQUESTS_MAX) }, () =>
      drawFurther(seed, drawAnswered(seed, drawSaying(seed, drawRequest(draw, id++, misfits), parts), parts), parts),
    );
    const place = drawPlace(seed, index, parts);
    // Drawn in any case, so that what follows stays the same. A program hands upgrades over to the driver of HTTP/1.
    const isLastUpgrade = draw.oneIn(8) && !place.isOfProgram;
    if (isLastUpgrade) requests.push(drawFurther(seed, drawSaying(seed, upgradeRequest(draw, id++), parts), parts));
    const isSlow = draw.oneIn(misfits);
    return {
      ...place,
      startMs: draw.oneIn(3) ? 0 : draw.between(0, START_MS_MAX),
      requests,
      ahead: draw.oneIn(4) ? draw.between(2, 6) : 1,
      pieceBytes: draw.oneIn(3) ? Math.max(1 + draw.size(5000), Math.ceil(BODY_MAX / (isSlow ? PIECES_MAX : 1000))) : 1 << 20,
      pieceEveryMs: isSlow ? draw.between(1, 800) : 0,
      readPauseMs: draw.oneIn(misfits) ? draw.between(1, 2000) : 0,
      fate: drawFate(draw, misfits),
      garbage:
        !isLastUpgrade && draw.oneIn(misfits)
          ? draw.pick("no request\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET /a/0 HTT", "\0\0\0", "\r\n\r\n")
          : "",
    };
  });
  const events = Array.from({ length: draw.oneIn(2) ? draw.between(1, 6) : 0 }, (): Event => {
    return {
      atMs: draw.between(1, START_MS_MAX + 2000),
      kind: draw.pick("reload", "reload", "refuse", "accept", "silent", "drain"),
      endpoint: draw.between(0, ENDPOINTS - 1),
    };
  });
  const receiveBytes = draw.pick(2000, 16_384, 65_536, 262_144);
  return { seed, parts, clients, events: [...events, ...drawMoreEvents(seed, parts)], receiveBytes };
}

// The following parts are drawn with seeds of their own, so that they do not change what a seed draws above.

const Part = {
  parts: -2,
  place: -3,
  saying: -4,
  events: -5,
  program: -6,
  answered: -7,
  edits: -8,
  patterns: -20,
  logged: -21,
  introduced: -22,
  identified: -23,
} as const;

/** What a run has in addition to plain routes. */
export function drawParts(seed: number): Parts {
  const draw = new Draw(seedOf(combinationOf(seed), Part.parts));
  return {
    health: draw.oneIn(2),
    listeners: draw.oneIn(2),
    middleware: draw.oneIn(2),
    program: draw.oneIn(5),
    buffers: draw.oneIn(4),
    mirrors: draw.oneIn(4),
    edits: draw.oneIn(4),
    announced: draw.oneIn(4),
    patterns: draw.oneIn(4) ? draw.between(1, PATTERN_SETS) : 0,
    logged: draw.oneIn(4),
    introduced: draw.oneIn(4),
    identified: draw.oneIn(4),
  };
}

const PLAIN_PLACE: Place = {
  listener: LISTENERS[0],
  address: "192.0.2.1",
  isOfProgram: false,
  introduction: null,
  forwardedFor: "",
  restMs: 0,
};

function drawPlace(seed: number, client: number, parts: Parts): Place {
  const place = parts.listeners ? drawListenerPlace(seed, client) : PLAIN_PLACE;
  const isOfProgram = parts.program && new Draw(seedOf(seedOf(seed, Part.program), client)).oneIn(2);
  if (isOfProgram) return { ...place, listener: LISTENERS[0], isOfProgram };
  const isBehind = parts.introduced && (place.listener === LISTENERS[0] || place.listener === LISTENERS[1]);
  if (!isBehind) return place;
  const draw = new Draw(seedOf(seedOf(seed, Part.introduced), client));
  const introduction = drawIntroduction(draw, client);
  // Few addresses where the limit on one client's connections is low, so that it is reached.
  const address = place.listener === LISTENERS[1] ? draw.pick("192.0.2.1", "198.51.100.7") : place.address;
  return { ...place, introduction, address: namesNobody(introduction) ? introduction.sender : address };
}

function drawListenerPlace(seed: number, client: number): Place {
  const draw = new Draw(seedOf(seedOf(seed, Part.place), client));
  return {
    listener: draw.pick(LISTENERS[0], LISTENERS[0], LISTENERS[1], LISTENERS[2], LISTENERS[2], LISTENERS[3]),
    address: draw.pick("192.0.2.1", "192.0.2.2", "10.0.0.1", "10.0.0.2", "198.51.100.7"),
    isOfProgram: false,
    introduction: null,
    forwardedFor: draw.oneIn(2) ? draw.pick("203.0.113.5", "203.0.113.6, 10.0.0.9", "nobody", "203.0.113.7, 192.0.2.9") : "",
    restMs: draw.oneIn(3) ? draw.size(REST_MS_MAX) : 0,
  };
}

const SAYS_NOTHING: Saying = {
  origin: "",
  isPreflight: false,
  token: "",
  isApiKey: false,
  hasUnsafeName: false,
  requestIds: [],
  shown: null,
};

/** In runs with middleware, sends some requests to routes with features, with the fields that these read. */
function drawSaying(seed: number, asked: RequestPlan, { middleware, listeners, logged }: Parts): RequestPlan {
  const request = logged ? { ...asked, requestIds: toldIds(seed, asked.id) } : asked;
  if (!middleware && !listeners) return request;
  const draw = new Draw(seedOf(seedOf(seed, Part.saying), request.id));
  const hasUnsafeName = listeners && draw.oneIn(6);
  if (!middleware || draw.oneIn(3)) return { ...request, hasUnsafeName };
  const route: RouteName = draw.pick("cors", "tokens", "limited", "hooked", "hooked", "all", "again", "again", "held", "parted");
  const said = {
    hasUnsafeName,
    route,
    origin: draw.oneIn(3) ? "" : draw.pick(...ORIGINS),
    token: draw.oneIn(5) ? "" : draw.pick(TOKENS[0], TOKENS[0], TOKENS[0], TOKENS[1], "wrong"),
    isApiKey: draw.oneIn(3),
  };
  const asksFirst = (route === "cors" || route === "all") && said.origin !== "" && request.tunnelBytes < 0 && draw.oneIn(4);
  if (!asksFirst) return { ...request, ...said };
  return { ...request, ...said, method: "OPTIONS", framing: "none", bodyBytes: 0, isMalformed: false, expects: false, isPreflight: true };
}

function toldIds(seed: number, id: number): readonly string[] {
  const draw = new Draw(seedOf(seedOf(seed, Part.logged), id));
  const told = `told-${id}`;
  return draw.pick([], [], [told], [told], [told, "another"], [`no id ${id}`], [""]);
}

/** In runs with middleware, sends some of the other requests to files, and to a route whose errors have pages. */
function drawAnswered(seed: number, request: RequestPlan, { middleware }: Parts): RequestPlan {
  if (!middleware || request.tunnelBytes >= 0 || request.isPreflight) return request;
  const draw = new Draw(seedOf(seedOf(seed, Part.answered), request.id));
  return draw.oneIn(8) ? { ...request, route: draw.pick("files", "files", "paged"), origin: "", token: "" } : request;
}

/** Sends some of the plain requests to routes that only some runs have. */
function drawFurther(seed: number, request: RequestPlan, parts: Parts): RequestPlan {
  return drawIdentified(seed, drawPatterned(seed, drawEdited(seed, request, parts), parts), parts);
}

/** In runs with such routes, sends some of the plain requests to those of edits.ts. */
function drawEdited(seed: number, request: RequestPlan, { edits }: Parts): RequestPlan {
  if (!edits || !PLAIN_ROUTES.has(request.route)) return request;
  const draw = new Draw(seedOf(seedOf(seed, Part.edits), request.id));
  return draw.oneIn(2) ? { ...request, route: draw.pick(...EDIT_ROUTES) } : request;
}

/** In runs with such routes, sends most of the plain requests to those of patterns.ts. */
function drawPatterned(seed: number, request: RequestPlan, { patterns }: Parts): RequestPlan {
  if (patterns === 0 || !PLAIN_ROUTES.has(request.route)) return request;
  const draw = new Draw(seedOf(seedOf(seed, Part.patterns), request.id));
  return draw.oneIn(4) ? request : { ...request, route: "patterned", path: drawPatternPath(draw, patterns, request.id) };
}

/** In runs with such routes, sends some of the plain requests to those of identities.ts. On all routes clients claim to be somebody. */
function drawIdentified(seed: number, request: RequestPlan, { identified }: Parts): RequestPlan {
  if (!identified) return request;
  const draw = new Draw(seedOf(seedOf(seed, Part.identified), request.id));
  const shown = drawShown(draw);
  return PLAIN_ROUTES.has(request.route) && draw.oneIn(2)
    ? { ...request, shown, route: draw.pick(...IDENTITY_ROUTES) }
    : { ...request, shown };
}

const PLAIN_ROUTES: ReadonlySet<RouteName> = new Set(["a", "b", "small"]);

function drawMoreEvents(seed: number, parts: Parts): Event[] {
  const { health, listeners, middleware, edits, patterns, introduced, identified } = parts;
  const draw = new Draw(seedOf(seed, Part.events));
  const atMs = (): number => draw.between(1, START_MS_MAX + 2000);
  const endpoint = (): number => draw.between(0, ENDPOINTS - 1);
  const sick = Array.from({ length: health ? draw.between(0, 8) : 0 }, (): Event => {
    return { atMs: atMs(), kind: draw.pick("sick", "sick", "well", "refuse", "accept"), endpoint: endpoint() };
  });
  const reloads = Array.from(
    { length: listeners || middleware || edits || patterns > 0 || introduced || identified ? draw.between(0, 2) : 0 },
    (): Event => {
      return { atMs: atMs(), kind: "reload", endpoint: 0 };
    },
  );
  return [...sick, ...reloads];
}

function drawRequest(draw: Draw, id: number, misfits: number): RequestPlan {
  const method = draw.pick("GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE");
  const framing = method === "GET" || method === "HEAD" ? "none" : draw.pick("none", "length", "chunked", "chunked");
  return {
    ...SAYS_NOTHING,
    id,
    method,
    route: draw.pick("a", "a", "b", "small"),
    path: null,
    framing,
    bodyBytes: framing === "none" ? 0 : drawBodyBytes(draw),
    chunkBytes: 1 + draw.size(draw.pick(20, 10_000, BODY_MAX)),
    isMalformed: framing === "chunked" && draw.oneIn(misfits),
    expects: framing !== "none" && draw.oneIn(8),
    closes: draw.oneIn(20),
    isOld: framing !== "chunked" && draw.oneIn(30),
    tunnelBytes: -1,
  };
}

function upgradeRequest(draw: Draw, id: number): RequestPlan {
  return {
    ...SAYS_NOTHING,
    id,
    method: "GET",
    route: draw.pick("a", "b"),
    path: null,
    framing: "none",
    bodyBytes: 0,
    chunkBytes: 1,
    isMalformed: false,
    expects: false,
    closes: false,
    isOld: false,
    tunnelBytes: drawBodyBytes(draw),
  };
}

/** A body's length: mostly small; some need the larger read buffers. */
function drawBodyBytes(draw: Draw): number {
  return draw.oneIn(10) ? draw.between(BODY_MAX / 8, BODY_MAX) : draw.size(BODY_MAX);
}

function drawFate(draw: Draw, misfits: number): ClientFate {
  if (!draw.oneIn(misfits)) return { kind: "patient", atSent: Infinity, atReceived: Infinity };
  const kind = draw.pick("resets", "closes", "half-closes", "half-closes", "stops-sending", "stops-reading");
  return { kind, atSent: draw.oneIn(2) ? draw.size(BODY_MAX) : Infinity, atReceived: draw.size(BODY_MAX) };
}

/** The target of the request. */
export function targetOf({ id, route, path }: RequestPlan): string {
  return path === null ? `/${route}/${id}` : path.spelled + path.query;
}

/** The id of the request that a path belongs to; 0 if it is not one of the plan. */
export function idOf(path: string): number {
  return Number(/^\/.+\/([1-9]\d*)$/.exec(path)?.[1] ?? 0);
}

/** The owner of the body that an endpoint sends when it gets request `id` the `time`-th time. */
export function ownerOfAnswer(id: number, time: number): number {
  return id * 16 + time + 1;
}

/** The owner of a request's body. */
export function ownerOfRequest(id: number): number {
  return -id;
}

/** The owner of the bytes that a client sends through a tunnel. */
export function ownerOfTunnel(id: number): number {
  return -id - 1_000_000;
}

/** What an endpoint does with request `id`, when it comes the `time`-th time. */
export function answerTo(seed: number, id: number, time: number): AnswerPlan {
  const draw = new Draw(seedOf(seedOf(seed, id), time));
  const misfits = draw.pick(3, 10, 50);
  const bytes = drawBodyBytes(draw);
  const isEarly = draw.oneIn(6);
  const ending = draw.oneIn(misfits) ? draw.pick("reset", "close", "stall", "malformed") : "whole";
  return {
    status: draw.oneIn(10) ? draw.pick(204, 304, 404, 500) : 200,
    interim: draw.oneIn(10) ? draw.pick([100], [103], [102, 103], [100, 103]) : [],
    delayMs: draw.oneIn(3) ? draw.size(draw.oneIn(misfits) ? 6000 : 200) : 0,
    // After an early answer the next request may come while this one is still being read. Its time counts from then on, so the pause is short.
    readPauseMs: draw.oneIn(misfits) ? draw.between(1, isEarly ? 100 : 300) : 0,
    isEarly,
    framing: draw.pick("length", "length", "chunked", "close"),
    bytes,
    pieceBytes: draw.oneIn(2) ? Math.max(1 + draw.size(20_000), Math.ceil(bytes / PIECES_MAX)) : 1 << 20,
    pieceEveryMs: draw.oneIn(misfits) ? draw.between(1, 400) : 0,
    ending,
    // Garbage within a body would be part of the body.
    endAt: ending === "malformed" ? 0 : draw.size(BODY_MAX),
    after: draw.oneIn(5) ? draw.pick("close", "says-close", "extra", "line-end", "dies-idle") : "keep",
  };
}
