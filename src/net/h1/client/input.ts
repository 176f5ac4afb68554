/**
 * What comes from the client: heads, bodies, and what is held back of them. While an exchange runs and its request is complete the socket stays
 * readable, which costs no system call and shows a client that leaves; bytes of a next request that arrive meanwhile are held, and when they
 * are many, reading pauses.
 */
import { Buffer } from "node:buffer";
import { connectionOptions } from "../../../http/connection-options.ts";
import { DEFAULT_LIMITS } from "../../../http1/limits.ts";
import { Event } from "../../../http1/message-reader.ts";
import { RequestReader } from "../../../http1/request-reader.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import { Exchange } from "../../../proxy/exchange/exchange.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import { ReadTarget } from "../../buffers/read-target.ts";
import { BodyMode } from "../response-writer.ts";
import { asksForWebSocket } from "../websocket-handshake.ts";
import type { ClientConnection } from "./client-connection.ts";
import { SAID_BY_PROXIES, behindProxy, hiddenOf } from "./client-facts.ts";
import { Deadline, Input, State } from "./client-state.ts";
import { Way, end, endAfter, endsBody, refuse } from "./ending.ts";
import { watchHalfClosed } from "./half-closed.ts";
import { refusal } from "./refusal.ts";

/** Body bytes of a refused request that are read and thrown away so that the connection can go on, or the client sees its answer. */
export const DISCARD_BYTES_MAX: number = 64 * 1024;
/** How long they may take. */
const DISCARD_MS = 2000;
/** Bytes that are read and thrown away while a connection ends. */
const LINGER_BYTES_MAX = 32 * 1024 * 1024;
/** Bytes held for an exchange that cannot take them yet, or for the next ones; with these the socket is read no more. */
const HELD_BYTES_MAX = 32 * 1024;
/** How long an idle connection waits for a last request once its listener drains. */
const DRAIN_IDLE_MS = 500;
/** After this an idle connection is one of many that will be idle for long: it gives back its reader, with what that knows of its last request. */
const SETTLE_MS = 1000;
/** The same after the first request of a while, of which the reader knows nothing: of many clients that ask now and then, few hold a reader. */
const SETTLE_SOON_MS = 50;

/** Of connections that are not being asked anything. */
export const NO_READER: RequestReader = new RequestReader(DEFAULT_LIMITS);

// ---- reading --------------------------------------------------------------------------------------------------------

/** `count` bytes were read into `buffer`. */
export function onRead(connection: ClientConnection, buffer: Buffer, count: number): void {
  const { state, context, tunnel } = connection;
  switch (state) {
    case State.tunnel:
      tunnel?.received(tunnel.downstream, buffer, count);
      return afterRead(connection, count, true, tunnel?.flowing(tunnel.downstream) === true);
    case State.ending:
      connection.discarded += count;
      if (connection.discarded > LINGER_BYTES_MAX) end(connection, Way.atOnce);
      return;
    case State.closed:
      return;
    default:
  }
  connection.pipelined = 0;
  if (connection.held !== null) return hold(connection, Buffer.concat([connection.held, buffer.subarray(0, count)]));
  if (connection.configured !== context.config && state === State.idle) connection.reconfigure();
  if (connection.reader === NO_READER) connection.reader = context.takeReader();
  connection.reader.feed(buffer, 0, count, buffer === sharedBuffer);
  readOn(connection);
  afterRead(connection, count, isReceiving(connection), !isRequestBlocked(connection));
}

/** A question of its own, as the compiler does not see that reading changes the state. */
function isReceiving({ state }: ClientConnection): boolean {
  return state === State.receiving;
}

/** An unfinished write to the endpoint refers to what was read last. */
export function isRequestBlocked({ exchange }: ClientConnection): boolean {
  return exchange !== null && exchange.requestBlocked;
}

function afterRead(connection: ClientConnection, count: number, goesOn: boolean, isTaken: boolean): void {
  if (goesOn) connection.reads ??= new ReadTarget(connection, connection.thread.bulk, false);
  connection.reads?.after(count, goesOn, isTaken);
}

/** Reads what the reader was fed, for as long as something can be done with it. */
function readOn(connection: ClientConnection): void {
  connection.isProcessing = true;
  while (step(connection));
  connection.isProcessing = false;
  connection.exchange?.requestFlush();
  connection.thread.chunk.closeAny();
}

/** One step of reading; false: wait. */
function step(connection: ClientConnection): boolean {
  switch (connection.state) {
    case State.idle:
    case State.head:
      return readHead(connection);
    case State.receiving:
      return readBody(connection);
    case State.answering:
      return holdNext(connection);
    case State.discarding:
      return discardBody(connection);
    default:
      return false;
  }
}

/** Holds the bytes, for now. Reading goes on for a while: only a socket that is read tells that its client is gone. */
function hold(connection: ClientConnection, bytes: Buffer): void {
  connection.held = bytes;
  if (bytes.length >= HELD_BYTES_MAX) connection.pauseReading();
}

