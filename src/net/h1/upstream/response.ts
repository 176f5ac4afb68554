/** Reads what an endpoint sends: the response goes to the exchange; after that the connection becomes idle or is closed. */
import type { Buffer } from "node:buffer";
import { challengesConnection } from "../../../http/connection-authentication.ts";
import { connectionOptions } from "../../../http/connection-options.ts";
import { Known } from "../../../http/known-fields.ts";
import type { Http1ResponseHead } from "../../../http1/http1-response-head.ts";
import { Framing } from "../../../http1/body-framing.ts";
import { CR, LF } from "../../../http1/chars.ts";
import { Faults } from "../../../http1/faults.ts";
import { EMPTY_LINES_MAX, RESPONSE_LIMITS } from "../../../http1/limits.ts";
import { Event } from "../../../http1/message-reader.ts";
import { ResponseReader } from "../../../http1/response-reader.ts";
import type { ResponseSink } from "../../../proxy/ports/upstream-stream.ts";
import { sharedBuffer } from "../../buffers/read-buffers.ts";
import { ReadTarget } from "../../buffers/read-target.ts";
import { isSwitchFor } from "../upgrade-answer.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";
import { Deadline, Fate, State } from "./upstream-state.ts";

/** The value of a connection's `reader` while it awaits no response. */
export const NO_READER: ResponseReader = new ResponseReader(RESPONSE_LIMITS);

/** How many bytes of stray line ends are skipped before a response: as many line ends as before a request. */
const LINE_END_BYTES_MAX = 2 * EMPTY_LINES_MAX;

/** Takes in `buffer[0, count)`, which was just read from the socket. */
export function onRead(connection: UpstreamConnection, buffer: Buffer, count: number): void {
  const { outlet } = connection;
  if (connection.state === State.tunnel) return tunnelReceived(connection, buffer, count);
  // RFC 9112 section 9.2: bytes that arrive without a request are not a response.
  if (connection.sink === null) return connection.close();
  // Bytes that come before any byte of the request has left do not answer it.
  if (outlet.waits && outlet.bytesSent === connection.sentBefore) return connection.close("connection_terminated");
  const mayBeLate = !connection.answered && (buffer[0] === CR || connection.lineEndBytes > 0);
  const start = mayBeLate ? skipLineEnds(connection, buffer, count) : 0;
  if (start === count) return afterRead(connection, count, true, !connection.paused);
  connection.answered = true;
  if (connection.lineEndBytes % 2 === 1) return refuse(connection, Faults.bareCarriageReturn.code);
  connection.bufferIsFree = false;
  connection.noteProgress();
  connection.reader.feed(buffer, start, count, buffer === sharedBuffer);
  const goesOn = readOn(connection);
  connection.thread.chunk.closeAny();
  afterRead(connection, count, goesOn, goesOn ? !connection.paused : connection.bufferIsFree || connection.tunnel !== null);
}

/**
 * Returns where the response begins in `buffer[0, count)`. Some origins send a line end after a body (RFC 9112 section 2.2 describes the same of
 * clients). That line end may arrive after the connection was taken for the next exchange. It is not that exchange's response: the exchange
 * goes on, but it is the connection's last.
 */
function skipLineEnds(connection: UpstreamConnection, buffer: Buffer, count: number): number {
  if (!connection.reused) return 0;
  let { lineEndBytes } = connection;
  let at = 0;
  while (at < count && lineEndBytes < LINE_END_BYTES_MAX && buffer[at] === (lineEndBytes % 2 === 0 ? CR : LF)) {
    at++;
    lineEndBytes++;
  }
  connection.lineEndBytes = lineEndBytes;
  if (at > 0) connection.fate = Fate.last;
  return at;
}

function afterRead(connection: UpstreamConnection, count: number, goesOn: boolean, isTaken: boolean): void {
  if (goesOn) connection.reads ??= new ReadTarget(connection, connection.thread.bulk, true);
  connection.reads?.after(count, goesOn, isTaken);
}

function tunnelReceived(connection: UpstreamConnection, buffer: Buffer, count: number): void {
  const { tunnel, duplex } = connection;
  if (tunnel === null || duplex === null) return;
  tunnel.received(duplex, buffer, count);
  afterRead(connection, count, true, tunnel.flowing(duplex));
}

