/**
 * Reads what a client sends: heads become exchanges, body bytes go to the running exchange. While a complete request is answered, the socket is
 * still read: that costs no system call and shows when the client leaves. Bytes of further requests that arrive meanwhile are held; when they
 * are too many, reading pauses.
 */
import { Buffer } from "node:buffer";
import { connectionOptions } from "../../../http/connection-options.ts";
import { askedProtocols } from "../../../http/upgrade.ts";
import { DEFAULT_LIMITS } from "../../../http1/limits.ts";
import { Event } from "../../../http1/message-reader.ts";
import { RequestReader } from "../../../http1/request-reader.ts";
import * as answers from "../../../proxy/exchange/answers.ts";
import { Exchange } from "../../../proxy/exchange/exchange.ts";
import { CounterId } from "../../../shared/metric-table.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import { ReadTarget } from "../../buffers/read-target.ts";
import { SAID_BY_PROXIES, behindProxy } from "../../client-facts.ts";
import { DISCARD_BYTES_MAX, LINGER_BYTES_MAX } from "../../refused-body.ts";
import { BodyMode } from "../response-writer.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline, Input, State } from "./client-state.ts";
import { Way, end, endAfter, endsBody, refuse } from "./ending.ts";
import { watchHalfClosed } from "./half-closed.ts";
import { refusal } from "./refusal.ts";

/** How long the client may take to send the rest of a refused body. */
const DISCARD_MS = 2000;
/** Reading pauses when this many bytes are held for the exchange, or for the requests after it. */
const HELD_BYTES_MAX = 32 * 1024;
/** How long an idle connection waits for a last request once its listener drains. */
const DRAIN_IDLE_MS = 500;
/** After this time an idle connection gives back its reader, which remembers the connection's last request: it will probably idle for long. */
const SETTLE_MS = 1000;
/** The same for a connection whose reader remembers nothing. Short: of many clients that send a request now and then, few hold a reader. */
const SETTLE_SOON_MS = 50;

/** The value of a connection's `reader` while it has none on loan. */
export const NO_READER: RequestReader = new RequestReader(DEFAULT_LIMITS);

// ---- reading --------------------------------------------------------------------------------------------------------

/** Takes in `buffer[0, count)`, which was just read from the socket. */
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
  if (connection.reader === NO_READER) connection.reader = context.takeReader();
  connection.reader.feed(buffer, 0, count, buffer === sharedBuffer);
  readOn(connection);
  afterRead(connection, count, isReceiving(connection), !isRequestBlocked(connection));
}

/** A function, because the compiler does not see that reading has changed the state. */
function isReceiving({ state }: ClientConnection): boolean {
  return state === State.receiving;
}

/** Whether an unfinished write to the endpoint still refers to the buffer of the last read. */
export function isRequestBlocked({ exchange }: ClientConnection): boolean {
  return exchange !== null && exchange.requestBlocked;
}

function afterRead(connection: ClientConnection, count: number, goesOn: boolean, isTaken: boolean): void {
  if (goesOn) connection.reads ??= new ReadTarget(connection, connection.thread.bulk, false);
  connection.reads?.after(count, goesOn, isTaken);
}

/** Parses what the reader was fed, as far as the connection's state allows. */
function readOn(connection: ClientConnection): void {
  connection.isProcessing = true;
  while (step(connection));
  connection.isProcessing = false;
  connection.exchange?.requestFlush();
  connection.thread.chunk.closeAny();
}

/** Parses one event. Returns false when nothing more can be done with the bytes at hand. */
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

/** Keeps `bytes` for later. Reading goes on up to a limit: only a socket that is read shows that its client is gone. */
function hold(connection: ClientConnection, bytes: Buffer): void {
  connection.held = bytes;
  if (bytes.length >= HELD_BYTES_MAX) connection.pauseReading();
}

/** Parses the held bytes, then resumes reading the socket if nothing stands in the way. */
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
  // While the client does not take its responses, no further request is begun: more responses would pile up.
  if (connection.outlet.blocked) {
    if (reader.hasRest) hold(connection, reader.takeRest());
    else connection.pauseReading();
    return false;
  }
  if (connection.state === State.idle && connection.configured !== connection.context.config) connection.reconfigure();
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
  // The first request's time began with the connection.
  const isFirst = connection.requests === 0 && !connection.draining;
  connection.headDueTick = isFirst ? connection.dueTick : thread.deadlines.tickOf(thread.now + context.config.timeouts.request_head);
  connection.setDeadlineTick(Deadline.head, connection.headDueTick);
}

