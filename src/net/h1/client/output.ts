/** Writes the responses of exchanges to the client, and watches how fast the client takes them. */
import type { Buffer } from "node:buffer";
import type { BodyLength } from "../../../http/body-length.ts";
import type { FieldEdits } from "../../../http/field-edits.ts";
import type { ResponseEdits } from "../../../http/head-edits.ts";
import type { FieldSection } from "../../../http/field-section.ts";
import type { HttpVersion } from "../../../http/http-version.ts";
import type { ResponseHead } from "../../../http/response-head.ts";
import { lastChunk } from "../../../http1/write-chunk.ts";
import { finishAnswer } from "../../../proxy/exchange/finished-answer.ts";
import type { LocalAnswer } from "../../../proxy/local-answer.ts";
import type { UpstreamStream } from "../../../proxy/ports/upstream-stream.ts";
import { isWorthReading } from "../../refused-body.ts";
import { SocketDuplex } from "../../transport/socket-duplex.ts";
import { Tunnel } from "../../tunnel.ts";
import { BodyMode, answerText, interimHeadText, responseHeadText, switchingHeadText } from "../response-writer.ts";
import type { BodyModeKind } from "../response-writer.ts";
import type { ClientConnection } from "./client-connection.ts";
import { Deadline, Input, State } from "./client-state.ts";
import { Way, end } from "./ending.ts";
import { setHalfClosedDeadline } from "./half-closed.ts";
import { proceed, setBodyDeadline, waitIdle, waitOnForHead } from "./input.ts";

// ---- what the exchange has to say -----------------------------------------------------------------------------------

export function interim(connection: ClientConnection, head: ResponseHead): void {
  if (connection.exchange === null || !connection.exchange.request.understandsInterim) return;
  connection.outlet.append(interimHeadText(head));
  if (!connection.outlet.flush() && connection.deadline !== Deadline.taking) onBlocked(connection);
}

export function respond(connection: ClientConnection, head: ResponseHead, length: BodyLength, edits: ResponseEdits): void {
  const { exchange, thread } = connection;
  if (exchange === null) return;
  const mode = bodyModeOf(length, exchange.request.version);
  connection.bodyMode = mode;
  if (connection.draining || connection.state === State.receiving || mode === BodyMode.untilClose) connection.isLast = true;
  const epochMs = thread.now + thread.epochOffset;
  connection.outlet.append(responseHeadText(head, edits, { mode, close: connection.isLast, epochMs }));
}

export function answer(connection: ClientConnection, answer: LocalAnswer, edits: FieldEdits): void {
  const { exchange, thread } = connection;
  if (exchange === null) return;
  const isUnread = connection.state === State.receiving && !isWorthReading(exchange);
  if (answer.endsConnection === true || isUnread || connection.draining) connection.isLast = true;
  const finished = finishAnswer(answer, exchange.request, edits, thread.now + thread.epochOffset);
  connection.outlet.append(answerText(finished, connection.isLast));
  connection.outlet.flush();
}

function bodyModeOf(length: BodyLength, version: HttpVersion): BodyModeKind {
  // An HTTP/1.0 client gets no Transfer-Encoding, not even in answer to HEAD (RFC 9112 section 6.1).
  if (length > 0) return BodyMode.length;
  if (version === "1.0") return BodyMode.untilClose;
  return length === 0 ? BodyMode.none : BodyMode.chunked;
}

export function data(connection: ClientConnection, bytes: Buffer, start: number, end: number): void {
  if (connection.bodyMode === BodyMode.chunked) connection.thread.chunk.add(connection.outlet, bytes, start, end);
  else connection.outlet.slice(bytes, start, end);
}

export function endBody(connection: ClientConnection, trailers: FieldSection | null): void {
  if (connection.bodyMode !== BodyMode.chunked) return;
  connection.thread.chunk.close(connection.outlet);
  connection.outlet.append(lastChunk(trailers));
}

/** Sends what was appended. Returns false if the client does not take it fast enough; `onUnblocked` is called once it has. */
export function flush(connection: ClientConnection): boolean {
  const { outlet, thread } = connection;
  if (connection.bodyMode === BodyMode.chunked) thread.chunk.close(outlet);
  if (connection.input === Input.ended || connection.state === State.receiving) connection.pace.flowed(thread.now);
  const isWritten = outlet.flushLater(thread.writes, false);
  if (!isWritten && connection.deadline !== Deadline.taking) connection.watchTaking();
  return isWritten;
}

export function startTunnel(connection: ClientConnection, head: ResponseHead, upstream: UpstreamStream): void {
  const { thread, exchange, held } = connection;
  connection.outlet.append(switchingHeadText(head));
  connection.outlet.flush();
  connection.enter(State.tunnel);
  connection.cancelDeadline();
  if (exchange === null) return;
  const idleMs = exchange.tunnelIdleMs ?? connection.context.config.timeouts.idle;
  const side = new SocketDuplex(connection.transport, connection.outlet);
  const tunnel = new Tunnel(thread, exchange, side, upstream, idleMs);
  connection.tunnel = tunnel;
  connection.held = null;
  // Resume before the held bytes are passed on: if the endpoint does not take them, the tunnel pauses reading again.
  connection.resumeReading();
  if (held !== null) tunnel.received(side, held, held.length);
  if (connection.input === Input.ended) tunnel.ended(side);
}

// ---- how fast the client takes its response -------------------------------------------------------------------------

/** The client takes its response more slowly than it comes: the exchange is told to pause. */
export function onBlocked(connection: ClientConnection): void {
  connection.watchTaking();
  connection.exchange?.clientBlocked();
}

/** The client has taken everything that was written: the exchange, or reading, goes on. */
export function onUnblocked(connection: ClientConnection): void {
  const { state, exchange } = connection;
  if (state === State.receiving || state === State.answering) {
    connection.pace.flowed(connection.thread.now);
    if (state === State.receiving) setBodyDeadline(connection);
    else if (connection.input === Input.ended) setHalfClosedDeadline(connection);
    else connection.cancelDeadline();
    exchange?.clientUnblocked();
  } else if (state === State.idle || state === State.head) {
    if (state === State.head) waitOnForHead(connection);
    else waitIdle(connection);
    proceed(connection);
  }
}

/** Resets a connection whose client has taken too little of its response since the last check. */
export function checkTaking(connection: ClientConnection): void {
  const { outlet, context } = connection;
  // All bytes have been sent meanwhile, and only the connection's end is still on its way.
  if (!outlet.blocked) return end(connection, Way.atOnce);
  const { timeouts, limits } = context.config;
  if (outlet.takenSinceMark >= Math.max(1, (limits.response_rate * timeouts.idle) / 1000)) connection.watchTaking();
  else end(connection, Way.reset, "client_stalled");
}