/** Parses what the reader was fed. Returns false once no exchange uses this connection any more. */
function readOn(connection: UpstreamConnection): boolean {
  const { reader } = connection;
  for (;;) {
    const { sink } = connection;
    if (sink === null) return false;
    switch (reader.next()) {
      case Event.head:
        if (!onHead(connection, sink)) return false;
        break;
      case Event.data:
        sink.responseData(connection, reader.bytes, reader.dataStart, reader.dataEnd);
        break;
      case Event.end:
        complete(connection, sink);
        return false;
      case Event.fault:
        refuse(connection, reader.fault.code);
        return false;
      default:
        sink.responseFlush(connection);
        return connection.sink !== null;
    }
  }
}

function onHead(connection: UpstreamConnection, sink: ResponseSink): boolean {
  const { head, framing } = connection.reader;
  if (framing.doubtful) connection.fate = Fate.last;
  if (head.status < 200) return onInterim(connection, sink, head);
  const options = connectionOptions(head);
  if (head.version !== "1.1" || options.close || framing.kind === Framing.untilClose) connection.fate = Fate.last;
  if (challengesConnection(head)) connection.bind();
  connection.setDeadline(connection.outlet.blocked ? Deadline.taking : Deadline.response, connection.idleMs);
  connection.enter(State.responding);
  sink.responseHead(connection, head, framing.bodyLength);
  return true;
}

function onInterim(connection: UpstreamConnection, sink: ResponseSink, head: Http1ResponseHead): boolean {
  const { reader, request } = connection;
  const isUnasked = head.status === 101 && (request === null || !isSwitchFor(request.request, request.upgrade, head));
  if (isUnasked || !sink.interim(connection, head)) {
    refuse(connection, head.status === 101 ? "unasked_switch" : "too_many_interim_responses");
    return false;
  }
  const { tunnel, duplex } = connection;
  if (tunnel !== null && duplex !== null) {
    const rest = reader.takeRest();
    if (rest.length > 0) tunnel.received(duplex, rest, rest.length);
    return false;
  }
  if (head.status === 102) connection.waitOn();
  reader.next();
  reader.restart(head);
  return true;
}

function refuse(connection: UpstreamConnection, code: string): void {
  connection.pool.malformed(code);
  connection.close("malformed_response");
}

/** The response is complete. The connection returns to the pool before the exchange is told, so that the client's next request can use it. */
function complete(connection: UpstreamConnection, sink: ResponseSink): void {
  const { trailers } = connection.reader;
  connection.letGo();
  connection.outlet.endWait();
  connection.cancelDeadline();
  if (canGoOn(connection)) becomeIdle(connection, sink);
  else connection.close();
  connection.bufferIsFree = sink.responseEnd(connection, trailers);
}

/**
 * Whether another exchange may use the connection. Not after an early response, excess bytes or an unfinished write: the two sides might
 * disagree on where the next message begins.
 */
function canGoOn({ fate, isOld, paused, requestEnded, outlet, reader, transport }: UpstreamConnection): boolean {
  if (fate === Fate.last || isOld || paused) return false;
  return requestEnded && !outlet.blocked && !outlet.failed && !reader.hasRest && !transport.destroyed;
}

function becomeIdle(connection: UpstreamConnection, sink: ResponseSink): void {
  const { pool, reader } = connection;
  const { head } = reader;
  connection.enter(State.idle);
  connection.setDeadline(Deadline.idle, pool.idleMs(head.knownValue(Known.keepAlive)));
  reader.restart(head);
  connection.reader = NO_READER;
  reader.letGo();
  pool.readers.giveBack(reader);
  if (connection.fate === Fate.pooled) pool.release(connection);
  else sink.ownConnection(connection);
}

/** FIN from the endpoint. */
export function onEnd(connection: UpstreamConnection): void {
  const { sink } = connection;
  if (sink === null) return connection.close();
  const event = connection.reader.endOfInput();
  // After a failed write, the system may report a reset as an orderly end. RFC 9112 section 8: then the response is incomplete.
  if (event !== Event.end || connection.outlet.failed) return connection.close("connection_terminated");
  // Only a body that ends with its connection comes here; its head has already set the fate to `last`.
  complete(connection, sink);
  connection.reads?.end(connection.bufferIsFree);
}