/** Goes on with what is held, then with the socket. */
export function proceed(connection: ClientConnection): void {
  const { held } = connection;
  if (held !== null) {
    connection.held = null;
    connection.pace.goesOn(connection.thread.now);
    connection.reader.feed(held, 0, held.length);
  }
  readOn(connection);
  if (connection.held !== null || isRequestBlocked(connection) || !mayRead(connection)) return;
  connection.resumeReading();
}

function mayRead({ state, outlet }: ClientConnection): boolean {
  if (state === State.idle || state === State.head) return !outlet.blocked;
  return state !== State.closed;
}

// ---- the head of a request ------------------------------------------------------------------------------------------

function readHead(connection: ClientConnection): boolean {
  const { reader } = connection;
  // A client that asks on but does not take its responses gets no further ones made: they would pile up here.
  if (connection.outlet.blocked) {
    if (reader.hasRest) hold(connection, reader.takeRest());
    else connection.pauseReading();
    return false;
  }
  switch (reader.next()) {
    case Event.head:
      beginExchange(connection);
      return true;
    case Event.needMore:
      if (connection.state === State.idle && reader.insideHead) beginHead(connection);
      if (connection.input === Input.ended) inputDone(connection);
      return false;
    default:
      refuse(connection, refusal(reader.fault));
      return false;
  }
}

function beginHead(connection: ClientConnection): void {
  const { thread, context } = connection;
  connection.enter(State.head);
  connection.headStartedAt = thread.now;
  // For the first request the time counts from the connection on.
  const isFirst = connection.requests === 0 && !context.draining;
  connection.headDueTick = isFirst ? connection.dueTick : thread.deadlines.tickOf(thread.now + context.config.timeouts.request_head);
  connection.setDeadlineTick(Deadline.head, connection.headDueTick);
}

/** The client was not read for a while, for it did not take its responses. What it sent meanwhile may be the rest of the head. */
export function waitOnForHead(connection: ClientConnection): void {
  const { deadlines, now } = connection.thread;
  connection.setDeadlineTick(Deadline.head, Math.max(connection.headDueTick, deadlines.tickOf(now + SETTLE_MS)));
}

function beginExchange(connection: ClientConnection): void {
  const { context, reader, thread, peer, peerTrusted } = connection;
  const { head } = reader;
  const { now } = thread;
  const options = connectionOptions(head);
  const length = reader.framing.bodyLength;
  const startedAt = connection.headStartedAt === 0 ? now : connection.headStartedAt;
  connection.headStartedAt = 0;
  connection.enter(length === 0 ? State.answering : State.receiving);
  // RFC 9112 section 9.3: a proxy does not keep an HTTP/1.0 connection alive on the client's word.
  connection.isLast = options.close || head.version === "1.0" || context.draining;
  const { requests_per_connection: requestsMax, pipelined_requests: pipelinedMax } = context.config.limits;
  if (++connection.requests >= requestsMax || ++connection.pipelined >= pipelinedMax) connection.isLast = true;
  head.hidden = hiddenOf(peerTrusted, context);
  if (!peerTrusted && (head.present & SAID_BY_PROXIES) !== 0) context.notices.onForwarding(peer, context.config);
  const facts = peerTrusted ? behindProxy(head, connection.direct, context) : connection.direct;
  const upgrade = options.upgrade && asksForWebSocket(head);
  const exchange = new Exchange(thread, connection, head, length, options, facts, upgrade, startedAt);
  connection.exchange = exchange;
  if (length === 0) {
    reader.next();
    connection.cancelDeadline();
  } else {
    connection.pace.begin(now);
    setBodyDeadline(connection);
  }
  exchange.begin();
}

// ---- the body of a request ------------------------------------------------------------------------------------------

/** Hands body bytes to the exchange. */
function readBody(connection: ClientConnection): boolean {
  const { reader, exchange, thread } = connection;
  if (exchange === null) return false;
  if (!exchange.takesBody) {
    if (reader.hasRest) hold(connection, reader.takeRest());
    // The reader keeps what has come of an unfinished line, however much that is: no more until the line can be read.
    else if (reader.insideLine) connection.pauseReading();
    return false;
  }
  switch (reader.next()) {
    case Event.data:
      connection.pace.add(reader.dataEnd - reader.dataStart, thread.now);
      exchange.requestData(reader.bytes, reader.dataStart, reader.dataEnd);
      return true;
    case Event.end:
      // While a response waits for its client, the deadline is for taking it.
      if (connection.deadline !== Deadline.taking) connection.cancelDeadline();
      connection.enter(State.answering);
      exchange.requestEnd(reader.trailers);
      exchange.requestFlush();
      return true;
    case Event.fault:
      exchange.requestMalformed(refusal(reader.fault));
      return false;
    default:
      if (connection.input === Input.ended) inputDone(connection);
      return connection.state === State.discarding;
  }
}

export function setBodyDeadline(connection: ClientConnection): void {
  const { thread, context, pace } = connection;
  connection.setDeadline(Deadline.body, pace.nextCheckMs(thread.now, context.config.timeouts.idle));
}