/**
 * Sets the head's deadline again after a time in which the client took no response and was therefore not read. Its head may have come
 * meanwhile, even if the deadline is over, so there is at least a second to read it.
 */
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
  connection.isLast = options.close || head.version === "1.0" || connection.draining;
  const { requests_per_connection: requestsMax, pipelined_requests: pipelinedMax } = context.config.limits;
  if (++connection.requests >= requestsMax || ++connection.pipelined >= pipelinedMax) connection.isLast = true;
  head.hidden = connection.hidden;
  if (context.reserved !== null) head.reserve(context.reserved);
  if (!peerTrusted && (head.present & SAID_BY_PROXIES) !== 0) context.notices.onForwarding(peer, context.config);
  const facts = peerTrusted ? behindProxy(head, connection.direct, context) : connection.direct;
  const upgrade = options.upgrade ? askedProtocols(head, options) : "";
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

/** Parses one event of the request's body and hands it to the exchange. */
function readBody(connection: ClientConnection): boolean {
  const { reader, exchange, thread } = connection;
  if (exchange === null) return false;
  if (!exchange.takesBody) {
    if (reader.hasRest) hold(connection, reader.takeRest());
    // The reader keeps an unfinished line of any length, so nothing more may be read until the exchange takes the body.
    else if (reader.insideLine) connection.pauseReading();
    return false;
  }
  switch (reader.next()) {
    case Event.data:
      connection.pace.add(reader.dataEnd - reader.dataStart, thread.now);
      exchange.requestData(reader.bytes, reader.dataStart, reader.dataEnd);
      return true;
    case Event.end:
      // While response bytes wait for the client, the deadline is for these.
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

/** Answers 408 if the request's body comes too slowly; else sets the next check. */
export function checkBodyPace(connection: ClientConnection): void {
  const { exchange, thread, context } = connection;
  if (exchange === null) return;
  const { timeouts, limits } = context.config;
  // Once the response has begun, both sides may be in a dialogue in which the client waits for the next response bytes: no minimum rate.
  const rate = exchange.responseStarted ? 0 : limits.body_rate;
  // The client is not to blame while the proxy does not take its body, or while it waits for the 100 (Continue) that it asked for.
  const isExcused = connection.input === Input.paused || !exchange.takesBody || exchange.awaitsContinue;
  if (!connection.pace.tooSlow(thread.now, timeouts.idle, rate, isExcused)) return setBodyDeadline(connection);
  thread.metrics.add(CounterId.request_timeouts, 1);
  connection.isLast = true;
  exchange.requestFailed(answers.REQUEST_TIMEOUT);
}

/** Holds bytes that came after the current request until that request is answered. */
function holdNext(connection: ClientConnection): boolean {
  const { reader, exchange } = connection;
  if (reader.hasRest) hold(connection, reader.takeRest());
  if (connection.input === Input.ended && exchange !== null) watchHalfClosed(connection, exchange);
  return false;
}

/** Reads and throws away the rest of a request's body after an early answer. */
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

// ---- the end of the client's bytes, and of an exchange --------------------------------------------------------------

/** FIN from the client. */
export function onEnd(connection: ClientConnection): void {
  const { tunnel, exchange } = connection;
  connection.input = Input.ended;
  if (connection.state === State.tunnel) tunnel?.ended(tunnel.downstream);
  else if (connection.held === null) inputDone(connection);
  else if (connection.state === State.answering && exchange !== null) watchHalfClosed(connection, exchange);
}

/** The client has sent its FIN, and everything before it has been parsed. */
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

/** The exchange is over: goes on with the next request, or ends the connection. */
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

/** The exchange was over before its request was complete. */
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
  // While response bytes wait for the client, the deadline is for these.
  if (connection.outlet.blocked) connection.watchTaking();
  else waitIdle(connection);
}

/** Starts the idle time after a response: until the next request, or a short time when the listener drains. */
export function waitIdle(connection: ClientConnection): void {
  const { thread, context, reader } = connection;
  const idleMs = connection.draining ? DRAIN_IDLE_MS : context.config.timeouts.keep_alive;
  connection.idleUntil = thread.deadlines.tickOf(thread.now + idleMs);
  connection.setDeadline(Deadline.settle, Math.min(idleMs, reader.remembers ? SETTLE_MS : SETTLE_SOON_MS));
}

/** Gives back the reader and the large buffer of a connection that has been idle for a moment, and starts its keep-alive time. */
export function settle(connection: ClientConnection): void {
  giveReaderBack(connection);
  connection.reads?.rest();
  connection.setDeadlineTick(Deadline.keepAlive, connection.idleUntil);
}

/** Returns the reader to the listener. Only while no request is being read or answered. */
export function giveReaderBack(connection: ClientConnection): void {
  const { reader } = connection;
  if (reader === NO_READER) return;
  connection.reader = NO_READER;
  connection.context.giveReaderBack(reader);
}