/** Ends an exchange whose request's body comes too slowly. */
export function checkBodyPace(connection: ClientConnection): void {
  const { exchange, thread, context } = connection;
  if (exchange === null) return;
  const { timeouts, limits } = context.config;
  // In a dialogue each side may wait for the other's next word.
  const rate = exchange.responseStarted ? 0 : limits.body_rate;
  // A client cannot be blamed for sending nothing while nobody takes its body, or while it waits for the 100 that it asked for.
  const isExcused = connection.input === Input.paused || !exchange.takesBody || exchange.awaitsContinue;
  if (!connection.pace.tooSlow(thread.now, timeouts.idle, rate, isExcused)) return setBodyDeadline(connection);
  thread.metrics.add(CounterId.request_timeouts, 1);
  connection.isLast = true;
  exchange.requestFailed(answers.REQUEST_TIMEOUT);
}

/** What came after a request waits until that is answered. */
function holdNext(connection: ClientConnection): boolean {
  const { reader, exchange } = connection;
  if (reader.hasRest) hold(connection, reader.takeRest());
  if (connection.input === Input.ended && exchange !== null) watchHalfClosed(connection, exchange);
  return false;
}

/** After an early answer: reads what is left of the request's body. */
function discardBody(connection: ClientConnection): boolean {
  const { reader } = connection;
  switch (reader.next()) {
    case Event.data:
      connection.discarded += reader.dataEnd - reader.dataStart;
      if (connection.discarded > DISCARD_BYTES_MAX) end(connection, Way.lingering);
      return true;
    case Event.end:
      nextRequest(connection);
      return true;
    case Event.fault:
      end(connection, Way.lingering);
      return false;
    default:
      if (connection.input === Input.ended) end(connection, Way.atOnce);
      return false;
  }
}

// ---- the end of the client's bytes, of an exchange ------------------------------------------------------------------

/** FIN from the client. */
export function onEnd(connection: ClientConnection): void {
  const { tunnel, exchange } = connection;
  connection.input = Input.ended;
  if (connection.state === State.tunnel) tunnel?.ended(tunnel.downstream);
  else if (connection.held === null) inputDone(connection);
  else if (connection.state === State.answering && exchange !== null) watchHalfClosed(connection, exchange);
}

/** Nothing more will come, and everything that came is read. */
function inputDone(connection: ClientConnection): void {
  const { reader, exchange } = connection;
  switch (connection.state) {
    case State.idle:
    case State.head:
      if (reader.endOfInput() === Event.fault) return refuse(connection, refusal(reader.fault));
      giveReaderBack(connection);
      return end(connection, Way.whenWritten);
    case State.receiving:
      if (endsBody(connection)) return end(connection, Way.reset, "client_gone");
      return exchange?.clientGone("client_gone");
    case State.answering:
      if (exchange !== null) watchHalfClosed(connection, exchange);
      return;
    default:
      end(connection, Way.whenWritten);
  }
}

/** The exchange is over: goes on with the connection's next request, or ends it. */
export function exchangeFinished(connection: ClientConnection): void {
  const { exchange, state } = connection;
  connection.exchange = null;
  if (exchange === null) return;
  if (state === State.receiving) return finishedEarly(connection);
  if (state !== State.answering) return;
  if (connection.isLast || (connection.input === Input.ended && connection.held === null)) {
    const way = endAfter(connection, exchange);
    if (way === Way.whenWritten) giveReaderBack(connection);
    return end(connection, way);
  }
  nextRequest(connection);
  if (!connection.isProcessing && (connection.held !== null || connection.input === Input.paused)) proceed(connection);
}

/** The exchange was over before its request. */
function finishedEarly(connection: ClientConnection): void {
  if (connection.isLast) return end(connection, Way.lingering);
  connection.enter(State.discarding);
  connection.discarded = 0;
  connection.setDeadline(Deadline.discard, DISCARD_MS);
  if (!connection.isProcessing) proceed(connection);
}

// ---- between two requests -------------------------------------------------------------------------------------------

function nextRequest(connection: ClientConnection): void {
  connection.reader.restart(connection.reader.head);
  connection.enter(State.idle);
  connection.bodyMode = BodyMode.none;
  // While a response is still on its way the time that counts is the client's for taking it.
  if (connection.outlet.blocked) connection.watchTaking();
  else waitIdle(connection);
}

export function waitIdle(connection: ClientConnection): void {
  const { thread, context, reader } = connection;
  const idleMs = context.draining ? DRAIN_IDLE_MS : context.config.timeouts.keep_alive;
  connection.idleUntil = thread.deadlines.tickOf(thread.now + idleMs);
  connection.setDeadline(Deadline.settle, Math.min(idleMs, reader.remembers ? SETTLE_MS : SETTLE_SOON_MS));
}

/** The connection has been idle for a moment, and gives back what it was lent. */
export function settle(connection: ClientConnection): void {
  giveReaderBack(connection);
  connection.reads?.rest();
  connection.setDeadlineTick(Deadline.keepAlive, connection.idleUntil);
}

/** No request is being read or answered. */
function giveReaderBack(connection: ClientConnection): void {
  const { reader } = connection;
  if (reader === NO_READER) return;
  connection.reader = NO_READER;
  connection.context.giveReaderBack(reader);
}
